//! What arrives in a second of what is sent as fast as a socket takes it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use super::datagrams::sockets;
use crate::harness::{cpu, host::Host};

/// How long the receiver waits for more, once the sender is done.
const QUIET: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goodput {
    /// Gigabits a second that arrived, of the datagrams' data.
    pub(super) rate: f64,
    /// The share of the datagrams that arrived.
    pub(super) arrived: f64,
}

/// Sends for so long, from one CPU to another.
///
/// # Errors
/// A socket fails.
pub(super) fn run(host: &Host, datagrams: &[Vec<u8>], time: Duration) -> Result<Goodput> {
    let (receiver, sender) = sockets(host)?;
    let [sending_cpu, receiving_cpu] = cpu::two()?;
    let sent_all = AtomicBool::new(false);
    let (sent, seconds, received, bytes) = thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            cpu::pin(receiving_cpu)?;
            receiver.set_read_timeout(Some(QUIET))?;
            let (mut received, mut bytes) = (0_u64, 0_u64);
            let mut room = vec![0; 1 << 16];
            loop {
                // Asked first: what was sent until then is there.
                let is_over = sent_all.load(Ordering::SeqCst);
                match receiver.recv(&mut room) {
                    Ok(length) => {
                        received += 1;
                        bytes += length as u64;
                    }
                    Err(_) if is_over => return anyhow::Ok((received, bytes)),
                    Err(_) => {}
                }
            }
        });
        let sending = scope.spawn(|| {
            let sent = (|| {
                cpu::pin(sending_cpu)?;
                let (mut sent, start) = (0_u64, Instant::now());
                for datagram in datagrams.iter().cycle() {
                    if start.elapsed() > time && sent >= datagrams.len() as u64 {
                        break;
                    }
                    sender.send(datagram).context("sending")?;
                    sent += 1;
                }
                anyhow::Ok((sent, start.elapsed().as_secs_f64()))
            })();
            sent_all.store(true, Ordering::SeqCst);
            sent
        });
        let (sent, seconds) = sending.join().map_err(|_| anyhow!("the sender has panicked"))??;
        let (received, bytes) = receiving.join().map_err(|_| anyhow!("the receiver has panicked"))??;
        anyhow::Ok((sent, seconds, received, bytes))
    })?;
    Ok(Goodput { rate: bytes as f64 * 8.0 / seconds / 1e9, arrived: received as f64 / sent as f64 })
}
