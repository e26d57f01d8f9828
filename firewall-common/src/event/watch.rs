//! What somebody who watches asks for, and how much of it is told.
//!
//! The kinds of packets, by what they are credited to, have a bucket each, and all together have one: a flood of one kind
//! leaves room for what is rare. A bucket is the debt of [`budget`](crate::fragment::budget), with a packet for a fragment.

use super::Kind;
use crate::fragment::{
    budget::{Debt, FRACTION, Limit},
    tick::Tick,
    word::Word,
};

/// What is asked for. Integers only, no padding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Watch {
    /// Until when, in the kernel's own jiffies (`jiffies_64`); 0 if nobody watches. Whoever does puts it off again and again, so
    /// that who dies is soon forgotten.
    pub until: u64,
    /// The reasons: a bit for each [`Reason::code`](crate::verdict::Reason::code).
    pub reasons: u64,
    /// The verdicts: a bit for each [`Verdict::code`](crate::verdict::Verdict::code).
    pub verdicts: u32,
    /// The classes: a bit for each [`Class::code`](crate::fragment::Class::code).
    pub classes: u32,
    /// Only what was credited to this slot ([`Slot::index`](crate::rules::Slot::index)); [`Self::ANY_SLOT`] for all.
    pub slot: u32,
    /// Nothing.
    pub reserved: u32,
    /// How many packets of a kind.
    pub each: Pace,
    /// How many packets in all.
    pub all: Pace,
}

/// How often something may be told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Pace {
    /// How long the most packets that may come at once take to be forgotten, in 1/65536 ticks.
    pub hold: u64,
    /// How long a packet takes to be forgotten, in 1/65536 ticks.
    pub cost: u64,
}

impl Pace {
    /// So many packets a second, and as many at once.
    pub const fn new(packets: u32, ticks_per_second: u32) -> Self {
        let hold = (ticks_per_second as u64) << FRACTION;
        let cost = hold / if packets == 0 { 1 } else { packets as u64 };
        Self { hold, cost: if cost == 0 { 1 } else { cost } }
    }

    #[inline(always)]
    const fn limit(&self) -> Limit {
        Limit::new(self.hold, self.cost)
    }
}

impl Watch {
    /// Whatever it's credited to.
    pub const ANY_SLOT: u32 = u32::MAX;

    /// Whether a packet is asked for.
    #[inline(always)]
    pub const fn wants(&self, kind: Kind) -> bool {
        self.verdicts >> (kind.verdict & 31) & 1 != 0
            && self.reasons >> (kind.reason & 63) & 1 != 0
            && self.classes >> (kind.class & 31) & 1 != 0
            && (self.slot == Self::ANY_SLOT || self.slot == kind.slot as u32)
    }
}

/// How many buckets the kinds of packets share.
const KINDS: usize = 256;

/// The buckets.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Buckets {
    kinds: [Word; KINDS],
    all: Word,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { kinds: core::array::from_fn(|_| Word::default()), all: Word::default() }
    }
}

impl Buckets {
    /// Whether a packet is to be told, which is counted then.
    #[inline(always)]
    pub fn take(&self, watch: &Watch, kind: Kind, now: Tick) -> bool {
        // What the rules had no part in is of a kind by its reason, all else by its slot; so few are met that they hardly share.
        let place = (kind.reason as usize).wrapping_mul(31).wrapping_add(kind.slot as usize);
        let own = &self.kinds[place & (KINDS - 1)];
        let (each, all) = (watch.each.limit(), watch.all.limit());
        let (own_debt, debt) = (Debt::of(own, now, 0), Debt::of(&self.all, now, 0));
        let has_room = own_debt.has_room(1, now, &each) && debt.has_room(1, now, &all);
        if has_room {
            own_debt.charge(own, 1, now, &each);
            debt.charge(&self.all, 1, now, &all);
        }
        has_room
    }
}

/// What one CPU has left out. Integers only, no padding.
///
/// In a flood the same kind of packet comes again and again, and a bucket that is full stays so until the next tick: what was found
/// out of the last one needn't be found out anew.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct LeftOut {
    /// How many packets were asked for and not told of.
    pub packets: u64,
    /// What kind the last one was of for which there was no room in the buckets ([`Kind::to_bits`]).
    kind: u64,
    /// When that was, in the kernel's own jiffies.
    at: u64,
    /// [`Watch::until`] of who asked for it.
    until: u64,
}

impl LeftOut {
    /// Whether a packet has no more room than the last one had.
    #[inline(always)]
    pub const fn is_again(&self, kind: Kind, now: u64, until: u64) -> bool {
        self.at == now && self.kind == kind.to_bits() && self.until == until
    }

    /// There was no room in the buckets for a packet.
    #[inline(always)]
    pub const fn remember(&mut self, kind: Kind, now: u64, until: u64) {
        (self.kind, self.at, self.until) = (kind.to_bits(), now, until);
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: integers only, laid out without padding (4 * 8 = 32 bytes): any bits are a value.
    unsafe impl aya::Pod for super::LeftOut {}

    const _: () = assert!(size_of::<super::LeftOut>() == 32);

    // SAFETY: integers only, laid out without padding (2 * 8 + 4 * 4 + 4 * 8 = 64 bytes): any bits are a value.
    unsafe impl aya::Pod for super::Watch {}

    const _: () = assert!(size_of::<super::Watch>() == 64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A second has 100 ticks.
    fn watch(each: u32, all: u32) -> Watch {
        Watch {
            until: 1,
            reasons: u64::MAX,
            verdicts: u32::MAX,
            classes: u32::MAX,
            slot: Watch::ANY_SLOT,
            reserved: 0,
            each: Pace::new(each, 100),
            all: Pace::new(all, 100),
        }
    }

    fn kind(reason: u8, slot: u16) -> Kind {
        Kind { reason, slot, ..Kind::default() }
    }

    /// How many of so many packets of a kind are told.
    fn told(buckets: &Buckets, watch: &Watch, kind: Kind, packets: usize, now: u32) -> usize {
        (0..packets).filter(|_| buckets.take(watch, kind, Tick(now))).count()
    }

    #[test]
    fn a_flood_of_one_kind_leaves_room_for_another() {
        let (buckets, watch) = (Buckets::default(), watch(100, 1000));
        assert_eq!(told(&buckets, &watch, kind(7, 0), 5000, 1000), 100);
        assert_eq!(told(&buckets, &watch, kind(8, 0), 10, 1000), 10);
        // Half a second later there's room for half as many.
        assert_eq!(told(&buckets, &watch, kind(7, 0), 5000, 1050), 50);
    }

    #[test]
    fn all_kinds_together_have_a_pace() {
        let (buckets, watch) = (Buckets::default(), watch(100, 250));
        let each = [1, 2, 3, 4].map(|reason| told(&buckets, &watch, kind(reason, 0), 5000, 1000));
        assert_eq!(each, [100, 100, 50, 0]);
        assert_eq!(told(&buckets, &watch, kind(5, 0), 5000, 1100), 100);
    }

    #[test]
    fn only_the_same_kind_in_the_same_tick_for_the_same_watcher_is_left_out_again() {
        let mut left_out = LeftOut::default();
        left_out.remember(kind(7, 20), 1000, 4000);
        assert!(left_out.is_again(kind(7, 20), 1000, 4000));
        for (kind, now, until) in [
            (kind(8, 20), 1000, 4000),
            (kind(7, 21), 1000, 4000),
            (kind(7, 20), 1001, 4000),
            (kind(7, 20), 1000, 5000),
        ] {
            assert!(!left_out.is_again(kind, now, until));
        }
        let class = Kind { class: 1, ..kind(7, 20) };
        assert!(!left_out.is_again(class, 1000, 4000), "who watches may not ask for it");
    }

    #[test]
    fn a_pace_of_none_is_one() {
        assert_eq!(Pace::new(0, 100), Pace::new(1, 100));
        assert!(Pace::new(u32::MAX, 1000).cost > 0);
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_told_by_its_kind(
            verdicts in 0_u32..8, reasons: u64, classes in 0_u32..32, slot in prop::option::of(0_u16..20),
            verdict in 0_u8..3, reason in 0_u8..40, class in 0_u8..5, of in 0_u16..20,
        ) {
            let watch = Watch {
                verdicts,
                reasons,
                classes,
                slot: slot.map_or(Watch::ANY_SLOT, u32::from),
                ..watch(1, 1)
            };
            let kind = Kind { verdict, reason, slot: of, class, ..Kind::default() };
            let expected = verdicts & 1 << verdict != 0
                && reasons & 1 << reason != 0
                && classes & 1 << class != 0
                && slot.is_none_or(|slot| slot == of);
            prop_assert_eq!(watch.wants(kind), expected);
        }
    }
}
