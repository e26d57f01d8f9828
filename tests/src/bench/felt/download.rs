//! What the host itself fetches from its neighbour over a TCP connection.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use super::goodput::Goodput;
use crate::harness::{
    cpu,
    host::{Host, NEIGHBOUR},
};

/// How long a connection may take to come about: a filter that drops the answer lets none.
const PATIENCE: Duration = Duration::from_millis(100);
/// How much is written and read at once, in bytes.
const CHUNK: usize = 1 << 17;

/// Fetches for so long, from one CPU to another. No connection, no figure.
///
/// # Errors
/// A socket fails.
pub(super) fn run(host: &Host, time: Duration) -> Result<Goodput> {
    let listener = host.neighbour.enter(|| Ok(TcpListener::bind(SocketAddr::new(NEIGHBOUR[0], 0))?))?;
    let place = listener.local_addr()?;
    let fetching = match host.netns.enter(|| Ok(TcpStream::connect_timeout(&place, PATIENCE)))? {
        Ok(connected) => connected,
        Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Goodput { rate: 0.0, arrived: 0.0 }),
        Err(error) => return Err(error).context("connecting to the neighbour"),
    };
    let (mut serving, _) = listener.accept()?;
    let [serving_cpu, fetching_cpu] = cpu::two()?;
    thread::scope(|scope| {
        let served = scope.spawn(move || {
            cpu::pin(serving_cpu)?;
            let (data, start) = (vec![0; CHUNK], Instant::now());
            while start.elapsed() < time {
                serving.write_all(&data).context("sending")?;
            }
            // Dropping it says that it's over.
            anyhow::Ok(())
        });
        let fetched = scope.spawn(|| {
            cpu::pin(fetching_cpu)?;
            let (mut room, mut bytes, start) = (vec![0; CHUNK], 0_u64, Instant::now());
            loop {
                match (&fetching).read(&mut room).context("receiving")? {
                    0 => break,
                    read => bytes += read as u64,
                }
            }
            anyhow::Ok(bytes as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e9)
        });
        served.join().map_err(|_| anyhow!("the server has panicked"))??;
        let rate = fetched.join().map_err(|_| anyhow!("the receiver has panicked"))??;
        Ok(Goodput { rate, arrived: 1.0 })
    })
}
