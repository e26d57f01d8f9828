//! How many answers are sent: the buckets of [`rules::limit`](crate::rules::limit), one for each source and one for all.

use crate::{
    fragment::tick::Tick,
    rules::{
        Slot,
        limit::{self, Limits, Rate},
    },
};

/// How many answers a source gets in a second: an IPv4 address or an IPv6 /64. As Linux has it for ICMP errors
/// (`icmp_ratelimit`, `icmp/ratelimit`).
pub const PER_SOURCE: u32 = 1;
/// How many it gets at once after a pause.
pub const BURST_PER_SOURCE: u32 = 6;

/// How many answers all sources together get in a second (`icmp_msgs_per_sec`).
pub const TOTAL: u32 = 1000;
/// How many they get at once after a pause (`icmp_msgs_burst`).
pub const BURST: u32 = 50;

/// What bounds the answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Rates {
    /// Those to one source.
    pub source: Rate,
    /// Those to all of them together.
    pub total: Rate,
}

impl Rates {
    /// None at all.
    pub const NONE: Self = Self { source: Rate::NONE, total: Rate::NONE };

    /// What they are where the clock ticks so often in a second.
    pub const fn new(ticks_per_second: u32) -> Self {
        const fn rate(packets: u32, burst: u32, ticks_per_second: u32, per_source: bool) -> Rate {
            Rate::new(packets, burst, ticks_per_second as u64, Slot::ANSWERS, per_source)
        }
        Self {
            source: rate(PER_SOURCE, BURST_PER_SOURCE, ticks_per_second, true),
            total: rate(TOTAL, BURST, ticks_per_second, false),
        }
    }
}

/// Whether an answer to `source` is within the limits, which counts it then.
///
/// A source that gets no more uses up nothing of what all get; and where all have used up theirs, no source pushes another's
/// bucket out.
#[inline(always)]
pub fn admits(limits: &impl Limits, rates: &Rates, source: u64, now: Tick) -> bool {
    let Rates { source: own, total } = rates;
    limit::has_room(limits, total, now)
        && limit::takes(limits, own, source, now)
        && limit::takes(limits, total, source, now)
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: two structs of integers without padding: any bits are a value.
    unsafe impl aya::Pod for super::Rates {}
}
