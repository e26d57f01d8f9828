//! How often a rule matches.

use std::fmt;

/// The burst of a limit that names none.
pub const BURST: u32 = 5;
/// The most packets that a limit can name, in a while and at once.
pub const MAX_PACKETS: u32 = 1_000_000;
/// The longest that a burst may take to be forgotten, in seconds: what the kernel's clock can tell, at a thousand ticks in a second.
pub const MAX_MEMORY: u64 = 1_000_000;

/// A rule matches so many packets in a while, and then none until the while has passed. Its [`Display`](fmt::Display)
/// form is its canonical text, as it stands behind `limit`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limit {
    /// How many packets: from 1 to [`MAX_PACKETS`].
    pub packets: u32,
    /// In what time.
    pub per: Unit,
    /// How many packets may come at once: from 1 to [`MAX_PACKETS`].
    pub burst: u32,
    /// Whether each source (an IPv6 /64, an IPv4 address) has a limit of its own.
    pub per_source: bool,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Unit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

/// Each unit's words. The first is the one that rules are written back with.
pub const UNITS: [(&str, Unit); 6] = [
    ("s", Unit::Second),
    ("second", Unit::Second),
    ("m", Unit::Minute),
    ("minute", Unit::Minute),
    ("h", Unit::Hour),
    ("hour", Unit::Hour),
];

impl Unit {
    /// How long it is, in seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
        }
    }

    /// The unit that `word` names, in upper or lower case.
    pub fn named(word: &str) -> Option<Self> {
        UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, unit)| unit)
    }
}

impl Limit {
    /// How long a burst takes to be forgotten, in seconds, rounded up.
    pub const fn memory(&self) -> u64 {
        (self.burst as u64 * self.per.seconds() as u64).div_ceil(self.packets as u64)
    }

    /// The largest burst at this rate that is forgotten after [`MAX_MEMORY`].
    pub const fn longest(&self) -> u64 {
        MAX_MEMORY * self.packets as u64 / self.per.seconds() as u64
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { packets, per, burst, per_source } = self;
        write!(f, "{packets}/{}", per.word())?;
        if burst != BURST {
            write!(f, " burst {burst}")?;
        }
        if per_source {
            f.write_str(" per source")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_units_agree() {
        for (name, unit) in UNITS {
            assert_eq!(Unit::named(name), Some(unit));
            assert_eq!(Unit::named(unit.word()), Some(unit));
        }
        assert_eq!(Unit::named("d"), None);
    }

    #[test]
    fn the_usual_burst_is_left_out() {
        let limit = Limit { packets: 10, per: Unit::Second, burst: BURST, per_source: false };
        assert_eq!(limit.to_string(), "10/s");
        let limit = Limit { burst: 1, per: Unit::Hour, per_source: true, ..limit };
        assert_eq!(limit.to_string(), "10/h burst 1 per source");
    }
}
