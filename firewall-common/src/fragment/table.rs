//! The fragment table: set-associative, of fixed size, without a lock. A set is one cache line of four entries ([`entry`](super::entry)).
//!
//! Where a network card spreads packets by port, a datagram's first fragment meets one CPU and all others another, at the
//! same moment. So that neither misses what the other one counts, each puts its entry in place and only then looks for the
//! other's ([`Set::insert`], [`Set::put_free`], [`Set::put_decided`], [`Set::take_early`]); what was counted of trailing ones goes to the one that takes it.

use super::{
    entry::{Entry, Found, IDENTITY_MASK, Order, Record, decision_of, is_of, time_of},
    identity::Identity,
    progress::Progress,
    room::{Holding, Room, Worth},
    tick::{SKEW, Tick},
};
use crate::opaque::any_of;

/// Entries in a set.
pub const WAYS: usize = 4;

/// Entries that compete for room: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Set([Entry; WAYS]);

/// The sets of a table.
pub trait Sets {
    /// The set that identities with these upper bits share; `None` if the table is smaller than its shift says.
    fn set(&self, identity: Identity) -> Option<&Set>;
}

/// What is known of an early datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Early {
    /// Which of its fragments have passed.
    pub progress: Progress,
    /// When the first of them came, as entries keep it.
    pub time: u32,
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
        found.anywhere(identity).unless_expired(now, timeout)
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
        found.anywhere(identity).unless_expired(now, timeout)
    }

    /// Where a datagram can be put of which nothing is known, in a set that no early one is in; [`WAYS`] if nowhere, or if more must
    /// be looked at. That is one look at each entry, and enough for nearly all.
    #[inline(always)]
    pub fn free_way(&self, identity: Identity) -> usize {
        let (mut way, mut all) = (WAYS, 0);
        // The first that is free: see [`Set::insert`].
        for (n, entry) in self.0.iter().enumerate().rev() {
            let (tag, word) = (entry.tag.load(), entry.record.load());
            if word == 0 {
                way = n;
            } else if is_of(identity, tag, word) {
                way = WAYS;
                break;
            }
            all |= word;
        }
        let way = if decision_of(all).is_undecided() { WAYS } else { way };
        any_of(way as u64, identity.0) as usize
    }

    /// Puts what was decided of a datagram just now into an entry that was free; says whether it still is.
    #[inline(always)]
    pub fn put_free(&self, way: usize, identity: Identity, record: Record, now: Tick, order: Order) -> bool {
        let entry = &self.0[way & (WAYS - 1)];
        let is_free = entry.record.load() == 0;
        if is_free {
            let tag = entry.write(identity, record, now.stored());
            entry.show(tag, order);
        }
        is_free
    }

    /// Whether some datagram is an early one.
    #[inline(always)]
    pub fn has_early(&self) -> bool {
        let all = self.0.iter().fold(0, |all, entry| all | entry.record.load());
        // Undecided is a bit that no decision has.
        decision_of(all).is_undecided()
    }

    /// Takes away what is known of an early datagram, so that nobody else can.
    #[inline(always)]
    pub fn take_early(&self, identity: Identity, now: Tick, timeout: u32) -> Early {
        let mut early = Early { progress: Progress::NONE, time: now.stored() };
        // Hardly any set has an early entry, of whatever datagram.
        if !self.has_early() {
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
        entry.show(tag, Order::AtOnce);
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
        entry.show(tag, order);
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
        let entry = &self.0[any_of(place as u64, identity.0) as usize & (WAYS - 1)];
        let progress = if fits { record.progress } else { record.progress.spoiled() };
        Some((entry, entry.write(identity, Record { progress, ..record }, time), room))
    }

    /// The entry that is worth least, and what it's worth.
    #[inline(always)]
    fn least(&self, now: Tick, timeout: u32) -> (usize, Worth) {
        let mut least = (0, Worth::MAX);
        for (way, entry) in self.0.iter().enumerate() {
            let worth = worth(entry.record.load(), now, timeout);
            if worth < least.1 {
                // The verifier would walk what follows once for each way and class.
                least = (any_of(way as u64, worth.0) as usize, worth);
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
        entry.record.store(found.word & !rest | progress.rest());
        entry.tag.store(found.tag & IDENTITY_MASK | progress.upper());
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
