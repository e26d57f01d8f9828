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

use super::{
    tick::{SKEW, Tick},
    word::Word,
};

/// The bits below a tick in a debt.
pub(crate) const FRACTION: u32 = 16;

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

    /// How long the kernel holds a fragment, in ticks.
    pub const fn hold(&self) -> u32 {
        (self.hold >> FRACTION) as u32
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

impl Limit {
    /// `hold` is how long the most that may be outstanding takes to leak away, `cost` how long one takes, in 1/65536 ticks.
    #[inline(always)]
    pub const fn new(hold: u64, cost: u64) -> Self {
        Self { hold, cost }
    }
}

/// A word that tells a debt: in its upper 48 bits, when it will have leaked away, in 1/65536 ticks, which comes around with
/// the tick; in its lower 16 bits, what its owner wants. CPUs charge and refund at once, so it's added to, and a carry
/// falls off its upper end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Debt(pub u64);

/// The owner's bits.
const OWN_BITS: u32 = 16;
const OWN: u64 = (1 << OWN_BITS) - 1;
const _: () = assert!(u32::BITS + FRACTION + OWN_BITS == u64::BITS);

impl Debt {
    /// Nothing outstanding, with these bits of the owner's.
    #[inline(always)]
    pub const fn none(now: Tick, own: u64) -> Self {
        Self((now.0 as u64) << (FRACTION + OWN_BITS) | own & OWN)
    }

    /// What a word tells; nothing outstanding, with these bits of the owner's, if nobody has written it yet.
    #[inline(always)]
    pub fn of(word: &Word, now: Tick, own: u64) -> Self {
        match word.load() {
            0 => Self::none(now, own),
            debt => Self(debt),
        }
    }

    /// The moment at which it will have leaked away, or had.
    #[inline(always)]
    pub const fn end(self) -> Tick {
        Tick((self.0 >> (FRACTION + OWN_BITS)) as u32)
    }

    /// What is outstanding: a length of time. None if the moment has passed; one that lies further ahead than any debt can
    /// is one that passed long ago.
    #[inline(always)]
    pub const fn outstanding(self, now: Tick, limit: &Limit) -> u64 {
        let ahead = self.0.wrapping_sub(Self::none(now, 0).0) >> OWN_BITS;
        // Other CPUs may have written it at a tick that this one's "now" hasn't reached, or have charged what only one of
        // them had room for.
        if ahead <= 2 * limit.hold + ((SKEW as u64) << FRACTION) { ahead } else { 0 }
    }

    /// Whether so many more fragments find room.
    #[inline(always)]
    pub const fn has_room(self, fragments: u32, now: Tick, limit: &Limit) -> bool {
        self.outstanding(now, limit) + fragments as u64 * limit.cost <= limit.hold
    }

    /// Charges fragments to the word that told this debt. Whatever this CPU wrote before, others see before it reads anything
    /// else.
    #[inline(always)]
    pub fn charge(self, word: &Word, fragments: u32, now: Tick, limit: &Limit) {
        self.step(fragments, now, limit).make(word);
    }

    /// The step that charges fragments to the word that told this debt.
    #[inline(always)]
    pub const fn step(self, fragments: u32, now: Tick, limit: &Limit) -> Step {
        let charge = (fragments as u64 * limit.cost) << OWN_BITS;
        if self.outstanding(now, limit) > 0 {
            Step { is_anew: false, number: charge }
        } else {
            // Whatever was outstanding has leaked away: it begins anew.
            Step { is_anew: true, number: Self::none(now, self.0).0.wrapping_add(charge) }
        }
    }

    /// Takes fragments off the word that told this debt. A debt of nothing stays one.
    #[inline(always)]
    pub fn refund(self, word: &Word, fragments: u32, now: Tick, limit: &Limit) {
        let outstanding = self.outstanding(now, limit);
        let refund = fragments as u64 * limit.cost;
        if outstanding > 0 {
            word.add(((if refund < outstanding { refund } else { outstanding }) << OWN_BITS).wrapping_neg());
        }
    }
}

/// A charge that is still to be made.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    is_anew: bool,
    /// What is added, or what is put in place of what was there.
    number: u64,
}

impl Step {
    /// Makes it. Whatever this CPU wrote before, others see before it reads anything else.
    #[inline(always)]
    pub fn make(self, word: &Word) {
        if self.is_anew {
            word.swap(self.number);
        } else {
            word.add_in_order(self.number);
        }
    }
}
