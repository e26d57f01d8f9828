//! Rules that match only so often: each has a bucket of its own, or one for each source.
//!
//! A bucket is the debt of [`budget`](crate::fragment::budget), with a packet for a fragment.

use super::Slot;
use crate::fragment::{
    budget::{Debt, FRACTION, Limit},
    table::WAYS,
    tick::Tick,
    word::Word,
};

/// A rule's limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Rate {
    /// How long the most packets that may come at once take to be forgotten, in 1/65536 ticks: the number of packets times
    /// `cost`, below 2^46.
    pub hold: u64,
    /// How long a packet takes to be forgotten, in 1/65536 ticks.
    pub cost: u64,
    /// Which bucket, where there's one for all sources: the rule's slot.
    pub bucket: u32,
    /// Not 0: each source has a bucket of its own.
    pub per_source: u32,
}

impl Rate {
    /// The longest [`Rate::hold`]: a quarter of what a tick counts to.
    pub const MAX_HOLD: u64 = 1 << 46;

    /// One that no packet is within.
    pub const NONE: Self = Self { hold: 0, cost: 1, bucket: 0, per_source: 0 };

    /// `packets` in so many ticks, and `burst` at once, with the bucket of a slot or of each source.
    pub const fn new(packets: u32, burst: u32, ticks: u64, slot: Slot, per_source: bool) -> Self {
        const fn at_least_one(number: u64) -> u64 {
            if number == 0 { 1 } else { number }
        }
        const fn at_most_hold(ticks: u64) -> u64 {
            if ticks > Rate::MAX_HOLD { Rate::MAX_HOLD } else { ticks }
        }
        let cost = at_most_hold(at_least_one((ticks << FRACTION) / at_least_one(packets as u64)));
        let hold = at_most_hold(cost.saturating_mul(at_least_one(burst as u64)));
        Self { hold, cost, bucket: slot.index() as u32, per_source: per_source as u32 }
    }

    #[inline(always)]
    const fn limit(&self) -> Limit {
        Limit::new(self.hold, self.cost)
    }
}

/// A bucket of one source and one rule.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Entry {
    owner: Word,
    debt: Word,
}

/// Buckets that compete for room: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct BucketSet([Entry; WAYS]);

/// The limits of a ruleset, and their buckets.
pub trait Limits {
    /// A limit, numbered from 1; `None` if there's none of that number, which is an error of the loader's.
    fn rate(&self, number: u32) -> Option<&Rate>;

    /// The bucket of a slot; `None` if there's none, which is an error of the loader's.
    fn bucket(&self, slot: u32) -> Option<&Word>;

    /// The set that owners with these upper bits share; `None` if the table is smaller than its shift says.
    fn buckets(&self, owner: u64) -> Option<&BucketSet>;

    /// Whether a packet of `source` is within a limit, which counts it then. An error of the loader's is no permission, and no
    /// denial either: the rule doesn't match.
    #[inline(always)]
    fn admits(&self, number: u32, source: u64, now: Tick) -> bool
    where
        Self: Sized,
    {
        admits(self, number, source, now)
    }
}

/// See [`Limits::admits`].
#[inline(always)]
pub fn admits(limits: &impl Limits, number: u32, source: u64, now: Tick) -> bool {
    limits.rate(number).is_some_and(|rate| takes(limits, rate, source, now))
}

/// Whether a packet of `source` is within a limit, which counts it then. See [`Limits::admits`].
#[inline(always)]
pub fn takes(limits: &impl Limits, rate: &Rate, source: u64, now: Tick) -> bool {
    let limit = rate.limit();
    if rate.per_source == 0 {
        return limits.bucket(rate.bucket).is_some_and(|word| take(word, now, &limit));
    }
    // The source is hashed with a secret; an odd factor keeps apart what each rule makes of it.
    let owner = (source ^ u64::from(rate.bucket)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    limits.buckets(owner).is_some_and(|set| take(set.of(owner, now, &limit), now, &limit))
}

/// Whether a packet would be within a limit that all sources share. See [`Limits::admits`].
#[inline(always)]
pub fn has_room(limits: &impl Limits, rate: &Rate, now: Tick) -> bool {
    limits.bucket(rate.bucket).is_some_and(|word| Debt::of(word, now, 0).has_room(1, now, &rate.limit()))
}

/// Takes a packet's worth out of a bucket, if there's as much in it.
#[inline(always)]
fn take(word: &Word, now: Tick, limit: &Limit) -> bool {
    let debt = Debt::of(word, now, 0);
    let has_room = debt.has_room(1, now, limit);
    if has_room {
        debt.charge(word, 1, now, limit);
    }
    has_room
}

impl BucketSet {
    /// An owner's bucket; if it has none, it gets the one that has least in it to lose.
    #[inline(always)]
    fn of(&self, owner: u64, now: Tick, limit: &Limit) -> &Word {
        let mut way = 0;
        let mut least = u64::MAX;
        let mut is_own = false;
        for (candidate, entry) in self.0.iter().enumerate() {
            if entry.owner.load() == owner {
                way = candidate;
                is_own = true;
                break;
            }
            let owed = Debt(entry.debt.load()).outstanding(now, limit);
            if owed < least {
                way = candidate;
                least = owed;
            }
        }
        let entry = &self.0[way & (WAYS - 1)];
        if !is_own {
            entry.owner.store(owner);
            entry.debt.store(Debt::none(now, 0).0);
        }
        &entry.debt
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: integers only, laid out without padding (2 * 8 + 2 * 4 = 24 bytes): any bits are a value.
    unsafe impl aya::Pod for super::Rate {}

    const _: () = assert!(size_of::<super::Rate>() == 24);
}
