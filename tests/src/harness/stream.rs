//! Numbered datagrams that a neighbour sends to a host without a pause, to a port that its filter allows and to one that it doesn't.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::host::Host;
use super::udp::{pending, receive, socket};

/// How many numbers may be under way, so that no queue overflows where a CPU is late.
const WINDOW: u64 = 16;
/// The pause between two numbers.
const PACE: Duration = Duration::from_micros(300);
/// Far longer than any datagram takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(30);

/// The ports.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// The one that is allowed throughout.
    pub allowed: u16,
    /// The one that is denied throughout.
    pub denied: u16,
}

/// Such datagrams; they end with this.
#[derive(Debug)]
pub struct Stream {
    progress: Arc<Progress>,
    denied: UdpSocket,
    sending: Option<JoinHandle<Result<()>>>,
    receiving: Option<JoinHandle<Result<()>>>,
}

/// Of each number, from 1, the datagram to the denied port is sent first: once the other has arrived, so would it have.
#[derive(Debug, Default)]
struct Progress {
    begun: AtomicU64,
    arrived: AtomicU64,
    stop: AtomicBool,
    sent: AtomicBool,
}

impl Stream {
    /// Begins, with datagrams of so many bytes (8 at least).
    ///
    /// # Errors
    /// A port is taken.
    pub fn start(host: &Host, to: IpAddr, ports: Ports, size: usize) -> Result<Self> {
        let allowed = socket(&host.netns, to, ports.allowed)?;
        let denied = socket(&host.netns, to, ports.denied)?;
        let sender = socket(&host.neighbour, to, 0)?;
        let progress = Arc::new(Progress::default());
        let own = Arc::clone(&progress);
        let sending = thread::spawn(move || {
            let sent = send(&own, &sender, to, ports, size);
            own.sent.store(true, Ordering::SeqCst);
            sent
        });
        let own = Arc::clone(&progress);
        let receiving = thread::spawn(move || take(&own, &allowed, size));
        Ok(Self { progress, denied, sending: Some(sending), receiving: Some(receiving) })
    }

    /// Waits until so many further numbers have been judged. Says whether any datagram to the denied port has arrived since it was
    /// asked last.
    ///
    /// # Errors
    /// A datagram to the allowed port is lost.
    pub fn judged(&self, further: u64) -> Result<bool> {
        let last = self.progress.begun.load(Ordering::SeqCst) + further;
        let start = Instant::now();
        while self.progress.arrived.load(Ordering::SeqCst) < last {
            ensure!(start.elapsed() < LOST, "datagram {last} to the allowed port doesn't arrive");
            if self.receiving.as_ref().is_none_or(JoinHandle::is_finished) {
                bail!("a datagram to the allowed port, before number {last}, is lost");
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(!pending(&self.denied)?.is_empty())
    }

    /// How many numbers have arrived at the allowed port.
    pub fn arrived(&self) -> u64 {
        self.progress.arrived.load(Ordering::SeqCst)
    }

    /// Ends it. Returns how many numbers were sent, all of which have arrived at the allowed port; and whether any datagram to the
    /// denied port has arrived since it was asked last.
    ///
    /// # Errors
    /// A datagram to the allowed port is lost.
    pub fn end(mut self) -> Result<(u64, bool)> {
        self.progress.stop.store(true, Ordering::SeqCst);
        for thread in [self.sending.take(), self.receiving.take()].into_iter().flatten() {
            thread.join().map_err(|_| anyhow!("the stream has panicked"))??;
        }
        Ok((self.progress.begun.load(Ordering::SeqCst), !pending(&self.denied)?.is_empty()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.progress.stop.store(true, Ordering::SeqCst);
        for thread in [self.sending.take(), self.receiving.take()].into_iter().flatten() {
            // Whoever drops it without ending it has seen something worse.
            let _ = thread.join();
        }
    }
}

fn send(progress: &Progress, sender: &UdpSocket, to: IpAddr, ports: Ports, size: usize) -> Result<()> {
    let mut datagram = vec![0x5a; size];
    let mut number = 0_u64;
    while !progress.stop.load(Ordering::SeqCst) {
        if number - progress.arrived.load(Ordering::SeqCst) >= WINDOW {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        thread::sleep(PACE);
        number += 1;
        datagram[..8].copy_from_slice(&number.to_be_bytes());
        progress.begun.store(number, Ordering::SeqCst);
        for port in [ports.denied, ports.allowed] {
            sender.send_to(&datagram, SocketAddr::new(to, port)).context("can't send")?;
        }
    }
    Ok(())
}

/// Takes what arrives at the allowed port, which must be every number, in order.
fn take(progress: &Progress, allowed: &UdpSocket, size: usize) -> Result<()> {
    let mut last = 0;
    let mut since = Instant::now();
    loop {
        let has_ended = progress.sent.load(Ordering::SeqCst);
        if has_ended && last == progress.begun.load(Ordering::SeqCst) {
            return Ok(());
        }
        let Some(datagram) = receive(allowed, Duration::from_millis(200))? else {
            ensure!(since.elapsed() < LOST, "datagram {} to the allowed port is lost", last + 1);
            continue;
        };
        ensure!(datagram.len() == size, "a datagram of {} bytes arrives", datagram.len());
        let number = datagram.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        ensure!(number == Some(last + 1), "datagram {number:?} arrives after {last}: one is lost");
        last += 1;
        since = Instant::now();
        progress.arrived.store(last, Ordering::SeqCst);
    }
}
