//! How far a datagram has come: how many of its fragments have passed, and whether these are all there are.
//!
//! Fragments of one datagram are the links of a chain: each begins where another ends. A secret table gives every
//! boundary inside the datagram a number, and its beginning and its end zero. A fragment adds the number of the boundary that it
//! ends at and takes away that of the one that it begins at. Once every byte has passed exactly once, each boundary was
//! added once and taken away once, and the sum is zero again: in whatever order the fragments came, and without
//! knowing which ones did. A fragment that came twice, or one that overlaps another, leaves the sum at a number that nobody
//! can choose without the secret.

use super::{Fragment, identity::HashKey};

/// How many boundaries a datagram can have: one at each 8 bytes.
pub const BOUNDARIES: usize = 1 << 13;

/// The numbers of boundaries; that of the datagram's beginning is zero.
pub type Boundaries = [u16; BOUNDARIES];

/// Fills in the numbers that go with a key: the output of SplitMix64 (Steele, Lea and Flood 2014), stirred by two of its
/// words.
pub fn fill(boundaries: &mut Boundaries, key: &HashKey) {
    let [mut state, stir] = key.boundary_seeds();
    for boundary in boundaries.iter_mut() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ stir ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        *boundary = ((bits ^ bits >> 31) >> 48) as u16;
    }
    boundaries[0] = 0;
}

/// What is known of a datagram's fragments that have passed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The sum of their boundaries.
    links: u16,
    /// How many they are, at most [`Progress::MAX_FRAGMENTS`], and [`Progress::LAST`] if the last one is among them.
    counted: u16,
}

impl Progress {
    /// No fragment has passed.
    pub const NONE: Self = Self { links: 0, counted: 0 };

    /// The bits that the number of fragments is stored in.
    const FRAGMENT_BITS: u32 = 10;

    /// More fragments than any datagram has: at this number each of them has 64 bytes at most.
    pub const MAX_FRAGMENTS: u16 = (1 << Self::FRAGMENT_BITS) - 1;

    const LAST: u16 = 1 << Self::FRAGMENT_BITS;

    /// How many bits [`Progress::counted`] takes.
    pub(super) const COUNTED_BITS: u32 = Self::FRAGMENT_BITS + 1;

    /// After one more fragment; no more are counted once there are too many.
    #[inline(always)]
    pub fn and(self, fragment: &Fragment, boundary: impl Fn(usize) -> u16) -> Self {
        // A last one ends at the datagram's end, whose number is that of its beginning.
        let end = if fragment.more { fragment.end() >> 3 } else { 0 };
        // One of no length makes the kernel give the datagram up (`ip_frag_queue`, `ip6_frag_queue`): it's no link.
        let start = if fragment.length > 0 { fragment.offset >> 3 } else { 0 };
        let links =
            self.links.wrapping_add(boundary(end as usize)).wrapping_sub(boundary(usize::from(start)));
        let counted = if self.is_full() { self.counted } else { self.counted + 1 };
        Self { links, counted: if fragment.more { counted } else { counted | Self::LAST } }
    }

    /// These fragments and those.
    #[inline(always)]
    pub const fn join(self, other: Self) -> Self {
        let fragments = self.fragments() + other.fragments();
        let fragments = if fragments > Self::MAX_FRAGMENTS { Self::MAX_FRAGMENTS } else { fragments };
        let last = (self.counted | other.counted) & Self::LAST;
        Self { links: self.links.wrapping_add(other.links), counted: fragments | last }
    }

    /// Of a datagram whose fragments are taken for all of it by nobody any more: the sum is off by one.
    #[inline(always)]
    pub(super) const fn spoiled(self) -> Self {
        Self { links: self.links.wrapping_add(!self.is_none() as u16), ..self }
    }

    /// How many fragments have passed.
    #[inline(always)]
    const fn fragments(self) -> u16 {
        self.counted & Self::MAX_FRAGMENTS
    }

    /// Whether there's no fragment yet.
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.fragments() == 0
    }

    /// Whether there are as many fragments as can be counted.
    #[inline(always)]
    pub const fn is_full(self) -> bool {
        self.fragments() == Self::MAX_FRAGMENTS
    }

    /// Whether these are all fragments of a datagram, provided that its first is among them.
    #[inline(always)]
    pub const fn is_whole(self) -> bool {
        self.links == 0 && self.counted & Self::LAST != 0
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
        (bits - (bits >> 1)) as u32
    }

    /// How many are to be charged with the fragment that came last.
    #[inline(always)]
    pub const fn due(self) -> u32 {
        let n = self.fragments() as u32;
        match n {
            0 | 1 => n,
            _ if n & (n - 1) == 0 => n >> 1,
            _ => 0,
        }
    }

    /// The number of fragments and whether the last one is among them.
    #[inline(always)]
    pub(super) const fn counted(self) -> u16 {
        self.counted
    }

    /// The sum of boundaries.
    #[inline(always)]
    pub(super) const fn links(self) -> u16 {
        self.links
    }

    /// From what was stored; upper bits of `counted` are left out.
    #[inline(always)]
    pub(super) const fn from_parts(links: u16, counted: u16) -> Self {
        Self { links, counted: counted & ((1 << Self::COUNTED_BITS) - 1) }
    }
}
