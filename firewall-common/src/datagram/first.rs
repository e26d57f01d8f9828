//! What becomes of a first fragment: it's remembered for those that follow, and charged to its source.

use super::{Admission, Datagrams, Place};
use crate::{
    fragment::{
        Fragment,
        entry::{Order, Record},
        identity::Keys,
        progress::Progress,
        source,
        table::WAYS,
    },
    packet::Family,
    rules::Decision,
};

/// See [`Datagrams::first`]. Of nearly all, nothing is known of the datagram, there's a free entry in its set, and its source is known and has
/// room: that is decided here, and all else by [`Datagrams::first_of_more`], so that what only that needs is in nobody's way.
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
    let way = place.set.free_way(keys.identity);
    let is_entered = way < WAYS
        && if decision.is_allow() {
            // As in `Place::enter`: there must be room before the entry, and the charge comes behind it.
            match source::ask_known(env, keys.source, family, 1, place.now) {
                Some(charge) if place.put_free(way, fragment, decision, Order::Later) => {
                    charge.make();
                    true
                }
                _ => false,
            }
        } else {
            place.put_free(way, fragment, decision, Order::AtOnce)
        };
    let admission =
        if is_entered { Admission::AsDecided } else { env.first_of_more(keys, family, *fragment, decision) };
    // One that came to another CPU meanwhile didn't find this, or is about to.
    if place.set.has_early() {
        env.meet(keys, family);
    }
    admission
}

/// See [`Datagrams::first_of_more`].
#[inline(always)]
pub fn first_of_more(
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
    if place.enter(Record { decision, first_end: fragment.length, progress }, progress.due()) {
        admission
    } else {
        Admission::Refused
    }
}

/// See [`Datagrams::meet`].
#[inline(always)]
pub fn meet(env: &impl Datagrams, keys: Keys, family: Family) {
    let Some(place) = Place::of(env, keys, family) else { return };
    // It may have gone unrecorded: then what is known of early ones stays for the next of its fragments.
    if place.find_decided().decision().is_undecided() {
        return;
    }
    let early = place.take_early().progress;
    if early.is_none() {
        return;
    }
    // Anew, since others may have joined what they had in the meantime, or have pushed it out.
    let found = place.find_decided();
    if !found.decision().is_undecided() {
        place.join(&found, early);
    }
}

impl<E: Datagrams> Place<'_, E> {
    /// Enters a first fragment of whose datagram nothing is known into an entry that was free; says whether it still is.
    #[inline(always)]
    fn put_free(&self, way: usize, fragment: &Fragment, decision: Decision, order: Order) -> bool {
        let progress = Progress::of_first(fragment, |units| self.env.boundary(units));
        let record = Record { decision, first_end: fragment.length, progress };
        self.set.put_free(way, self.keys.identity, record, self.now, order)
    }
}
