//! How often a rule matches.

/// A rule matches so many packets in a while, and then none until the while has passed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limit {
    /// How many packets.
    pub packets: u32,
    /// In what time.
    pub per: Unit,
    /// How many packets may come at once: at least 1.
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

impl Unit {
    /// How long it is, in seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}
