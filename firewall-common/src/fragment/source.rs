//! The source table: what each source has outstanding in the host's reassembly, and whether it's known.
//!
//! It is built like the fragment [`table`](super::table): sets of four entries in a cache line, of two words each, the source
//! and its debt. Nothing proves that the two belong together: while one source takes another's place, something may be
//! charged to the wrong one.
//!
//! A source is known once a datagram of its has completed; until then it is a stranger. Nobody can tell a stranger's first
//! datagram from one of a flood that comes from made-up addresses, so strangers share what is theirs, and what a known
//! source may have outstanding doesn't depend on them.

use super::{
    budget::{Debt, Limit, Limits, Step},
    identity::Source,
    table::WAYS,
    tick::Tick,
    word::Word,
};
use crate::{opaque::any_of, packet::Family};

/// One entry.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Entry {
    source: Word,
    debt: Word,
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
const WRITTEN: u64 = 1 << 15;
/// A source is known if any of these bits is set: CPUs that make it known at once add to them, each of them one.
const KNOWN: u64 = WRITTEN - 1;

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
    fn charge(&self, source: Source, family: Family, fragments: u32, now: Tick) -> bool
    where
        Self: Sized,
    {
        charge(self, source, family, fragments, now)
    }

    /// Takes back what fragments of a datagram were charged that is complete now, which makes their source known.
    #[inline(always)]
    fn refund(&self, source: Source, family: Family, fragments: u32, now: Tick)
    where
        Self: Sized,
    {
        refund(self, source, family, fragments, now);
    }
}

/// See [`Sources::charge`].
#[inline(always)]
pub fn charge(sources: &impl Sources, source: Source, family: Family, fragments: u32, now: Tick) -> bool {
    match ask(sources, source, family, fragments, now) {
        Some(charge) => {
            charge.make(sources.limits(family), || sources.pool(family));
            true
        }
        None => false,
    }
}

/// A charge that there's room for, which is still to be made.
#[derive(Debug)]
pub struct Charge<'a> {
    set: &'a SourceSet,
    /// Not 0: it's a stranger's. A number, of which the verifier knows nothing: it would walk what comes before the charge is made once
    /// for either.
    is_strangers: u64,
    way: usize,
    debt: Debt,
    source: Source,
    fragments: u32,
    now: Tick,
}

/// Whether there's room for fragments, at least one, of a source: what they are charged then.
#[inline(always)]
pub fn ask<'a>(
    sources: &'a impl Sources,
    source: Source,
    family: Family,
    fragments: u32,
    now: Tick,
) -> Option<Charge<'a>> {
    // A table that is missing is an error of the loader's: there's no room in it.
    sources.sources(source)?.ask(source, fragments, now, sources.limits(family), || sources.pool(family))
}

/// A charge to a known source that there's room for, which is still to be made.
#[derive(Debug)]
pub struct KnownCharge<'a> {
    word: &'a Word,
    step: Step,
}

/// Whether there's room for fragments, at least one, of a known source. `None` also of a stranger, which [`ask`] is for.
#[inline(always)]
pub fn ask_known<'a>(
    sources: &'a impl Sources,
    source: Source,
    family: Family,
    fragments: u32,
    now: Tick,
) -> Option<KnownCharge<'a>> {
    let set = sources.sources(source)?;
    let (way, debt) = set.find(source, now);
    let limit = sources.limits(family).of_source();
    let has_room = debt.0 & KNOWN != 0 && debt.has_room(fragments, now, &limit);
    has_room
        .then(|| KnownCharge { word: &set.0[way & (WAYS - 1)].debt, step: debt.step(fragments, now, &limit) })
}

impl KnownCharge<'_> {
    /// See [`Charge::make`].
    #[inline(always)]
    pub fn make(self) {
        self.step.make(self.word);
    }
}

impl<'a> Charge<'a> {
    /// Makes it, by the limits that were asked about. Only a stranger needs the `pool`. Whatever this CPU wrote before, others see before it reads anything else.
    ///
    /// What others charge and give back between asking and making counts as well, but for what room there was: of CPUs that ask
    /// at once each may be given what only one has room for.
    #[inline(always)]
    pub fn make(self, limits: Limits, pool: impl FnOnce() -> Option<&'a Pool>) {
        let Self { set, is_strangers, way, debt, source, fragments, now } = self;
        let limit = limits.of_source();
        // Each way has a step that puts what went before in order: a source that goes unrecorded is a stranger.
        if is_strangers != 0
            && let Some(pool) = pool()
        {
            pool.debt(now).charge(&pool.0, fragments, now, &limits.of_strangers());
        }
        let way = if way == WAYS { set.insert(source, debt, now, &limit) } else { way };
        if way < WAYS {
            debt.charge(&set.0[way & (WAYS - 1)].debt, fragments, now, &limit);
        }
    }
}

/// See [`Sources::refund`].
#[inline(always)]
pub fn refund(sources: &impl Sources, source: Source, family: Family, fragments: u32, now: Tick) {
    if let Some(set) = sources.sources(source) {
        set.refund(source, fragments, now, &sources.limits(family), || sources.pool(family));
    }
}

/// Takes back what fragments of a datagram were charged that is complete now, if their source is known; says whether it is.
#[inline(always)]
pub fn refund_known(
    sources: &impl Sources,
    source: Source,
    family: Family,
    fragments: u32,
    now: Tick,
) -> bool {
    let Some(set) = sources.sources(source) else { return false };
    let (way, debt) = set.find(source, now);
    let is_known = debt.0 & KNOWN != 0;
    if is_known {
        debt.refund(&set.0[way & (WAYS - 1)].debt, fragments, now, &sources.limits(family).of_source());
    }
    is_known
}

impl Pool {
    /// What all strangers have outstanding.
    #[inline(always)]
    fn debt(&self, now: Tick) -> Debt {
        Debt::of(&self.0, now, WRITTEN)
    }

    #[inline(always)]
    fn refund(&self, fragments: u32, now: Tick, limit: &Limit) {
        self.debt(now).refund(&self.0, fragments, now, limit);
    }
}

impl SourceSet {
    /// See [`ask`]. Only a stranger needs the `pool`.
    #[inline(always)]
    pub fn ask<'a>(
        &'a self,
        source: Source,
        fragments: u32,
        now: Tick,
        limits: Limits,
        pool: impl FnOnce() -> Option<&'a Pool>,
    ) -> Option<Charge<'a>> {
        let (way, debt) = self.find(source, now);
        if !debt.has_room(fragments, now, &limits.of_source()) {
            return None;
        }
        let mut is_strangers = 0;
        if debt.0 & KNOWN == 0 {
            if !pool()?.debt(now).has_room(fragments, now, &limits.of_strangers()) {
                return None;
            }
            is_strangers = 1;
        }
        let is_strangers = any_of(is_strangers, source.0);
        Some(Charge { set: self, is_strangers, way, debt, source, fragments, now })
    }

    /// See [`Sources::refund`].
    #[inline(always)]
    pub fn refund<'a>(
        &self,
        source: Source,
        fragments: u32,
        now: Tick,
        limits: &Limits,
        pool: impl FnOnce() -> Option<&'a Pool>,
    ) {
        let limit = limits.of_source();
        let (way, debt) = self.find(source, now);
        if debt.0 & KNOWN == 0
            && let Some(pool) = pool()
        {
            pool.refund(fragments, now, &limits.of_strangers());
        }
        if way == WAYS {
            self.insert(source, Debt(debt.0 | 1), now, &limit);
            return;
        }
        let word = &self.0[way & (WAYS - 1)].debt;
        debt.refund(word, fragments, now, &limit);
        if debt.0 & KNOWN == 0 {
            word.add(1);
        }
    }

    /// Where a source's entry is, and its debt; the number of ways if there's none.
    #[inline(always)]
    fn find(&self, source: Source, now: Tick) -> (usize, Debt) {
        let mut found = (WAYS, Debt::none(now, WRITTEN));
        for (way, entry) in self.0.iter().enumerate() {
            if entry.source.load() == source.0 {
                let word = entry.debt.load();
                if word != 0 {
                    found = (way, Debt(word));
                }
                break;
            }
        }
        (any_of(found.0 as u64, source.0) as usize, found.1)
    }

    /// Puts a source in place of the one that is worth least: the stranger who has least outstanding, else, for a known
    /// one, the known one that was last heard of longest ago. A stranger takes no known one's place; it goes unrecorded.
    /// Returns its place, or the number of ways.
    #[inline(always)]
    fn insert(&self, source: Source, debt: Debt, now: Tick, limit: &Limit) -> usize {
        let mut victim = 0;
        let mut least = 0;
        for (way, entry) in self.0.iter().enumerate() {
            let worth = worth(Debt(entry.debt.load()), now, limit);
            if way == 0 || worth < least {
                // As in `find`.
                victim = any_of(way as u64, source.0) as usize;
                least = worth;
            }
        }
        if least >= KNOWN_WORTH && debt.0 & KNOWN == 0 {
            return WAYS;
        }
        let entry = &self.0[victim & (WAYS - 1)];
        entry.source.store(source.0);
        entry.debt.store(debt.0);
        victim
    }
}

/// What any known source is worth at least.
const KNOWN_WORTH: u64 = 1 << 48;

/// What an entry is worth keeping for.
#[inline(always)]
fn worth(debt: Debt, now: Tick, limit: &Limit) -> u64 {
    if debt.0 == 0 {
        return 0;
    }
    if debt.0 & KNOWN == 0 {
        return debt.outstanding(now, limit) + 1;
    }
    // The moment at which the last debt had leaked away is the last that was heard of it; one that is still to come is of a
    // source that has something outstanding. The limit doesn't tell: it may be the other IP version's.
    let silent = now.0.wrapping_sub(debt.end().0);
    KNOWN_WORTH | u64::from(u32::MAX - if silent > u32::MAX / 4 * 3 { 0 } else { silent })
}
