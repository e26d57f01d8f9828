//! The fragment table: set-associative, of fixed size, without a lock.
//!
//! A set is one cache line of four entries; an entry is two 64-bit words:
//!
//! ```text
//!  word 0: | upper 48 bits of the identity XOR those of word 1 | boundaries, upper 16 bits |
//!  word 1: | time, 19 bits | decision, 16 bits | first fragment's end / 8, 13 bits | boundaries, lower 6 bits | fragments, 10 bits |
//! ```
//!
//! CPUs write and read entries at once, each word by itself. An entry whose words come from two writers doesn't give
//! back the identity it's looked up by, so it is no entry at all: a half-written one can't be read, without any
//! ordering between the words (Hyatt and Mann, "A lock-less transposition table implementation", 2002).
//!
//! Where a network card spreads packets by port, a datagram's first fragment meets one CPU and all others another, at the
//! same moment. So that neither misses what the other one counts, each puts its entry in place and only then looks for the
//! other's ([`Set::insert`], [`Set::put_decided`], [`Set::take_early`]); what was counted of trailing ones goes to the one that takes it.

use super::{
    identity::Identity,
    progress::Progress,
    room::{Holding, Room, Worth},
    tick::{SKEW, Tick},
    word::Word,
};
use crate::rules::Decision;

/// Entries in a set.
pub const WAYS: usize = 4;

/// One entry.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Entry {
    tag: Word,
    record: Word,
}

/// Entries that compete for room: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Set([Entry; WAYS]);

/// The sets of a table.
pub trait Sets {
    /// The set that identities with these upper bits share; `None` if the table is smaller than its shift says.
    fn set(&self, identity: Identity) -> Option<&Set>;
}

/// What the table knows of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// The first fragment's verdict; [`Decision::UNDECIDED`] of an early datagram, whose first fragment hasn't come yet.
    pub decision: Decision,
    /// Where the first fragment ends in the datagram, in bytes: a multiple of 8. 0 of an early datagram.
    pub first_end: u16,
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
const IDENTITY_MASK: u64 = !(u16::MAX as u64);
/// What changes with each fragment is no part of it.
const _: () = assert!(Progress::STORED_BITS <= u16::BITS);

impl Record {
    #[inline(always)]
    const fn pack(self, time: u32) -> u64 {
        (time as u64) << TIME_SHIFT
            | (self.decision.to_bits() as u64) << DECISION_SHIFT
            | (self.first_end as u64 >> 3) << Progress::STORED_BITS
            | self.progress.rest() as u64
    }
}

#[inline(always)]
const fn decision_of(word: u64) -> Decision {
    Decision::from_bits((word >> DECISION_SHIFT) as u16)
}

#[inline(always)]
const fn time_of(word: u64) -> u32 {
    (word >> TIME_SHIFT) as u32
}

/// What is known of a datagram, and where its entry is if it has one: the entry's words as they are.
///
/// There is no `Option` of it, for the reason that [`Fragment`](super::Fragment) has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    way: usize,
    tag: u64,
    word: u64,
}

/// What is known of an early datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Early {
    /// Which of its fragments have passed.
    pub progress: Progress,
    /// When the first of them came, as entries keep it.
    pub time: u32,
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
const fn is_of(identity: Identity, tag: u64, word: u64) -> bool {
    (tag ^ word ^ identity.0) & IDENTITY_MASK == 0
}

impl Found {
    const UNKNOWN: Self = Self { way: 0, tag: 0, word: Record::UNKNOWN.pack(0) };

    /// Nothing, if it's older than it may be.
    #[inline(always)]
    fn unless_expired(self, now: Tick, timeout: u32) -> Self {
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
    pub const fn first_end(&self) -> u16 {
        ((self.word >> Progress::STORED_BITS) as u16 & ((1 << END_BITS) - 1)) << 3
    }

    /// Which of its fragments have passed.
    #[inline(always)]
    pub const fn progress(&self) -> Progress {
        Progress::from_parts(self.tag as u16, self.word as u32)
    }

    /// All of it.
    pub const fn record(&self) -> Record {
        Record { decision: self.decision(), first_end: self.first_end(), progress: self.progress() }
    }
}

impl Set {
    /// What is known of a datagram since at most `timeout` ticks, which are at most [`Tick::MAX_AGE`].
    #[inline(always)]
    pub fn find(&self, identity: Identity, now: Tick, timeout: u32) -> Found {
        let mut found = Found::UNKNOWN;
        for (way, entry) in self.0.iter().enumerate() {
            let (tag, word) = (entry.tag.load(), entry.record.load());
            if is_of(identity, tag, word) {
                found = Found { way, tag, word };
                break;
            }
        }
        found.unless_expired(now, timeout)
    }

    /// What was decided of a datagram; [`Record::UNKNOWN`] if nothing was yet.
    #[inline(always)]
    pub fn find_decided(&self, identity: Identity, now: Tick, timeout: u32) -> Found {
        let mut found = Found::UNKNOWN;
        for (way, entry) in self.0.iter().enumerate() {
            let (tag, word) = (entry.tag.load(), entry.record.load());
            if is_of(identity, tag, word) && word != 0 && !decision_of(word).is_undecided() {
                found = Found { way, tag, word };
                break;
            }
        }
        found.unless_expired(now, timeout)
    }

    /// Takes away what is known of an early datagram, so that nobody else can.
    #[inline(always)]
    pub fn take_early(&self, identity: Identity, now: Tick, timeout: u32) -> Early {
        let mut early = Early { progress: Progress::NONE, time: now.stored() };
        // Hardly any set has an early entry, of whatever datagram.
        if !self.0.iter().any(|entry| decision_of(entry.record.load()).is_undecided()) {
            return early;
        }
        for entry in &self.0 {
            let (tag, word) = (entry.tag.load(), entry.record.load());
            if decision_of(word).is_undecided()
                && is_of(identity, tag, word)
                && entry.record.take(word)
                && now.age_of(time_of(word)) <= timeout + SKEW
            {
                early = Early {
                    progress: Found { way: 0, tag, word }.progress().join(early.progress),
                    time: time_of(word),
                };
            }
        }
        early
    }

    /// Puts what is known of a datagram in place of what was decided of it before, or of a free entry, or of the one that
    /// is worth least: one that has expired, else the oldest denied one, else the oldest early one, else the oldest accepted
    /// one. Nobody pushes out what is worth more than itself: a denied datagram for which there's no other room goes unrecorded.
    ///
    /// Of an early datagram nothing may be known; `time` is when its oldest fragment came. Other CPUs see the entry before
    /// this one looks for theirs. Says where there was room.
    ///
    /// `held` is for how many ticks the kernel may hold what came before, at least the timeout.
    #[inline(always)]
    pub fn insert(
        &self,
        identity: Identity,
        record: Record,
        time: u32,
        now: Tick,
        timeout: u32,
        held: u32,
    ) -> Room {
        let written = if record.decision.is_undecided() {
            self.write::<true>(identity, record, time, now, timeout, held)
        } else {
            self.write::<false>(identity, record, time, now, timeout, held)
        };
        let Some((entry, tag, room)) = written else { return Room::Nowhere };
        entry.tag.swap(tag);
        room
    }

    /// The same of a datagram that was decided just now.
    #[inline(always)]
    pub fn put_decided(
        &self,
        identity: Identity,
        record: Record,
        now: Tick,
        timeout: u32,
        held: u32,
        order: Order,
    ) -> Room {
        let written = self.write::<false>(identity, record, now.stored(), now, timeout, held);
        let Some((entry, tag, room)) = written else { return Room::Nowhere };
        match order {
            Order::Later => entry.tag.store(tag),
            Order::AtOnce => {
                entry.tag.swap(tag);
            }
        }
        room
    }

    /// Writes the entry but for its tag, which it returns, and says where there was room; `None` if there's none. `EARLY`: it's of an
    /// early datagram.
    #[inline(always)]
    fn write<const EARLY: bool>(
        &self,
        identity: Identity,
        record: Record,
        time: u32,
        now: Tick,
        timeout: u32,
        held: u32,
    ) -> Option<(&Entry, u64, Room)> {
        let mut place = WAYS;
        let mut fits = true;
        let mut room = Room::Free;
        for (way, entry) in self.0.iter().enumerate() {
            let (tag, word) = (entry.tag.load(), entry.record.load());
            if word == 0 {
                // An early one comes from the other end, so as not to meet a first one that comes at the same moment.
                if EARLY || place == WAYS {
                    place = way;
                }
            } else if is_of(identity, tag, word)
                && !decision_of(word).is_undecided()
                && (!EARLY || now.age_of(time_of(word)) > timeout + SKEW)
            {
                place = way;
                // What the host holds of another first fragment won't fit to this one's: it can't tell when all is done.
                let before = Found { way, tag, word }.unless_expired(now, held);
                let same = before.first_end() == record.first_end && before.decision() == record.decision;
                fits = same || before == Found::UNKNOWN;
                break;
            }
        }
        if place == WAYS {
            let (victim, worth) = self.least(now, timeout);
            room = worth.room_for(record.decision);
            if room == Room::Nowhere {
                return None;
            }
            place = victim;
        }
        let entry = &self.0[place & (WAYS - 1)];
        let progress = if fits { record.progress } else { record.progress.spoiled() };
        let word = Record { progress, ..record }.pack(time);
        entry.record.store(word);
        Some((entry, (identity.0 ^ word) & IDENTITY_MASK | u64::from(progress.upper()), room))
    }

    /// The entry that is worth least, and what it's worth.
    #[inline(always)]
    fn least(&self, now: Tick, timeout: u32) -> (usize, Worth) {
        let mut least = (0, Worth::MAX);
        for (way, entry) in self.0.iter().enumerate() {
            let worth = worth(entry.record.load(), now, timeout);
            if worth < least.1 {
                least = (way, worth);
            }
        }
        least
    }

    /// Says how far a datagram that was found has come. Its age stays what it is: what is worth less the longer ago its
    /// first fragment was can't be kept alive by trailing ones.
    #[inline(always)]
    pub fn update(&self, found: &Found, progress: Progress) {
        let rest = (1 << Progress::STORED_BITS) - 1;
        let entry = &self.0[found.way & (WAYS - 1)];
        // Neither changes what proves the identity.
        entry.record.store(found.word & !rest | u64::from(progress.rest()));
        entry.tag.store(found.tag & IDENTITY_MASK | u64::from(progress.upper()));
    }

    /// What its entries hold.
    pub fn holdings(&self, now: Tick, timeout: u32) -> [Holding; WAYS] {
        self.0.each_ref().map(|entry| match entry.record.load() {
            0 => Holding::Nothing,
            word => worth(word, now, timeout).holding(),
        })
    }

    /// Forgets a datagram: all of it has passed.
    #[inline(always)]
    pub fn free(&self, found: &Found) {
        // The other word may be somebody else's by now.
        self.0[found.way & (WAYS - 1)].record.store(0);
    }
}

/// What an entry is worth.
#[inline(always)]
fn worth(word: u64, now: Tick, timeout: u32) -> Worth {
    Worth::new(decision_of(word), now.age_of(time_of(word)), timeout + SKEW)
}
