//! When a counter last counted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firewall_common::record::Count;
use serde::Serialize;

use crate::kernel::clock::Clock;

/// When the last packet of a counter came.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LastHit {
    /// How long ago, in whole seconds.
    pub seconds_ago: u64,
    /// The time of day in UTC, as RFC 3339 has it, to the second.
    pub time: String,
}

impl LastHit {
    /// Of a counter, as seen at a moment; `None` if no packet has come.
    pub fn of(count: Count, clock: &Clock) -> Option<Self> {
        (count.last != 0).then(|| Self {
            seconds_ago: clock.since(count.last).as_secs(),
            time: rfc3339(clock.time_of(count.last)),
        })
    }

    /// How long ago it was, in one unit of time, as in `3m ago`.
    pub fn ago(&self) -> String {
        const UNITS: [(u64, &str); 3] = [(86400, "d"), (3600, "h"), (60, "m")];
        let seconds = self.seconds_ago;
        let larger = UNITS.iter().find(|&&(unit, _)| seconds >= unit);
        let (unit, name) = larger.copied().unwrap_or((1, "s"));
        format!("{}{name} ago", seconds / unit)
    }
}

/// A time of day in UTC, as RFC 3339 section 5.6 has it, to the second. What is before 1970 becomes that.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The year, month and day that come so many days after 1 January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    /// The days of the Gregorian calendar's cycle of 400 years.
    const CYCLE: u64 = 146_097;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970 + days / CYCLE * 400;
    days %= CYCLE;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_written_as_rfc_3339_has_them() {
        // As `date --utc --date=@SECONDS +%FT%TZ` prints them.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_542_775, "2026-11-24T17:52:55Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (13_574_563_200, "2400-02-29T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn one_unit_tells_how_long_ago_it_was() {
        let ago = |seconds_ago| LastHit { seconds_ago, time: String::new() }.ago();
        assert_eq!([0, 59, 60, 3599].map(ago), ["0s ago", "59s ago", "1m ago", "59m ago"]);
        assert_eq!([3600, 86399, 86400, 10_000_000].map(ago), ["1h ago", "23h ago", "1d ago", "115d ago"]);
    }
}
