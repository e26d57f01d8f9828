//! Which rule comes first among those that all fields of a packet satisfy.
//!
//! A set of rules is a bit vector: rule `n` is bit `n % 64` of word `n / 64`. Above the words stands a summary of them: bit `w`
//! says that word `w` isn't zero. So the summaries of the sets are intersected first, and only words that are left are looked at
//! (Baboescu and Varghese, "Scalable packet classification", 2001).

use super::{Action, Decision, limit::Limits};
use crate::{fragment::tick::Tick, opaque::opaque};

/// The most words a set has, without its summary.
pub const MAX_WORDS: usize = 64;

/// How many rules that match a packet are tried one after the other because the limits of those before are used up. Beyond them
/// it's denied.
pub const MAX_TRIES: usize = 64;

/// Which fields of a packet some rule asks about, other than its protocol and its destination port.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Fields(pub u32);

impl Fields {
    /// The source address.
    pub const SOURCE: Self = Self(1);
    /// The destination address.
    pub const DESTINATION: Self = Self(1 << 1);
    /// The source port.
    pub const SOURCE_PORT: Self = Self(1 << 2);
    /// The flags of a TCP header.
    pub const FLAGS: Self = Self(1 << 3);
    /// The interface.
    pub const INTERFACE: Self = Self(1 << 4);
    /// Some rule has a limit.
    pub const LIMIT: Self = Self(1 << 5);

    /// Whether all of `fields` are among these.
    #[inline(always)]
    pub const fn has(self, fields: Self) -> bool {
        self.0 & fields.0 == fields.0
    }

    /// These and those.
    pub const fn with(self, fields: Self) -> Self {
        Self(self.0 | fields.0)
    }
}

/// The numbers of the sets of rules that a packet's fields satisfy. Those of fields that no rule asks about aren't looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Satisfied {
    /// By its protocol and its destination port, or its type.
    pub transport: u32,
    /// By its source address.
    pub source: u32,
    /// By its destination address.
    pub destination: u32,
    /// By its source port.
    pub source_port: u32,
    /// By its TCP flags.
    pub flags: u32,
    /// By the interface that it arrived on.
    pub interface: u32,
}

/// The same, two in each number.
///
/// The search takes them as this, and looks at each where it needs it: unpacked before its loop, as the compiler would, they'd
/// take more of the kernel's stack than there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packed(pub [u64; 3]);

impl Packed {
    /// Of some sets.
    #[inline(always)]
    pub const fn of(satisfied: &Satisfied) -> Self {
        const fn two(first: u32, second: u32) -> u64 {
            first as u64 | (second as u64) << 32
        }
        let &Satisfied { transport, source, destination, source_port, flags, interface } = satisfied;
        Self([two(transport, source), two(destination, source_port), two(flags, interface)])
    }

    /// The set of that place, in the order of [`Satisfied`].
    #[inline(always)]
    fn set(&self, place: usize) -> u32 {
        (opaque(self.0[place / 2]) >> (place % 2 * 32)) as u32
    }
}

/// What a rule says of packets that it matches: its decision, and in the upper 16 bits which limit it has, 0 for none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Consequence(u32);

impl Consequence {
    /// A rule's, with the number of its limit, from 1, or 0.
    pub const fn new(decision: Decision, limit: u16) -> Self {
        Self(decision.to_bits() as u32 | (limit as u32) << 16)
    }

    /// What becomes of the packet.
    #[inline(always)]
    pub const fn decision(self) -> Decision {
        Decision::from_bits(self.0 as u16)
    }

    /// The number of its limit, from 1; 0 if it has none.
    #[inline(always)]
    pub const fn limit(self) -> u32 {
        self.0 >> 16
    }
}

/// The words of a set, its summary first; behind them whatever follows, if it has fewer.
pub type SetWords = [u64; MAX_WORDS + 1];

/// The sets of a ruleset, and its rules.
pub trait Rules: Limits {
    /// Which fields some rule asks about.
    fn fields(&self) -> Fields;

    /// The words of a set: its number is the place of the first one among those of all. `None` if there are none, which is an error of the loader's.
    fn words(&self, set: u32) -> Option<&SetWords>;

    /// What rule number `n` of the sets says.
    fn consequence(&self, n: u32) -> Consequence;

    /// What becomes of a packet that no rule matches.
    fn default_action(&self) -> Action;

    /// The number of the first rule from `start` on that is in all sets; [`NO_RULE`] if there's none.
    #[inline(always)]
    fn next(&self, satisfied: Packed, start: u32) -> u32
    where
        Self: Sized,
    {
        next(self, satisfied, start)
    }

    /// What the first rule says that all fields satisfy. `source` is a hash of who sent the packet.
    #[inline(always)]
    fn select(&self, satisfied: Packed, source: u64, now: Tick) -> Decision
    where
        Self: Sized,
    {
        select(self, satisfied, source, now)
    }
}

/// What [`Rules::next`] gives if there's no rule.
pub const NO_RULE: u32 = u32::MAX;
/// What it gives if a word isn't there that should be.
pub const IN_ERROR: u32 = u32::MAX - 1;

/// See [`Rules::select`].
#[inline(always)]
pub fn select(rules: &impl Rules, satisfied: Packed, source: u64, now: Tick) -> Decision {
    let mut start = 0;
    for _ in 0..MAX_TRIES {
        let n = rules.next(satisfied, start);
        let consequence = rules.consequence(n);
        if n >= IN_ERROR || consequence.limit() == 0 || rules.admits(consequence.limit(), source, now) {
            return conclude(rules, n);
        }
        start = n + 1;
    }
    Decision::default_of(Action::Deny)
}

/// What the rule of a number from [`Rules::next`] says.
#[inline(always)]
pub fn conclude(rules: &impl Rules, n: u32) -> Decision {
    match n {
        NO_RULE => Decision::default_of(rules.default_action()),
        IN_ERROR => Decision::default_of(Action::Deny),
        n => rules.consequence(n).decision(),
    }
}

/// See [`Rules::next`].
#[inline(always)]
pub fn next(rules: &impl Rules, satisfied: Packed, start: u32) -> u32 {
    let fields = rules.fields();
    let Some(sets) = Sets::of(rules, satisfied, fields) else { return IN_ERROR };
    let Some(summary) = sets.intersection(fields, 0) else { return IN_ERROR };
    let mut summary = summary & from(start / u64::BITS);
    for _ in 0..MAX_WORDS {
        if summary == 0 {
            break;
        }
        let place = lowest(summary);
        let Some(word) = sets.intersection(fields, place + 1) else { return IN_ERROR };
        // No rule before `start` counts, whose word is the first. All ones for any other, without a branch: the verifier would walk the
        // rest for each of its ways.
        let distance = opaque(u64::from(place ^ (start / u64::BITS)));
        let others = (distance.wrapping_neg() as i64 >> 63) as u64;
        let word = word & (from(start % u64::BITS) | others);
        if word != 0 {
            return place * u64::BITS + lowest(word);
        }
        summary &= summary - 1;
    }
    NO_RULE
}

/// All bits from bit `n` on.
#[inline(always)]
const fn from(n: u32) -> u64 {
    if n < u64::BITS { u64::MAX << n } else { 0 }
}

/// The sets that a packet satisfies; those of fields that no rule asks about aren't there.
struct Sets<'a>([Option<&'a SetWords>; SETS]);

/// How many sets a packet satisfies.
const SETS: usize = 6;
/// The fields that the second of them and those that follow are about: of the first, some rule always asks.
const OTHERS: [Fields; SETS - 1] =
    [Fields::SOURCE, Fields::DESTINATION, Fields::SOURCE_PORT, Fields::FLAGS, Fields::INTERFACE];

/// Whether some rule asks about the field that a set is about.
#[inline(always)]
const fn asks(fields: Fields, place: usize) -> bool {
    place == 0 || fields.has(OTHERS[place - 1])
}

impl<'a> Sets<'a> {
    /// `None` if one isn't there.
    #[inline(always)]
    fn of(rules: &'a impl Rules, satisfied: Packed, fields: Fields) -> Option<Self> {
        let mut words = [None; SETS];
        for (place, words) in words.iter_mut().enumerate() {
            if asks(fields, place) {
                *words = Some(rules.words(satisfied.set(place))?);
            }
        }
        Some(Self(words))
    }

    /// One word of the intersection of all sets; number 0 is the summaries'.
    #[inline(always)]
    fn intersection(&self, fields: Fields, number: u32) -> Option<u64> {
        let mut all = u64::MAX;
        for (place, words) in self.0.iter().enumerate() {
            if asks(fields, place) {
                all &= (*words)?.get(number as usize)?;
            }
        }
        Some(all)
    }
}

/// The number of the lowest bit that is set, of a word that isn't zero.
#[inline(always)]
fn lowest(word: u64) -> u32 {
    // BPF has no such instruction, and looks the number up in a table. The compiler knows what that holds and would drop the
    // mask; the verifier doesn't, and needs it.
    opaque(u64::from(word.trailing_zeros())) as u32 & 63
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent 32-bit integer: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Fields {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Consequence {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_is_found() {
        for bit in 0..u64::BITS {
            assert_eq!(lowest(1 << bit), bit);
            assert_eq!(lowest(u64::MAX << bit), bit);
        }
    }
}
