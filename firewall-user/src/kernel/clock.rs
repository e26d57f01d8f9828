//! The kernel's tick, which the program measures time in.

use std::time::Duration;

use firewall_common::fragment::tick::Tick;
use nix::time::{ClockId, clock_getres};

use super::Error;

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
}
