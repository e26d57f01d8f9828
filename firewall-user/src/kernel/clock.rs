//! The kernel's tick, which the program measures time in.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use firewall_common::{fragment::tick::Tick, packet::ethernet};
use nix::time::{ClockId, clock_getres};

use super::{Error, loader::Loader, program::Input};

/// A program that tells the kernel's count of jiffies.
pub(super) static CLOCK: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/clock"));

/// How long a count of jiffies is reckoned from. The two clocks may differ by some after that: one is slewed to keep the time of day.
const TRUSTED: Duration = Duration::from_secs(60);

/// A moment, in jiffies and in the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The kernel's count of jiffies (`jiffies_64`).
    jiffies: u64,
    /// How many it counts in a second.
    per_second: u32,
    /// The time of day.
    time: SystemTime,
}

impl Clock {
    /// This moment.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn now() -> Result<Self, Error> {
        let jiffies = read_jiffies()?;
        Ok(Self { jiffies, per_second: jiffies_per_second()?, time: SystemTime::now() })
    }

    /// This moment, reckoned from one that the kernel told within the last minute, if it was asked then: asking it again takes longer than
    /// all else that statistics are made of. It's a few jiffies earlier than the kernel's own at most, and not later: what the program
    /// still takes for alive isn't told to have run out.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn recent() -> Result<Self, Error> {
        static TOLD: Mutex<Option<(Instant, u64)>> = Mutex::new(None);
        let per_second = jiffies_per_second()?;
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        let (moment, jiffies) = match *told {
            Some(told) if told.0.elapsed() < TRUSTED => told,
            _ => {
                let jiffies = read_jiffies()?;
                *told.insert((Instant::now(), jiffies))
            }
        };
        let since = moment.elapsed().as_millis() * u128::from(per_second) / 1000;
        let jiffies = jiffies.saturating_add(u64::try_from(since).unwrap_or(u64::MAX));
        Ok(Self { jiffies, per_second, time: SystemTime::now() })
    }

    /// The count of jiffies, as the tables measure time.
    pub(super) const fn tick(&self) -> Tick {
        Tick(self.jiffies as u32)
    }

    /// The count of jiffies when `duration` will have passed.
    pub(super) fn after(&self, duration: Duration) -> u64 {
        let jiffies = (duration.as_millis() * u128::from(self.per_second)).div_ceil(1000);
        self.jiffies.saturating_add(u64::try_from(jiffies).unwrap_or(u64::MAX))
    }

    /// How long it is until a count of jiffies is reached; `None` if it has been.
    pub(super) fn until(&self, jiffies: u64) -> Option<Duration> {
        (jiffies > self.jiffies).then(|| self.duration(jiffies - self.jiffies))
    }

    /// How long ago a count of jiffies was reached. It may just have been, by another CPU's count.
    pub fn since(&self, jiffies: u64) -> Duration {
        self.duration(self.jiffies.saturating_sub(jiffies))
    }

    /// The time of day then.
    pub fn time_of(&self, jiffies: u64) -> SystemTime {
        self.time.checked_sub(self.since(jiffies)).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn duration(&self, jiffies: u64) -> Duration {
        let millis = u128::from(jiffies) * 1000 / u128::from(self.per_second);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

fn read_jiffies() -> Result<u64, Error> {
    let clock = Loader::new(CLOCK).load()?.program;
    // The kernel runs XDP programs on frames that have an Ethernet header at least.
    let mut frame = [0; ethernet::MIN_FRAME];
    let input = frame;
    let run = clock.run(&Input { frame: &input, repeat: 1, ..Input::default() }, &mut frame);
    run.map_err(|error| Error::os("reading the kernel's clock", error))?;
    let (jiffies, _) = frame.split_first_chunk().expect("a frame is longer than eight bytes");
    match u64::from_ne_bytes(*jiffies) {
        0 => Err(Error::os("reading the kernel's clock", io::Error::other("the program told nothing"))),
        jiffies => Ok(jiffies),
    }
}

/// How many jiffies the kernel counts in a second (`CONFIG_HZ`): the coarse clocks advance once a jiffy, so their
/// resolution tells it.
///
/// # Errors
/// The kernel doesn't tell.
pub fn jiffies_per_second() -> Result<u32, Error> {
    let resolution = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)
        .map_err(|errno| Error::os("reading the clock's resolution", errno))?;
    let nanoseconds = u32::try_from(resolution.tv_nsec()).unwrap_or(0);
    // CONFIG_HZ is 100, 250, 300 or 1000; 300 rounds to 3333333 ns.
    1_000_000_000_u32
        .checked_div(nanoseconds)
        .filter(|hz| (10..=10_000).contains(hz))
        .ok_or(Error::Clock { nanoseconds })
}

/// A duration in jiffies, at least one, and at most what entries can tell of their age.
pub fn jiffies(duration: Duration, per_second: u32) -> u32 {
    let jiffies = duration.as_millis() * u128::from(per_second) / 1000;
    u32::try_from(jiffies).unwrap_or(u32::MAX).clamp(1, Tick::MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_jiffies() {
        assert_eq!(jiffies(Duration::from_secs(30), 250), 7500);
        assert_eq!(jiffies(Duration::from_millis(1), 100), 1);
        assert_eq!(jiffies(Duration::MAX, 1000), Tick::MAX_AGE);
    }

    #[test]
    fn the_kernel_tells_its_tick() {
        assert!([100, 250, 300, 1000].contains(&jiffies_per_second().unwrap()));
    }

    #[test]
    fn a_moment_tells_how_far_others_are() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let clock = Clock { jiffies: 1000, per_second: 250, time };
        assert_eq!(clock.after(Duration::from_millis(5)), 1002, "never too soon");
        assert_eq!(clock.after(Duration::MAX), u64::MAX);
        assert_eq!(clock.until(1250), Some(Duration::from_secs(1)));
        assert_eq!(clock.until(1000), None);
        assert_eq!(clock.since(500), Duration::from_secs(2));
        assert_eq!(clock.since(1001), Duration::ZERO);
        assert_eq!(clock.time_of(500), SystemTime::UNIX_EPOCH + Duration::from_secs(98));
    }
}
