//! Rules that match only so often: each has a bucket of its own, or one for each source.
//!
//! A bucket is the debt of [`budget`](crate::fragment::budget), with a packet for a fragment.

use crate::fragment::{
    budget::{Debt, Limit},
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
    let Some(rate) = limits.rate(number) else { return false };
    let limit = Limit::new(rate.hold, rate.cost);
    if rate.per_source == 0 {
        return limits.bucket(rate.bucket).is_some_and(|word| take(word, now, &limit));
    }
    // The source is hashed with a secret; an odd factor keeps apart what each rule makes of it.
    let owner = (source ^ u64::from(rate.bucket)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    limits.buckets(owner).is_some_and(|set| take(set.of(owner, now, &limit), now, &limit))
}

/// Takes a packet's worth out of a bucket, if there's as much in it.
#[inline(always)]
fn take(word: &Word, now: Tick, limit: &Limit) -> bool {
    let debt = match word.load() {
        // Nobody has written it.
        0 => Debt::none(now, 0),
        debt => Debt(debt),
    };
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
