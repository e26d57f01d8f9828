//! The source table: what each source has outstanding in the host's reassembly, and whether it's known.
//!
//! It is built like the fragment [`table`](super::table): sets of four entries in a cache line, of two words each:
//!
//! ```text
//!  word 0: source XOR word 1
//!  word 1: | debt, 48 bits | 14 bits | written, 1 bit | known, 1 bit |
//! ```
//!
//! A source is known once a datagram of its has completed; until then it is a stranger. Nobody can tell a stranger's first
//! datagram from one of a flood that comes from made-up addresses, so strangers share what is theirs, and what a known
//! source may have outstanding doesn't depend on them.

use super::{
    budget::{Debt, Limit, Limits},
    identity::Source,
    table::WAYS,
    tick::Tick,
    word::Word,
};
use crate::packet::Family;

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
pub struct SourceSet([Entry; WAYS]);

/// What all strangers of an IP version have outstanding together, in a cache line of its own.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Pool(Word);

/// Says that a word was written.
const WRITTEN: u64 = 2;
/// Says that a source is known.
const KNOWN: u64 = 1;
/// Where the debt lies in a word.
const DEBT_SHIFT: u32 = 16;

/// The sources, what strangers share, and what anyone may have outstanding.
pub trait Sources {
    /// The set that sources with these upper bits share; `None` if the table is smaller than its shift says.
    fn sources(&self, source: Source) -> Option<&SourceSet>;

    /// What all strangers of an IP version have outstanding.
    fn pool(&self, family: Family) -> Option<&Pool>;

    /// What may be outstanding, of an IP version.
    fn limits(&self, family: Family) -> Limits;

    /// Charges fragments to a source, and if it is a stranger, to all strangers too; says whether there was room for them.
    #[inline(always)]
    fn charge(&self, source: Source, family: Family, fragments: u32, now: Tick) -> bool {
        // A table that is missing is an error of the loader's: there's no room in it.
        let (Some(set), Some(pool)) = (self.sources(source), self.pool(family)) else { return false };
        set.charge(source, fragments, now, &self.limits(family), pool)
    }

    /// Takes back what fragments of a datagram were charged that is complete now, which makes their source known.
    #[inline(always)]
    fn refund(&self, source: Source, family: Family, fragments: u32, now: Tick) {
        if let (Some(set), Some(pool)) = (self.sources(source), self.pool(family)) {
            set.refund(source, fragments, now, &self.limits(family), pool);
        }
    }
}

impl Pool {
    /// Charges fragments to all strangers; says whether there was room for them.
    #[inline(always)]
    pub fn charge(&self, fragments: u32, now: Tick, limit: &Limit) -> bool {
        match self.debt(now).charge(fragments, now, limit) {
            Some(debt) => {
                self.0.store(debt.0 << DEBT_SHIFT | WRITTEN);
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    fn refund(&self, fragments: u32, now: Tick, limit: &Limit) {
        let debt = self.debt(now).refund(fragments, now, limit);
        self.0.store(debt.0 << DEBT_SHIFT | WRITTEN);
    }

    #[inline(always)]
    fn debt(&self, now: Tick) -> Debt {
        match self.0.load() {
            0 => Debt::none(now),
            word => Debt(word >> DEBT_SHIFT),
        }
    }
}

impl SourceSet {
    /// See [`Sources::charge`].
    #[inline(always)]
    pub fn charge(&self, source: Source, fragments: u32, now: Tick, limits: &Limits, pool: &Pool) -> bool {
        let limit = limits.of_source();
        let (way, record) = self.find(source);
        let known = record & KNOWN;
        let debt = if record == 0 { Debt::none(now) } else { Debt(record >> DEBT_SHIFT) };
        let Some(debt) = debt.charge(fragments, now, &limit) else {
            return false;
        };
        if known == 0 && !pool.charge(fragments, now, &limits.of_strangers()) {
            return false;
        }
        let word = debt.0 << DEBT_SHIFT | WRITTEN | known;
        if record == 0 {
            self.insert(source, word, now, &limit);
        } else {
            self.write(way, source, word);
        }
        true
    }

    /// See [`Sources::refund`].
    #[inline(always)]
    pub fn refund(&self, source: Source, fragments: u32, now: Tick, limits: &Limits, pool: &Pool) {
        let limit = limits.of_source();
        let (way, record) = self.find(source);
        if record & KNOWN == 0 {
            pool.refund(fragments, now, &limits.of_strangers());
        }
        if record == 0 {
            self.insert(source, Debt::none(now).0 << DEBT_SHIFT | WRITTEN | KNOWN, now, &limit);
        } else {
            let debt = Debt(record >> DEBT_SHIFT).refund(fragments, now, &limit);
            self.write(way, source, debt.0 << DEBT_SHIFT | WRITTEN | KNOWN);
        }
    }

    /// Where a source's entry is and what it says; zero if there's none.
    #[inline(always)]
    fn find(&self, source: Source) -> (usize, u64) {
        let mut found = (0, 0);
        for (way, entry) in self.0.iter().enumerate() {
            let record = entry.record.load();
            if entry.tag.load() ^ record == source.0 {
                found = (way, record);
                break;
            }
        }
        found
    }

    /// Puts a source in place of the one that is worth least: the stranger who has least outstanding, else, for a known
    /// one, the known one that was last heard of longest ago. A stranger takes no known one's place; it goes unrecorded.
    #[inline(always)]
    fn insert(&self, source: Source, word: u64, now: Tick, limit: &Limit) {
        let mut victim = 0;
        let mut least = 0;
        for (way, entry) in self.0.iter().enumerate() {
            let worth = worth(entry.record.load(), now, limit);
            if way == 0 || worth < least {
                victim = way;
                least = worth;
            }
        }
        if least >= KNOWN_WORTH && word & KNOWN == 0 {
            return;
        }
        self.write(victim, source, word);
    }

    #[inline(always)]
    fn write(&self, way: usize, source: Source, word: u64) {
        let entry = &self.0[way & (WAYS - 1)];
        entry.record.store(word);
        entry.tag.store(source.0 ^ word);
    }
}

/// What any known source is worth at least.
const KNOWN_WORTH: u64 = 1 << 48;

/// What an entry is worth keeping for.
#[inline(always)]
fn worth(record: u64, now: Tick, limit: &Limit) -> u64 {
    if record == 0 {
        return 0;
    }
    let debt = Debt(record >> DEBT_SHIFT);
    let outstanding = debt.outstanding(now, limit);
    if record & KNOWN == 0 {
        return outstanding + 1;
    }
    if outstanding > 0 {
        return KNOWN_WORTH | u64::from(u32::MAX);
    }
    // The moment at which the last debt had leaked away is the last that was heard of it.
    let silent = now.0.wrapping_sub((debt.0 >> 16) as u32);
    KNOWN_WORTH | u64::from(u32::MAX - silent)
}
