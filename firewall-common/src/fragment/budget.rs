//! The reassembly budget: how many fragments of unfinished datagrams the host is made to hold, and for whom.
//!
//! A fragment that is passed stays in the host's reassembly memory until its datagram is complete or the kernel gives it up
//! (`ipfrag_time`, `ip6frag_time`). When that memory is full (`ipfrag_high_thresh`, `ip6frag_high_thresh`) the kernel refuses all
//! fragments, whoever sent them. So what each source has outstanding there is bounded, and so is what all sources together have
//! of which nothing is known.
//!
//! A debt is kept as a time: the moment at which all of it will have leaked away, at a rate that lets the largest one
//! leak away in the kernel's own time (a leaky bucket in the form of the generic cell rate algorithm, ITU-T I.371). What has
//! been completed is taken off at once.

use super::tick::{SKEW, Tick};

/// The bits below a tick in a debt.
const FRACTION: u32 = 16;

/// What may be outstanding, of one IP version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Limits {
    /// How long the kernel holds a fragment, in 1/65536 ticks; at most half the range of [`Tick`].
    hold: u64,
    /// What a fragment costs a source: the hold over the most that one may have outstanding.
    source: u64,
    /// What a fragment costs all strangers together: the hold over the most that they may have outstanding.
    strangers: u64,
}

impl Limits {
    /// `hold` is how long the kernel holds a fragment, in ticks; `source` and `strangers` are how many fragments one
    /// source, and all strangers together, may have outstanding: at least one each.
    pub const fn new(hold: u32, source: u32, strangers: u32) -> Self {
        let hold = (if hold < u32::MAX / 2 { hold } else { u32::MAX / 2 } as u64) << FRACTION;
        Self { hold, source: share(hold, source), strangers: share(hold, strangers) }
    }

    /// Of fragments of one source.
    #[inline(always)]
    pub const fn of_source(&self) -> Limit {
        Limit { hold: self.hold, cost: self.source }
    }

    /// Of fragments of all strangers.
    #[inline(always)]
    pub const fn of_strangers(&self) -> Limit {
        Limit { hold: self.hold, cost: self.strangers }
    }
}

const fn share(hold: u64, fragments: u32) -> u64 {
    let fragments = if fragments == 0 { 1 } else { fragments };
    hold / fragments as u64
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: three 64-bit integers: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Limits {}
}

/// What may be outstanding of someone.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    hold: u64,
    cost: u64,
}

/// When a debt will have leaked away, in 1/65536 ticks, of which 48 bits are kept: it comes around with the tick.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Debt(pub u64);

/// What is kept of a time.
const MASK: u64 = (1 << (u32::BITS + FRACTION)) - 1;

impl Debt {
    /// Nothing outstanding.
    #[inline(always)]
    pub const fn none(now: Tick) -> Self {
        Self((now.0 as u64) << FRACTION)
    }

    /// What is outstanding: a length of time. None if the moment has passed; one that lies further ahead than any debt can
    /// is one that passed long ago.
    #[inline(always)]
    pub const fn outstanding(self, now: Tick, limit: &Limit) -> u64 {
        let ahead = self.0.wrapping_sub(Self::none(now).0) & MASK;
        // Another CPU may have written it at a tick that this one's "now" hasn't reached.
        if ahead <= limit.hold + ((SKEW as u64) << FRACTION) { ahead } else { 0 }
    }

    /// The debt with so many more fragments, or `None` if they are too many.
    #[inline(always)]
    pub const fn charge(self, fragments: u32, now: Tick, limit: &Limit) -> Option<Self> {
        let debt = self.outstanding(now, limit) + fragments as u64 * limit.cost;
        if debt > limit.hold { None } else { Some(Self(Self::none(now).0.wrapping_add(debt) & MASK)) }
    }

    /// The debt with so many fragments less.
    #[inline(always)]
    pub const fn refund(self, fragments: u32, now: Tick, limit: &Limit) -> Self {
        let debt = self.outstanding(now, limit).saturating_sub(fragments as u64 * limit.cost);
        Self(Self::none(now).0.wrapping_add(debt) & MASK)
    }
}
