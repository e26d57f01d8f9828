//! What the fragments of a datagram have to do with each other: a trailing one inherits its first one's verdict, and all that
//! pass are on their source's budget until the datagram is complete.

use crate::{
    fragment::{
        Fragment,
        identity::{HashKey, Keys},
        progress::Progress,
        room::Room,
        source::{self, Sources},
        table::{Early, Found, Order, Record, Set, Sets},
        tick::Tick,
    },
    packet::Family,
    rules::{Action, Decision},
    verdict::{Judgement, Reason},
};

/// What is known of datagrams, and what becomes of their fragments.
pub trait Datagrams: Sets + Sources {
    /// The secret that identities are hashed with.
    fn hash_key(&self) -> &HashKey;

    /// The time.
    fn now(&self) -> Tick;

    /// How many ticks an entry of the fragment table lives: at most [`Tick::MAX_AGE`].
    fn timeout(&self) -> u32;

    /// For how many ticks the kernel may hold a fragment, but at least the timeout, and at most [`Tick::MAX_AGE`]: for as long
    /// an entry tells what it holds.
    fn held(&self) -> u32;

    /// The number of a boundary between fragments, in units of 8 bytes from the datagram's beginning
    /// ([`progress`](crate::fragment::progress)).
    fn boundary(&self, units: usize) -> u32;

    /// Counts that a datagram found room like that, if anybody counts it.
    #[inline(always)]
    fn count_room(&self, _room: Room) {}

    /// What becomes of a trailing fragment whose first one hasn't been seen, by the settings.
    fn early_action(&self) -> Action;

    /// Remembers a first fragment's verdict for its trailing ones.
    #[inline(always)]
    fn first(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission
    where
        Self: Sized,
    {
        first(self, keys, family, &fragment, decision)
    }

    /// What becomes of a trailing fragment.
    #[inline(always)]
    fn trailing(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        match self.decided(keys, family, fragment) {
            Fate::Undecided => self.early(keys, family, fragment),
            fate => fate,
        }
    }

    /// What becomes of a trailing fragment, if that was decided; [`Fate::Undecided`] if its first one hasn't been seen.
    #[inline(always)]
    fn decided(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        decided(self, keys, family, &fragment)
    }

    /// What becomes of a trailing fragment whose first one hasn't been seen.
    #[inline(always)]
    fn early(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        early(self, keys, family, &fragment)
    }
}

/// Whether a first fragment gets what the rules say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It does.
    AsDecided = 0,
    /// It is denied, after trailing ones of its datagram had passed.
    Late = 1,
    /// It is accepted, but there's no room for it in its source's budget.
    Refused = 2,
}

impl Admission {
    /// Its number.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The one of that number; whatever isn't known is refused.
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            0 => Self::AsDecided,
            1 => Self::Late,
            _ => Self::Refused,
        }
    }

    /// What becomes of the judgement that the rules gave.
    #[inline(always)]
    pub const fn of(self, judgement: Judgement) -> Judgement {
        match self {
            Self::AsDecided => judgement,
            Self::Late => judgement.late(),
            Self::Refused => Judgement::drop(Reason::FragmentBudget),
        }
    }
}

/// What becomes of a trailing fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// What became of its first one.
    Inherited(Decision),
    /// It begins inside its first one.
    Overlap,
    /// Its first one hasn't been seen; it passes.
    Early,
    /// Its first one hasn't been seen; it's dropped.
    Strict,
    /// There's no room for it in its source's budget.
    Refused,
    /// Its first one hasn't been seen: the budget of its source is to be asked.
    Undecided,
}

impl Fate {
    /// Of a fragment whose first one got that.
    #[inline(always)]
    const fn of(decision: Decision) -> Self {
        if decision.to_bits() == Decision::REFUSED.to_bits() {
            Self::Refused
        } else {
            Self::Inherited(decision)
        }
    }

    /// Where the numbers of fates other than an inherited one begin.
    const OTHERS: u32 = 1 << 16;

    /// Its number.
    #[inline(always)]
    pub const fn code(self) -> u32 {
        match self {
            Self::Inherited(decision) => decision.to_bits() as u32,
            Self::Overlap => Self::OTHERS,
            Self::Early => Self::OTHERS + 1,
            Self::Strict => Self::OTHERS + 2,
            Self::Refused => Self::OTHERS + 3,
            Self::Undecided => Self::OTHERS + 4,
        }
    }

    /// The one of that number; whatever isn't known is refused.
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            0..Self::OTHERS => Self::Inherited(Decision::from_bits(code as u16)),
            Self::OTHERS => Self::Overlap,
            0x1_0001 => Self::Early,
            0x1_0002 => Self::Strict,
            0x1_0004 => Self::Undecided,
            _ => Self::Refused,
        }
    }

    /// The judgement.
    #[inline(always)]
    pub const fn judgement(self) -> Judgement {
        match self {
            Self::Inherited(decision) => Judgement::inherited(decision),
            Self::Overlap => Judgement::drop(Reason::FragmentOverlap),
            Self::Early => Judgement::pass(Reason::Early),
            Self::Strict => Judgement::drop(Reason::Early),
            Self::Refused | Self::Undecided => Judgement::drop(Reason::FragmentBudget),
        }
    }
}

/// Where the tables keep what they know of a datagram and of its source.
struct Place<'a, E> {
    env: &'a E,
    keys: Keys,
    family: Family,
    set: &'a Set,
    now: Tick,
}

impl<'a, E: Datagrams> Place<'a, E> {
    /// `None` if the table is smaller than the loader said, which is its error.
    #[inline(always)]
    fn of(env: &'a E, keys: Keys, family: Family) -> Option<Self> {
        let set = env.set(keys.identity)?;
        Some(Self { env, keys, family, set, now: env.now() })
    }

    #[inline(always)]
    fn find(&self) -> Found {
        self.set.find(self.keys.identity, self.now, self.env.timeout())
    }

    #[inline(always)]
    fn find_decided(&self) -> Found {
        self.set.find_decided(self.keys.identity, self.now, self.env.timeout())
    }

    #[inline(always)]
    fn take_early(&self) -> Early {
        self.set.take_early(self.keys.identity, self.now, self.env.held())
    }

    #[inline(always)]
    fn insert(&self, record: Record, time: u32) {
        let (timeout, held) = (self.env.timeout(), self.env.held());
        self.env.count_room(self.set.insert(self.keys.identity, record, time, self.now, timeout, held));
    }

    #[inline(always)]
    fn put_decided(&self, record: Record, order: Order) {
        let (timeout, held) = (self.env.timeout(), self.env.held());
        self.env.count_room(self.set.put_decided(self.keys.identity, record, self.now, timeout, held, order));
    }

    /// Charges so many fragments; says whether there was room for them.
    #[inline(always)]
    fn charge(&self, due: u32) -> bool {
        due == 0 || self.env.charge(self.keys.source, self.family, due, self.now)
    }

    /// Takes back what the fragments of a datagram were charged that is complete: the host holds none of them any more.
    #[inline(always)]
    fn refund(&self, fragments: u32) {
        self.env.refund(self.keys.source, self.family, fragments, self.now);
    }

    /// Adds early fragments to a datagram that was decided meanwhile.
    #[inline(always)]
    fn join(&self, found: &Found, early: Progress) {
        // It may have gone unrecorded, or have been pushed out already.
        if found.decision().is_undecided() {
            return;
        }
        let accepted = found.decision().is_allow();
        let progress = found.progress().join(early);
        let charged = found.progress().charged() + early.charged();
        if progress.is_whole() {
            self.set.free(found);
            if accepted {
                self.refund(charged);
            }
        } else if !accepted || self.charge(progress.charged().saturating_sub(charged)) {
            self.set.update(found, progress);
        }
    }
}

/// See [`Datagrams::first`].
#[inline(always)]
pub fn first(
    env: &impl Datagrams,
    keys: Keys,
    family: Family,
    fragment: &Fragment,
    decision: Decision,
) -> Admission {
    let Some(place) = Place::of(env, keys, family) else {
        return Admission::Refused;
    };
    // Trailing fragments that came before it count; those of an earlier datagram with the same identification don't.
    let before = place.take_early().progress;
    let progress = before.and(fragment, |units| env.boundary(units));
    let admission =
        if before.is_none() || decision.is_allow() { Admission::AsDecided } else { Admission::Late };
    if progress.is_whole() {
        if decision.is_allow() {
            place.refund(before.charged());
        }
        return admission;
    }
    let record = Record { decision, first_end: fragment.length, progress };
    let due = progress.due();
    if decision.is_allow() && due > 0 {
        // The charge comes behind the entry, since it's the step by which other CPUs see that before this one looks for theirs;
        // and the entry comes only once there's room for the charge, since it may push out others.
        let Some(charge) = source::ask(env, keys.source, family, due, place.now) else {
            // The host can make nothing of the rest.
            place.put_decided(Record { decision: Decision::REFUSED, ..record }, Order::AtOnce);
            return Admission::Refused;
        };
        place.put_decided(record, Order::Later);
        charge.make();
    } else {
        place.put_decided(record, Order::AtOnce);
    }
    // One that came to another CPU meanwhile didn't find this, or is about to.
    let meanwhile = place.take_early().progress;
    if !meanwhile.is_none() {
        place.join(&place.find_decided(), meanwhile);
    }
    admission
}

/// See [`Datagrams::decided`].
#[inline(always)]
pub fn decided(env: &impl Datagrams, keys: Keys, family: Family, fragment: &Fragment) -> Fate {
    let Some(place) = Place::of(env, keys, family) else {
        return Fate::Refused;
    };
    let found = place.find();
    let decision = found.decision();
    if decision.is_undecided() {
        return Fate::Undecided;
    }
    if fragment.offset < found.first_end() {
        return Fate::Overlap;
    }
    let before = found.progress();
    let progress = before.and(fragment, |units| env.boundary(units));
    if progress.is_whole() {
        place.set.free(&found);
        if decision.is_allow() {
            place.refund(before.charged());
        }
    } else if decision.is_allow() && (before.is_full() || !place.charge(progress.due())) {
        return Fate::Refused;
    } else {
        place.set.update(&found, progress);
    }
    Fate::of(decision)
}

/// See [`Datagrams::early`].
#[inline(always)]
pub fn early(env: &impl Datagrams, keys: Keys, family: Family, fragment: &Fragment) -> Fate {
    if env.early_action() == Action::Deny {
        return Fate::Strict;
    }
    let Some(place) = Place::of(env, keys, family) else {
        return Fate::Refused;
    };
    let Early { progress: before, time } = place.take_early();
    let progress = before.and(fragment, |units| env.boundary(units));
    let refused = before.is_full() || !place.charge(progress.due());
    let progress = if refused { before } else { progress };
    if progress.is_none() {
        return Fate::Refused;
    }
    place.insert(Record { progress, ..Record::UNKNOWN }, time);
    // A first one that came to another CPU meanwhile didn't find this, or is about to.
    let found = place.find_decided();
    if found.decision().is_undecided() {
        return if refused { Fate::Refused } else { Fate::Early };
    }
    let own = place.take_early().progress;
    if !own.is_none() {
        place.join(&found, own);
    }
    if refused {
        Fate::Refused
    } else if fragment.offset < found.first_end() {
        Fate::Overlap
    } else {
        Fate::of(found.decision())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_numbers_comes_back() {
        for admission in [Admission::AsDecided, Admission::Late, Admission::Refused] {
            assert_eq!(Admission::from_code(admission.code()), admission);
        }
        assert_eq!(Admission::from_code(3), Admission::Refused);
        let others = [Fate::Overlap, Fate::Early, Fate::Strict, Fate::Refused];
        let inherited = [0, 1, 1 << 14, u16::MAX].map(|bits| Fate::Inherited(Decision::from_bits(bits)));
        for fate in others.into_iter().chain(inherited) {
            assert_eq!(Fate::from_code(fate.code()), fate);
        }
        assert_eq!(Fate::from_code(u32::MAX), Fate::Refused);
    }
}
