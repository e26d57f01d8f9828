//! What the fragments of a datagram have to do with each other: a trailing one inherits its first one's verdict, and all that
//! pass are on their source's budget until the datagram is complete.

mod first;
mod outcome;

pub use first::{first, first_of_more, meet};
pub use outcome::{Admission, Fate};

use crate::{
    fragment::{
        Fragment,
        entry::{Found, Order, Record},
        identity::{HashKey, Identity, Keys},
        progress::Progress,
        room::Room,
        source::{self, Sources},
        table::{Early, Set, Sets},
        tick::Tick,
    },
    packet::Family,
    rules::{Action, Decision},
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

    /// The same of one that more must be looked at for than for nearly all. It's still to [meet](Datagrams::meet) early ones.
    #[inline(always)]
    fn first_of_more(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission
    where
        Self: Sized,
    {
        first_of_more(self, keys, family, &fragment, decision)
    }

    /// Joins a datagram that was decided with early fragments of its that another CPU met at the same moment.
    #[inline(always)]
    fn meet(&self, keys: Keys, family: Family)
    where
        Self: Sized,
    {
        meet(self, keys, family);
    }

    /// Puts what was decided of a datagram just now into its set, and counts how it found room.
    #[inline(always)]
    fn put_decided(&self, identity: Identity, record: Record, now: Tick, order: Order)
    where
        Self: Sized,
    {
        put_decided(self, identity, record, now, order);
    }

    /// What becomes of a trailing fragment.
    #[inline(always)]
    fn trailing(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        match self.decided(keys, family, fragment) {
            Fate::Undecided => {}
            fate => return fate,
        }
        let fate = self.early(keys, family, fragment);
        // Its datagram was written down as an early one, and then its first one turned out to have come to another CPU meanwhile.
        if matches!(fate, Fate::Inherited(_) | Fate::Overlap | Fate::RefusedLate) {
            self.meet(keys, family);
        }
        fate
    }

    /// What becomes of a trailing fragment, if that was decided; [`Fate::Undecided`] if its first one hasn't been seen.
    #[inline(always)]
    fn decided(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        decided(self, keys, family, &fragment)
    }

    /// What becomes of a trailing fragment whose first one hasn't been seen. If it has by now, the two are still to
    /// [meet](Datagrams::meet).
    #[inline(always)]
    fn early(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate
    where
        Self: Sized,
    {
        early(self, keys, family, &fragment)
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

    /// Enters a datagram that was decided, and charges fragments that are due if it was accepted; says whether there was room for these,
    /// without which the host can make nothing of the rest.
    #[inline(always)]
    fn enter(&self, record: Record, due: u32) -> bool {
        if record.decision.is_allow() && due > 0 {
            // The charge comes behind the entry, since it's the step by which other CPUs see that before this one looks for
            // theirs; and the entry comes only once there's room for the charge, since it may push out others.
            let Some(charge) = source::ask(self.env, self.keys.source, self.family, due, self.now) else {
                self.put_decided(Record { decision: Decision::REFUSED, ..record }, Order::AtOnce);
                return false;
            };
            // Compiled into its place: that is what looks for room in a table that is full of accepted ones.
            put_decided(self.env, self.keys.identity, record, self.now, Order::Later);
            charge.make(self.env.limits(self.family), || self.env.pool(self.family));
        } else {
            self.put_decided(record, Order::AtOnce);
        }
        true
    }

    #[inline(always)]
    fn put_decided(&self, record: Record, order: Order) {
        self.env.put_decided(self.keys.identity, record, self.now, order);
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

    /// Adds early fragments to a datagram that was decided.
    #[inline(always)]
    fn join(&self, found: &Found, early: Progress) {
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

/// See [`Datagrams::put_decided`].
#[inline(always)]
pub fn put_decided(env: &impl Datagrams, identity: Identity, record: Record, now: Tick, order: Order) {
    // A table that is smaller than the loader said is its error: whoever puts something there has found the set before.
    if let Some(set) = env.set(identity) {
        env.count_room(set.put_decided(identity, record, now, env.timeout(), env.held(), order));
    }
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
    if refused {
        Fate::RefusedLate
    } else if fragment.offset < found.first_end() {
        Fate::Overlap
    } else {
        match Fate::of(found.decision()) {
            Fate::Refused => Fate::RefusedLate,
            fate => fate,
        }
    }
}
