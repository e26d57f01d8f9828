//! How far a datagram has come: how many of its fragments have passed, and whether these are all there are.
//!
//! Fragments of one datagram are the links of a chain: each begins where another ends. A secret function gives every
//! boundary inside the datagram a number, and its beginning and its end zero. A fragment adds the number of the boundary that it
//! ends at and takes away that of the one that it begins at. Once every byte has passed exactly once, each boundary was
//! added once and taken away once, and the sum is zero again: in whatever order the fragments came, and without
//! knowing which ones did. A fragment that came twice, or one that overlaps another, leaves the sum at a number that nobody
//! can choose without the secret.

use super::{Fragment, identity::HashKey};

/// What is known of a datagram's fragments that have passed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The sum of their boundaries.
    links: u16,
    /// How many they are, at most [`Progress::MAX_FRAGMENTS`].
    fragments: u16,
    /// Whether the last one is among them.
    last: bool,
}

impl Progress {
    /// No fragment has passed.
    pub const NONE: Self = Self { links: 0, fragments: 0, last: false };

    /// The bits that the number of fragments is stored in.
    const FRAGMENT_BITS: u32 = 10;

    /// More fragments than any datagram has: at this number each of them has 64 bytes at most.
    pub const MAX_FRAGMENTS: u16 = (1 << Self::FRAGMENT_BITS) - 1;

    /// How many bits [`Progress::counted`] takes.
    pub(super) const COUNTED_BITS: u32 = Self::FRAGMENT_BITS + 1;

    /// After one more fragment; the same again if there were too many.
    #[inline(always)]
    pub fn and(self, fragment: &Fragment, key: &HashKey) -> Self {
        let mut links = self.links;
        if fragment.more {
            links = links.wrapping_add(boundary(fragment.end() >> 3, key));
        }
        if fragment.offset > 0 {
            links = links.wrapping_sub(boundary(u32::from(fragment.offset) >> 3, key));
        }
        let fragments = if self.is_full() { self.fragments } else { self.fragments + 1 };
        Self { links, fragments, last: self.last || !fragment.more }
    }

    /// Whether there's no fragment yet.
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.fragments == 0
    }

    /// Whether there are as many fragments as can be counted.
    #[inline(always)]
    pub const fn is_full(self) -> bool {
        self.fragments == Self::MAX_FRAGMENTS
    }

    /// Whether these are all fragments of a datagram, provided that its first is among them.
    #[inline(always)]
    pub const fn is_whole(self) -> bool {
        self.last && self.links == 0
    }

    /// How many fragments have been charged so far: the largest power of two among the numbers that were reached. So a
    /// datagram of many fragments is charged seldom, and never for less than half of what it is.
    #[inline(always)]
    pub const fn charged(self) -> u32 {
        // The highest bit, by copying it to all lower places: BPF has no instruction that counts zeros.
        let mut bits = self.fragments;
        bits |= bits >> 1;
        bits |= bits >> 2;
        bits |= bits >> 4;
        bits |= bits >> 8;
        (bits - (bits >> 1)) as u32
    }

    /// How many are to be charged with the fragment that came last.
    #[inline(always)]
    pub const fn due(self) -> u32 {
        let n = self.fragments as u32;
        match n {
            0 | 1 => n,
            _ if n & (n - 1) == 0 => n >> 1,
            _ => 0,
        }
    }

    /// The number of fragments and whether the last one is among them.
    #[inline(always)]
    pub(super) const fn counted(self) -> u16 {
        self.fragments | (self.last as u16) << Self::FRAGMENT_BITS
    }

    /// The sum of boundaries.
    #[inline(always)]
    pub(super) const fn links(self) -> u16 {
        self.links
    }

    /// From what was stored; upper bits of `counted` are left out.
    #[inline(always)]
    pub(super) const fn from_parts(links: u16, counted: u16) -> Self {
        let last = counted >> Self::FRAGMENT_BITS & 1 != 0;
        Self { links, fragments: counted & Self::MAX_FRAGMENTS, last }
    }
}

/// The number of a boundary `units` of 8 bytes into a datagram. Two multiplications with a shift between them: of a
/// linear function sums could be foreseen without the secret.
#[inline(always)]
fn boundary(units: u32, key: &HashKey) -> u16 {
    let [first, second] = key.boundary();
    let mixed = (u64::from(units) | 1 << 32).wrapping_mul(first);
    ((mixed ^ mixed >> 29).wrapping_mul(second | 1) >> 48) as u16
}
