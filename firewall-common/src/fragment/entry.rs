//! An entry of the fragment table: two 64-bit words.
//!
//! ```text
//!  word 0: | upper 48 bits of the identity XOR those of word 1 | boundaries, upper 16 bits |
//!  word 1: | time, 19 bits | decision, 16 bits | first fragment's end / 8, 13 bits | boundaries, lower 6 bits | fragments, 10 bits |
//! ```
//!
//! CPUs write and read entries at once, each word by itself. An entry whose words come from two writers doesn't give
//! back the identity it's looked up by, so it is no entry at all: a half-written one can't be read, without any
//! ordering between the words (Hyatt and Mann, "A lock-less transposition table implementation", 2002).

use super::{
    identity::Identity,
    progress::Progress,
    tick::{SKEW, Tick},
    word::Word,
};
use crate::{opaque::any_of, rules::Decision};

/// One entry.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Entry {
    pub(super) tag: Word,
    pub(super) record: Word,
}

/// What the table knows of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// The first fragment's verdict; [`Decision::UNDECIDED`] of an early datagram, whose first fragment hasn't come yet.
    pub decision: Decision,
    /// Where the first fragment ends in the datagram, in bytes: a multiple of 8. 0 of an early datagram.
    pub first_end: usize,
    /// Which of its fragments have passed.
    pub progress: Progress,
}

impl Record {
    /// Of a datagram that nothing is known of: as an early one's, without any fragment.
    pub const UNKNOWN: Self = Self { decision: Decision::UNDECIDED, first_end: 0, progress: Progress::NONE };
}

/// How many bits the end of a first fragment takes, in units of 8 bytes.
const END_BITS: u32 = 13;
/// Where the decision lies in word 1.
const DECISION_SHIFT: u32 = END_BITS + Progress::STORED_BITS;
/// Where the time lies in word 1.
const TIME_SHIFT: u32 = DECISION_SHIFT + u16::BITS;
const _: () = assert!(TIME_SHIFT + Tick::STORED_BITS == u64::BITS);

/// The part of word 0 that proves the identity.
pub(super) const IDENTITY_MASK: u64 = !(u16::MAX as u64);
/// What changes with each fragment is no part of it.
const _: () = assert!(Progress::STORED_BITS == u16::BITS);

impl Record {
    /// Its number: word 1, with the upper half of the boundaries in place of the time, where there's room for it.
    #[inline(always)]
    pub const fn to_bits(self) -> u64 {
        self.progress.upper() << TIME_SHIFT | self.pack(0)
    }

    /// The one of that number.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        Found { way: 0, tag: bits >> TIME_SHIFT, word: bits }.record()
    }

    #[inline(always)]
    const fn pack(self, time: u32) -> u64 {
        (time as u64) << TIME_SHIFT
            | (self.decision.to_bits() as u64) << DECISION_SHIFT
            | (self.first_end as u64 >> 3) << Progress::STORED_BITS
            | self.progress.rest()
    }
}

#[inline(always)]
pub(super) const fn decision_of(word: u64) -> Decision {
    Decision::from_bits((word >> DECISION_SHIFT) as u16)
}

#[inline(always)]
pub(super) const fn time_of(word: u64) -> u32 {
    (word >> TIME_SHIFT) as u32
}

/// What is known of a datagram, and where its entry is if it has one: the entry's words as they are.
///
/// There is no `Option` of it, for the reason that [`Fragment`](super::Fragment) has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    pub(super) way: usize,
    pub(super) tag: u64,
    pub(super) word: u64,
}

/// When other CPUs see an entry that is put into a set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Before this one looks for theirs.
    AtOnce,
    /// As late as they may: the caller takes a step that puts what went before it in order ([`Word::add_in_order`],
    /// [`Word::swap`]), and only then looks for theirs.
    Later,
}

/// Whether an entry is that datagram's.
#[inline(always)]
pub(super) const fn is_of(identity: Identity, tag: u64, word: u64) -> bool {
    (tag ^ word ^ identity.0) & IDENTITY_MASK == 0
}

impl Found {
    pub(super) const UNKNOWN: Self = Self { way: 0, tag: 0, word: Record::UNKNOWN.pack(0) };

    /// The same, as if it might be at any place.
    #[inline(always)]
    pub(super) fn anywhere(self, identity: Identity) -> Self {
        Self { way: any_of(self.way as u64, identity.0) as usize, ..self }
    }

    /// Nothing, if it's older than it may be.
    #[inline(always)]
    pub(super) fn unless_expired(self, now: Tick, timeout: u32) -> Self {
        // All zeros is memory that nobody wrote, or a freed entry: a datagram that was decided has a first fragment of some
        // length, and one that wasn't says so.
        if self.word == 0 || now.age_of(time_of(self.word)) > timeout + SKEW {
            return Self::UNKNOWN;
        }
        self
    }

    /// The first fragment's verdict; [`Decision::UNDECIDED`] if it's unknown.
    #[inline(always)]
    pub const fn decision(&self) -> Decision {
        decision_of(self.word)
    }

    /// Where the first fragment ends in the datagram, in bytes.
    #[inline(always)]
    pub const fn first_end(&self) -> usize {
        ((self.word >> Progress::STORED_BITS) as usize & ((1 << END_BITS) - 1)) << 3
    }

    /// Which of its fragments have passed.
    #[inline(always)]
    pub const fn progress(&self) -> Progress {
        Progress::from_parts(self.tag, self.word)
    }

    /// All of it.
    #[inline(always)]
    pub const fn record(&self) -> Record {
        Record { decision: self.decision(), first_end: self.first_end(), progress: self.progress() }
    }
}

impl Entry {
    /// Writes it but for its tag, which it returns.
    #[inline(always)]
    pub(super) fn write(&self, identity: Identity, record: Record, time: u32) -> u64 {
        let word = record.pack(time);
        self.record.store(word);
        (identity.0 ^ word) & IDENTITY_MASK | record.progress.upper()
    }

    /// Gives it its tag, with which others see it.
    #[inline(always)]
    pub(super) fn show(&self, tag: u64, order: Order) {
        match order {
            Order::Later => self.tag.store(tag),
            Order::AtOnce => {
                self.tag.swap(tag);
            }
        }
    }
}
