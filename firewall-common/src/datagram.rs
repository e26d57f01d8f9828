//! What the fragments of a datagram have to do with each other: a trailing one inherits its first one's verdict, and all that
//! pass are on their source's budget until the datagram is complete.

use crate::{
    fragment::{
        Fragment,
        identity::Keys,
        progress::Progress,
        table::{Found, Record, Set},
        tick::Tick,
    },
    judge::Environment,
    packet::{Bytes, Family, Ip},
    rules::{Action, Decision},
    verdict::{Judgement, Reason},
};

/// Where the tables keep what they know of a datagram and of its source.
struct Place<'a, E> {
    env: &'a E,
    family: Family,
    keys: Keys,
    set: &'a Set,
    now: Tick,
    timeout: u32,
}

impl<'a, E: Environment> Place<'a, E> {
    /// `None` if the table is smaller than the loader said, which is its error.
    #[inline(always)]
    fn of<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &'a E) -> Option<Self> {
        let keys = Keys::of(bytes, ip, ip.fragment.id, env.hash_key(), env.interface())?;
        let set = env.set(keys.identity)?;
        Some(Self { env, family: ip.family, keys, set, now: env.now(), timeout: env.timeout() })
    }

    #[inline(always)]
    fn find(&self) -> Option<Found> {
        self.set.find(self.keys.identity, self.now, self.timeout)
    }

    #[inline(always)]
    fn insert(&self, record: Record) {
        self.set.insert(self.keys.identity, record, self.now, self.timeout);
    }

    /// Charges what is due of a datagram; says whether there was room for it.
    #[inline(always)]
    fn charge(&self, progress: Progress) -> bool {
        let due = progress.due();
        due == 0 || self.env.charge(self.keys.source, self.family, due, self.now)
    }

    /// Forgets a datagram all of which has been seen, so that the next one with its identification is judged by itself. What
    /// its fragments were charged is taken back if all of them passed, since the host holds none of them any more.
    #[inline(always)]
    fn complete(&self, found: &Found, decision: Decision) {
        self.set.free(found);
        if decision.is_allow() {
            let charged = found.record.progress.charged();
            self.env.refund(self.keys.source, self.family, charged, self.now);
        }
    }
}

/// Remembers a first fragment's verdict for its trailing ones. An accepted one passes only within the budget.
#[inline(always)]
pub fn first<B: Bytes + ?Sized>(
    bytes: &B,
    ip: &Ip,
    judgement: Judgement,
    decision: Decision,
    env: &impl Environment,
) -> Judgement {
    let Some(place) = Place::of(bytes, ip, env) else {
        return Judgement::drop(Reason::FragmentBudget);
    };
    let found = place.find();
    // Trailing fragments that came before it count; those of an earlier datagram with the same identification don't.
    let early = found.filter(|found| found.record.decision.is_undecided());
    let before = early.map_or(Progress::default(), |found| found.record.progress);
    let progress = before.and(&ip.fragment, env.hash_key());
    let judgement = if early.is_some() && !decision.is_allow() { judgement.late() } else { judgement };
    if let Some(found) = early
        && progress.is_whole()
    {
        place.complete(&found, decision);
        return judgement;
    }
    if decision.is_allow() && !place.charge(progress) {
        return Judgement::drop(Reason::FragmentBudget);
    }
    place.insert(Record { decision, first_end: ip.fragment.length, progress });
    judgement
}

/// Judges a trailing fragment by what its first one got.
#[inline(always)]
pub fn trailing<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment) -> Judgement {
    let Some(place) = Place::of(bytes, ip, env) else {
        return Judgement::drop(Reason::FragmentBudget);
    };
    match place.find() {
        Some(found) if !found.record.decision.is_undecided() => decided(&place, &found, &ip.fragment),
        found => early(&place, found, &ip.fragment),
    }
}

/// Judges a trailing fragment whose first one was judged.
#[inline(always)]
fn decided(place: &Place<'_, impl Environment>, found: &Found, fragment: &Fragment) -> Judgement {
    let record = found.record;
    if fragment.offset < record.first_end {
        return Judgement::drop(Reason::FragmentOverlap);
    }
    let judgement = Judgement::decided(record.decision, Reason::Inherited);
    let progress = record.progress.and(fragment, place.env.hash_key());
    if progress.is_whole() {
        place.complete(found, record.decision);
        return judgement;
    }
    if record.decision.is_allow() && (record.progress.is_full() || !place.charge(progress)) {
        return Judgement::drop(Reason::FragmentBudget);
    }
    place.set.update(place.keys.identity, found, Record { progress, ..record });
    judgement
}

/// Judges a trailing fragment whose first one hasn't been seen.
#[inline(always)]
fn early(place: &Place<'_, impl Environment>, found: Option<Found>, fragment: &Fragment) -> Judgement {
    if place.env.early() == Action::Deny {
        return Judgement::drop(Reason::Early);
    }
    let before = found.map_or(Progress::default(), |found| found.record.progress);
    let progress = before.and(fragment, place.env.hash_key());
    if before.is_full() || !place.charge(progress) {
        return Judgement::drop(Reason::FragmentBudget);
    }
    let record = Record { decision: Decision::UNDECIDED, first_end: 0, progress };
    match found {
        Some(found) => place.set.update(place.keys.identity, &found, record),
        None => place.insert(record),
    }
    Judgement::pass(Reason::Early)
}
