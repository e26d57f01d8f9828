//! How fast packets come in: the interface's own count of them, read again and again while they do. To begin and to end a run takes the kernel some
//! hundredths of a second, so how long a run takes as a whole tells less.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::contenders::INTERFACE;
use crate::harness::{cpu, netns::Netns};

/// Where a network namespace tells of its interfaces, for the thread that opens it.
const PATH: &str = "/proc/thread-self/net/dev";
/// Room for a few of them.
const ROOM: usize = 4096;
/// Which part of the packets counts: before it generators begin, and behind it one after the other ends.
const STEADY: [f64; 2] = [0.2, 0.8];
/// Which part of the time that a run shall take it must be steady for.
const LEAST: u32 = 4;
/// By how much a run is made longer until it's steady for long enough, and how often.
const LONGER: u32 = 4;
const TRIES: usize = 10;
/// The pause between two readings.
const PAUSE: Duration = Duration::from_millis(1);

/// Reads the count.
#[derive(Debug)]
pub struct Meter(File);

/// How many packets an interface had received at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The moment.
    pub at: Instant,
    /// The packets.
    pub packets: u64,
}

impl Meter {
    /// Of the interface that is filtered. On a veth, it counts what XDP drops, too.
    ///
    /// # Errors
    /// The namespace can't be entered.
    pub fn open(netns: &Netns) -> Result<Self> {
        netns.enter(|| File::open(PATH).context(PATH)).map(Self)
    }

    /// The count, now.
    ///
    /// # Errors
    /// The kernel tells nothing of the interface.
    pub fn read(&self) -> Result<Reading> {
        let mut text = [0; ROOM];
        let length = self.0.read_at(&mut text, 0).context(PATH)?;
        let at = Instant::now();
        let packets = received(&String::from_utf8_lossy(&text[..length]))
            .with_context(|| format!("{PATH} tells nothing of {INTERFACE}"))?;
        Ok(Reading { at, packets })
    }

    /// Reads it on a CPU until all senders are done, then once more.
    ///
    /// # Errors
    /// A sender's, or those of [`Meter::read`].
    pub fn read_while(
        &self,
        own_cpu: usize,
        senders: Vec<ScopedJoinHandle<'_, Result<()>>>,
    ) -> Result<Vec<Reading>> {
        cpu::pin(own_cpu)?;
        let mut readings = Vec::new();
        while !senders.iter().all(ScopedJoinHandle::is_finished) {
            readings.push(self.read()?);
            thread::sleep(PAUSE);
        }
        for sender in senders {
            sender.join().map_err(|_| anyhow!("a sender has panicked"))??;
        }
        readings.push(self.read()?);
        Ok(readings)
    }
}

/// Packets a second of runs that shall take so long: of the first one that can be told of, each of more packets than the one before. `packets` is
/// how many packets the first has, and then how many one would have that takes as long as it shall.
///
/// # Errors
/// A run's, or no number of packets is enough.
pub fn steady_rate(
    packets: &mut u32,
    time: Duration,
    mut run: impl FnMut(u32) -> Result<Vec<Reading>>,
) -> Result<f64> {
    for _ in 0..TRIES {
        if let Some(rate) = rate(&run(*packets)?, time / LEAST) {
            *packets = (rate * time.as_secs_f64()) as u32;
            return Ok(rate);
        }
        *packets = packets.saturating_mul(LONGER);
    }
    bail!("{packets} packets are too few to be measured")
}

/// Packets received, of a line `eth0: BYTES PACKETS …`.
fn received(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(INTERFACE)?.strip_prefix(':'))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Packets a second in the steady part of a run; nothing if that is too short to tell. Packets are counted by dozens: what counts is when the number
/// was seen to have changed.
fn rate(readings: &[Reading], least: Duration) -> Option<f64> {
    let (first, last) = (readings.first()?, readings.last()?);
    let all = last.packets.checked_sub(first.packets).filter(|&all| all > 0)?;
    let part = |reading: &&Reading| {
        let share = (reading.packets - first.packets) as f64 / all as f64;
        (STEADY[0]..=STEADY[1]).contains(&share)
    };
    let changed = readings.windows(2).filter(|pair| pair[0].packets != pair[1].packets).map(|pair| &pair[1]);
    let mut steady = changed.filter(part);
    let begin = steady.next()?;
    let end = steady.next_back()?;
    let time = end.at - begin.at;
    (time >= least).then(|| (end.packets - begin.packets) as f64 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packets_received_are_the_second_number() {
        let text = "Inter-|   Receive   |  Transmit\n face |bytes packets errs\n    lo:  12 3 0\n  eth0: 1520000   10000 0 0\n eth01: 1 2\n";
        assert_eq!(received(text), Some(10_000));
        assert_eq!(received("  lo: 1 2\n"), None);
    }

    /// Readings every 10 ms of these counts.
    fn readings(counts: &[u64]) -> Vec<Reading> {
        let start = Instant::now();
        let at = |n: usize| start + Duration::from_millis(10) * n as u32;
        counts.iter().enumerate().map(|(n, &packets)| Reading { at: at(n), packets }).collect()
    }

    #[test]
    fn the_rate_is_that_of_the_steady_part() {
        let run = readings(&[7, 7, 17, 207, 407, 607, 807, 1000, 1007, 1007]);
        let rate = rate(&run, Duration::from_millis(10)).unwrap();
        assert!((rate - 20_000.0).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn packets_that_are_counted_many_at_once_are_timed_from_change_to_change() {
        let run = readings(&[0, 0, 300, 300, 300, 600, 600, 600, 900, 1000]);
        let rate = rate(&run, Duration::ZERO).unwrap();
        assert!((rate - 300.0 / 0.03).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn a_run_is_made_longer_until_it_can_be_told_of() {
        let mut asked = Vec::new();
        let mut packets = 1000;
        let rate = steady_rate(&mut packets, Duration::from_millis(120), |packets| {
            asked.push(packets);
            Ok(readings(&(0..=u64::from(packets) / 1000).map(|n| n * 1000).collect::<Vec<_>>()))
        });
        assert!((rate.unwrap() - 100_000.0).abs() < 1e-6);
        assert_eq!(asked, [1000, 4000, 16_000]);
        assert!((11_999..=12_001).contains(&packets), "{packets}");
    }

    #[test]
    fn a_run_that_is_too_short_tells_no_rate() {
        let run = readings(&[0, 300, 600, 1000]);
        assert!(rate(&run, Duration::from_millis(10)).is_some());
        assert!(rate(&run, Duration::from_millis(11)).is_none());
        assert!(rate(&readings(&[5, 5, 5]), Duration::ZERO).is_none());
        assert!(rate(&readings(&[0, 1000]), Duration::ZERO).is_none());
        assert!(rate(&[], Duration::ZERO).is_none());
    }
}
