//! Time, as the tables measure it.

/// A time in ticks that wraps around. A tick is whatever the environment counts, a kernel jiffy or a step of a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tick(pub u32);

/// By how many ticks an entry may be younger than the reader's own "now", which it took a moment before it read the entry:
/// meanwhile another CPU may have written it.
pub const SKEW: u32 = 1 << 10;

const UNIT_BITS: u32 = 5;
/// Entries keep a time in units of so many ticks, rounded up: so none expires too soon.
pub const UNIT: u32 = 1 << UNIT_BITS;
const _: () = assert!(UNIT < SKEW);

/// How many bits of a time's ticks count in an age.
const AGE_BITS: u32 = Tick::STORED_BITS + UNIT_BITS;

impl Tick {
    /// How many bits entries keep: the time comes around again after 4.6 hours of a kernel that counts a thousand
    /// ticks in a second, which is long after everything has expired.
    pub const STORED_BITS: u32 = 19;

    /// The longest that entries can be told apart by age, in ticks: half of what is stored.
    pub const MAX_AGE: u32 = (1 << (AGE_BITS - 1)) - 2 * SKEW;

    /// What entries keep of it.
    #[inline(always)]
    pub const fn stored(self) -> u32 {
        self.0.wrapping_add(UNIT - 1) >> UNIT_BITS & ((1 << Self::STORED_BITS) - 1)
    }

    /// How many ticks have gone by since `earlier` (as it was stored), and [`SKEW`] more: so an entry of a moment later isn't
    /// one of an age ago.
    #[inline(always)]
    pub const fn age_of(self, earlier: u32) -> u32 {
        self.0.wrapping_add(SKEW).wrapping_sub(earlier << UNIT_BITS) & ((1 << AGE_BITS) - 1)
    }
}
