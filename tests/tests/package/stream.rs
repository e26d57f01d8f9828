//! Datagrams that a neighbour sends all the time, to a port that is allowed and to one that isn't.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp;
use nix::sys::socket::{setsockopt, sockopt};

/// The port that the rules allow.
pub const ALLOWED: u16 = 500;
/// One that they don't.
pub const DENIED: u16 = 53;
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes of datagrams that may wait to be read: more than come while a package is upgraded.
const ROOM: usize = 256 << 20;

/// The sender, which ends on drop, and the host's sockets.
#[derive(Debug)]
pub struct Stream {
    allowed: UdpSocket,
    denied: UdpSocket,
    sent: Arc<AtomicU32>,
    ends: Arc<AtomicBool>,
    sender: Option<JoinHandle<Result<()>>>,
}

impl Stream {
    /// Begins to send.
    ///
    /// # Errors
    /// A port is taken.
    pub fn new(host: &Host) -> Result<Self> {
        let to = HOST[1];
        let [allowed, denied] =
            [udp::socket(&host.netns, to, ALLOWED)?, udp::socket(&host.netns, to, DENIED)?];
        setsockopt(&allowed, sockopt::RcvBufForce, &ROOM)?;
        let socket = udp::socket(&host.neighbour, to, 0)?;
        let (sent, ends) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let sender = std::thread::spawn({
            let (sent, ends) = (Arc::clone(&sent), Arc::clone(&ends));
            move || {
                while !ends.load(Ordering::Relaxed) {
                    let number = sent.load(Ordering::Relaxed).to_ne_bytes();
                    for port in [DENIED, ALLOWED] {
                        // As long as the host isn't up there's no way to it.
                        let _ = socket.send_to(&number, (to, port));
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE);
                }
                Ok(())
            }
        });
        Ok(Self { allowed, denied, sent, ends, sender: Some(sender) })
    }

    /// How many denied datagrams have come through since this was asked last.
    ///
    /// # Errors
    /// The socket fails.
    pub fn denied(&self) -> Result<usize> {
        Ok(udp::pending(&self.denied)?.len())
    }

    /// Waits until an allowed datagram comes through that is sent after this was called; says how many of those between the first
    /// and the last that came since this was called before are missing.
    ///
    /// # Errors
    /// None comes.
    pub fn missing(&self) -> Result<u32> {
        let now = self.sent.load(Ordering::Relaxed);
        let mut numbers = Vec::new();
        while numbers.last().is_none_or(|last| *last <= now) {
            let datagram =
                udp::receive(&self.allowed, Duration::from_secs(30))?.context("no datagram comes through")?;
            numbers.push(u32::from_ne_bytes(datagram.as_slice().try_into()?));
        }
        let first = numbers.iter().min().copied().unwrap_or_default();
        let last = numbers.iter().max().copied().unwrap_or_default();
        Ok(last - first + 1 - u32::try_from(numbers.len())?)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            // Its own failure shows in what doesn't come.
            let _ = sender.join();
        }
    }
}
