//! How far a datagram has come: how many of its fragments have passed, and whether these are all there are.
//!
//! Fragments of one datagram are the links of a chain: each begins where another ends. A secret table gives every
//! boundary inside the datagram a number, and its beginning and its end zero. A fragment adds the number of the boundary that it
//! ends at and takes away that of the one that it begins at. Once every byte has passed exactly once, each boundary was
//! added once and taken away once, and the sum is zero again: in whatever order the fragments came, and without
//! knowing which ones did.
//!
//! The numbers grow from each boundary to the next one. So as long as each byte has passed at most once, the sum tells how much
//! is missing and is zero at the end only: a datagram whose sender keeps to the RFCs is never taken for a whole one
//! too soon. A fragment that came twice, or one that overlaps another, leaves the sum at a number that nobody can choose
//! without the secret.

use super::{Fragment, identity::HashKey};

/// How many boundaries a datagram can have: one at each 8 bytes.
pub const BOUNDARIES: usize = 1 << 13;

/// The numbers of boundaries; that of the datagram's beginning is zero.
pub type Boundaries = [u32; BOUNDARIES];

/// How many bits a sum has. They are the upper ones of a word, so that it comes around by itself.
const LINK_BITS: u32 = 22;
/// What a sum is counted in.
const ONE: u32 = 1 << Progress::FRAGMENT_BITS;
/// By how much a number is larger than the one before, at least, and by how much at most: two, so that a sum that is off by one
/// ([`Progress::spoiled`]) isn't put right by any fragment.
const LEAST_STEP: u32 = 2;
const MOST_STEP: u32 = 512;
const _: () = assert!((BOUNDARIES as u32 - 1) * MOST_STEP < 1 << LINK_BITS);

/// Fills in the numbers that go with a key. They grow by the output of SplitMix64 (Steele, Lea and Flood 2014), stirred by two
/// of the key's words.
pub fn fill(boundaries: &mut Boundaries, key: &HashKey) {
    let [mut state, stir] = key.boundary_seeds();
    let mut last = 0;
    for boundary in &mut boundaries[1..] {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ stir ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let random = (bits ^ bits >> 31) >> 32;
        let step = (random * u64::from(MOST_STEP - LEAST_STEP + 1)) >> 32;
        last += LEAST_STEP + step as u32;
        *boundary = last * ONE;
    }
    boundaries[0] = 0;
}

/// What is known of a datagram's fragments that have passed, in one word: the sum of their boundaries, counted in 1024ths, and
/// below it how many they are, at most [`Progress::MAX_FRAGMENTS`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Progress(u32);

impl Progress {
    /// No fragment has passed.
    pub const NONE: Self = Self(0);

    /// The bits that the number of fragments takes.
    const FRAGMENT_BITS: u32 = u32::BITS - LINK_BITS;

    /// More fragments than any datagram has: at this number each of them has 64 bytes at most.
    pub const MAX_FRAGMENTS: u16 = (1 << Self::FRAGMENT_BITS) - 1;

    /// How many bits [`Progress::rest`] takes.
    pub(super) const STORED_BITS: u32 = u16::BITS;

    /// After a first fragment.
    #[inline(always)]
    pub fn of_first(fragment: &Fragment, boundary: impl Fn(usize) -> u32) -> Self {
        // It begins at a boundary whose number is zero, and more follow.
        Self(boundary(fragment.end() >> 3) + 1)
    }

    /// After one more fragment; no more are counted once there are too many.
    #[inline(always)]
    pub fn and(self, fragment: &Fragment, boundary: impl Fn(usize) -> u32) -> Self {
        // A last one ends at the datagram's end, whose number is that of its beginning.
        let end = if fragment.more { fragment.end() >> 3 } else { 0 };
        // One of no length makes the kernel give the datagram up (`ip_frag_queue`, `ip6_frag_queue`): it's no link.
        let start = if fragment.length > 0 { fragment.offset >> 3 } else { 0 };
        let links = boundary(end).wrapping_sub(boundary(start));
        Self(self.0.wrapping_add(links) + !self.is_full() as u32)
    }

    /// These fragments and those.
    #[inline(always)]
    pub const fn join(self, other: Self) -> Self {
        let fragments = self.fragments() + other.fragments();
        let most = Self::MAX_FRAGMENTS as u32;
        Self(self.links().wrapping_add(other.links()) | if fragments > most { most } else { fragments })
    }

    /// Of a datagram whose fragments are taken for all of it by nobody any more: the sum is off by one.
    #[inline(always)]
    pub(super) const fn spoiled(self) -> Self {
        Self(self.0.wrapping_add(ONE * !self.is_none() as u32))
    }

    #[inline(always)]
    const fn links(self) -> u32 {
        self.0 & !(ONE - 1)
    }

    #[inline(always)]
    const fn fragments(self) -> u32 {
        self.0 & (ONE - 1)
    }

    /// Whether there's no fragment yet.
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.fragments() == 0
    }

    /// Whether there are as many fragments as can be counted.
    #[inline(always)]
    pub const fn is_full(self) -> bool {
        self.fragments() == Self::MAX_FRAGMENTS as u32
    }

    /// Whether these are all fragments of a datagram, provided that its first is among them.
    #[inline(always)]
    pub const fn is_whole(self) -> bool {
        self.links() == 0
    }

    /// How many fragments have been charged so far: the largest power of two among the numbers that were reached. So a
    /// datagram of many fragments is charged seldom, and never for less than half of what it is.
    #[inline(always)]
    pub const fn charged(self) -> u32 {
        // The highest bit, by copying it to all lower places: BPF has no instruction that counts zeros.
        let mut bits = self.fragments();
        bits |= bits >> 1;
        bits |= bits >> 2;
        bits |= bits >> 4;
        bits |= bits >> 8;
        bits - (bits >> 1)
    }

    /// How many are to be charged with the fragment that came last.
    #[inline(always)]
    pub const fn due(self) -> u32 {
        let n = self.fragments();
        match n {
            0 | 1 => n,
            _ if n & (n - 1) == 0 => n >> 1,
            _ => 0,
        }
    }

    /// What is stored of it in one place: the upper half.
    #[inline(always)]
    pub(super) const fn upper(self) -> u64 {
        (self.0 >> u16::BITS) as u64
    }

    /// What is stored of it in another place: the lower half.
    #[inline(always)]
    pub(super) const fn rest(self) -> u64 {
        (self.0 & u16::MAX as u32) as u64
    }

    /// From two words whose lower halves' lower halves these are.
    #[inline(always)]
    pub(super) const fn from_parts(upper: u64, rest: u64) -> Self {
        Self((upper as u32) << u16::BITS | (rest as u32 & u16::MAX as u32))
    }
}
