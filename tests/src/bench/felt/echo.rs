//! Round trips: a datagram to a host that sends it back, one after the other.

use std::{
    io::ErrorKind,
    net::UdpSocket,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use super::datagrams::sockets;
use crate::harness::{cpu, host::Host};

/// Far longer than a round trip takes; only a lost datagram is waited for as long.
const LOST: Duration = Duration::from_millis(200);
/// How many may be lost in a row before it's taken for granted that none arrives.
const MOST_LOST: usize = 3;
/// Room for the longest datagram, in bytes.
const ROOM: usize = 1 << 16;

/// What came of some round trips.
#[derive(Clone, Debug)]
pub(super) struct Echoes {
    /// How long each took that came back, in microseconds.
    pub(super) times: Vec<f64>,
    /// The share that came back.
    pub(super) arrived: f64,
}

/// Makes round trips for so long. Both ends are on one CPU, so that none of them waits for another to wake up.
///
/// # Errors
/// A socket fails.
pub(super) fn run(host: &Host, datagrams: &[Vec<u8>], time: Duration) -> Result<Echoes> {
    let (server, client) = sockets(host)?;
    let [own_cpu, _] = cpu::two()?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let serving = scope.spawn(|| serve(&server, own_cpu, &stop));
        let asking = scope.spawn(|| ask(&client, own_cpu, datagrams, time));
        let asked = asking.join().map_err(|_| anyhow!("the client has panicked"));
        stop.store(true, Ordering::SeqCst);
        serving.join().map_err(|_| anyhow!("the server has panicked"))??;
        asked?
    })
}

fn serve(socket: &UdpSocket, own_cpu: usize, stop: &AtomicBool) -> Result<()> {
    cpu::pin(own_cpu)?;
    socket.set_read_timeout(Some(LOST / 4))?;
    let mut room = vec![0; ROOM];
    while !stop.load(Ordering::SeqCst) {
        match socket.recv_from(&mut room) {
            Ok((length, from)) => drop(socket.send_to(&room[..length], from).context("sending back")?),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error).context("receiving"),
        }
    }
    Ok(())
}

fn ask(socket: &UdpSocket, own_cpu: usize, datagrams: &[Vec<u8>], time: Duration) -> Result<Echoes> {
    cpu::pin(own_cpu)?;
    socket.set_read_timeout(Some(LOST))?;
    let mut room = vec![0; ROOM];
    let (mut times, mut asked, mut lost_in_a_row) = (Vec::new(), 0_usize, 0);
    let start = Instant::now();
    for datagram in datagrams.iter().cycle() {
        if start.elapsed() > time && asked >= datagrams.len() || lost_in_a_row >= MOST_LOST {
            break;
        }
        asked += 1;
        let sent = Instant::now();
        socket.send(datagram).context("sending")?;
        match socket.recv(&mut room) {
            Ok(length) if length == datagram.len() => {
                times.push(sent.elapsed().as_secs_f64() * 1e6);
                lost_in_a_row = 0;
            }
            Ok(length) => return Err(anyhow!("{length} bytes come back of {}", datagram.len())),
            Err(error) if is_timeout(&error) => lost_in_a_row += 1,
            Err(error) => return Err(error).context("receiving"),
        }
    }
    let arrived = times.len() as f64 / asked.max(1) as f64;
    Ok(Echoes { times, arrived })
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
