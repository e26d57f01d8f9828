//! Fragments of one datagram that meet two CPUs at the same moment, one step at a time.

use std::cell::Cell;

use firewall_common::{
    datagram::{Admission, Datagrams, Fate},
    fragment::{
        Fragment,
        budget::Limits,
        identity::{HashKey, Identity, Keys, Source},
        source::{Pool, SourceSet, Sources},
        table::{Set, Sets},
        tick::Tick,
    },
    packet::Family,
    rules::{Action, Decision},
};

use crate::support::environment::{KEY, Native};

/// An environment with the kernel's defaults.
fn environment() -> Native {
    let mut env = Native::new(Action::Deny, Action::Allow);
    env.limits = Limits::new(60_000, 56, 113);
    env.timeout = 30_000;
    env
}

/// What another CPU does.
type Deed = Box<dyn FnOnce(&Native)>;

/// A table whose other CPU judges another fragment after this one looked for such and before it writes down its own.
struct Between<'a> {
    native: &'a Native,
    other: Cell<Option<Deed>>,
}

impl Sets for Between<'_> {
    fn set(&self, identity: Identity) -> Option<&Set> {
        self.native.set(identity)
    }
}

impl Sources for Between<'_> {
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        self.native.sources(source)
    }
    fn pool(&self, family: Family) -> Option<&Pool> {
        self.native.pool(family)
    }
    fn limits(&self, family: Family) -> Limits {
        self.native.limits(family)
    }
}

impl Datagrams for Between<'_> {
    fn hash_key(&self) -> &HashKey {
        &KEY
    }
    fn now(&self) -> Tick {
        self.native.now()
    }
    fn timeout(&self) -> u32 {
        self.native.timeout()
    }
    fn held(&self) -> u32 {
        self.native.held()
    }
    fn boundary(&self, units: usize) -> u32 {
        if let Some(other) = self.other.take() {
            other(self.native);
        }
        self.native.boundary(units)
    }
    fn early_action(&self) -> Action {
        self.native.early_action()
    }
}

/// Every datagram is complete, none is lost on the way, and the source is known.
#[test]
fn datagrams_whose_fragments_meet_on_two_processors_pass_for_ever() {
    let env = environment();
    let [one, other] = [Fragment::new(0, 0, true, 1232), Fragment::new(0, 1232, false, 376)];
    let keys = |id: u64| Keys {
        identity: Identity((id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        source: Source(1 << 60),
    };
    let allowed = Decision::default_of(Action::Allow);
    assert_eq!(env.first(keys(0), Family::V6, one, allowed), Admission::AsDecided);
    assert_eq!(env.trailing(keys(0), Family::V6, other), Fate::Inherited(allowed));
    for id in 1..1000 {
        let first = move |env: &Native| {
            assert_eq!(env.first(keys(id), Family::V6, one, allowed), Admission::AsDecided);
        };
        let meeting = Between { native: &env, other: Cell::new(Some(Box::new(first))) };
        let fate = meeting.trailing(keys(id), Family::V6, other);
        assert!(
            matches!(fate, Fate::Early | Fate::Inherited(_)),
            "the trailing one of datagram {id}: {fate:?}"
        );
    }
}

/// The entries of the denied datagram find no room beside three accepted ones and its own early one.
#[test]
fn a_denied_datagram_whose_fragments_meet_pushes_out_nothing_accepted() {
    let env = environment();
    // All in one set.
    let keys = |id: u64| Keys {
        identity: Identity((id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2),
        source: Source(1 << 60),
    };
    let [one, other] = [Fragment::new(0, 0, true, 1232), Fragment::new(0, 1232, true, 1232)];
    let allowed = Decision::default_of(Action::Allow);
    for id in 1..=3 {
        assert_eq!(env.first(keys(id), Family::V6, one, allowed), Admission::AsDecided);
    }
    let between = Between {
        native: &env,
        other: Cell::new(Some(Box::new(move |env| {
            assert_eq!(env.trailing(keys(9), Family::V6, other), Fate::Early)
        }))),
    };
    between.first(keys(9), Family::V6, one, Decision::default_of(Action::Deny));
    for id in 1..=3 {
        assert_eq!(env.trailing(keys(id), Family::V6, other), Fate::Inherited(allowed), "datagram {id}");
    }
}

/// Seven early fragments were charged four, the first one one; joined they are eight, of which eight are given back.
#[test]
fn what_is_given_back_is_not_more_than_was_charged() {
    let mut env = environment();
    env.limits = Limits::new(60_000, 64, 100);
    let keys = |id: u64| Keys {
        identity: Identity((id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        source: Source(1 << 60),
    };
    let allowed = Decision::default_of(Action::Allow);
    let piece = |n: usize| Fragment::new(0, 8 * n, n < 8, 8);
    // Twenty are outstanding, for good.
    let (source, now) = (Source(1 << 60), env.now);
    assert!(env.charge(source, Family::V6, 20, now));
    for id in 0..5 {
        for n in 1..7 {
            assert_eq!(env.trailing(keys(id), Family::V6, piece(n)), Fate::Early);
        }
        // The seventh and the first one meet.
        let first = move |env: &Native| {
            assert_eq!(env.first(keys(id), Family::V6, piece(0), allowed), Admission::AsDecided);
        };
        let meeting = Between { native: &env, other: Cell::new(Some(Box::new(first))) };
        assert_eq!(meeting.trailing(keys(id), Family::V6, piece(7)), Fate::Inherited(allowed));
        assert_eq!(env.trailing(keys(id), Family::V6, piece(8)), Fate::Inherited(allowed));
    }
    let room = (0..100).take_while(|_| env.charge(source, Family::V6, 1, now)).count();
    assert_eq!(room, 44, "beside twenty, of sixty-four");
}

/// A second early fragment, which there's no room for any more, and the first one meet: nothing stays that is known of an early datagram.
#[test]
fn what_is_refused_meets_the_first_one_too() {
    let mut env = environment();
    env.limits = Limits::new(60_000, 2, 100);
    let keys = Keys { identity: Identity(0x9e37_79b9_7f4a_7c15), source: Source(1 << 60) };
    let allowed = Decision::default_of(Action::Allow);
    let piece = |n: usize| Fragment::new(0, 8 * n, true, 8);
    assert_eq!(env.trailing(keys, Family::V6, piece(1)), Fate::Early);
    let first = move |env: &Native| {
        assert_eq!(env.first(keys, Family::V6, piece(0), allowed), Admission::AsDecided);
    };
    let meeting = Between { native: &env, other: Cell::new(Some(Box::new(first))) };
    assert_eq!(meeting.trailing(keys, Family::V6, piece(2)), Fate::RefusedLate);
    let set = env.set(keys.identity).expect("it's there");
    assert!(!set.has_early(), "{set:?}");
}

/// An early fragment, and the first one that it begins inside of and that there's no room for, meet: it's told as an overlapping one, as behind any
/// first one.
#[test]
fn one_that_overlaps_a_first_one_that_is_refused_overlaps() {
    let mut env = environment();
    env.limits = Limits::new(60_000, 3, 100);
    let keys = Keys { identity: Identity(0x9e37_79b9_7f4a_7c15), source: Source(1 << 60) };
    let allowed = Decision::default_of(Action::Allow);
    let first = move |env: &Native| {
        let (source, now) = (keys.source, env.now);
        while env.charge(source, Family::V6, 1, now) {}
        assert_eq!(env.first(keys, Family::V6, Fragment::new(0, 0, true, 16), allowed), Admission::Refused);
        // Another datagram of the source is complete: there's room for the early one.
        env.refund(source, Family::V6, 2, now);
    };
    let meeting = Between { native: &env, other: Cell::new(Some(Box::new(first))) };
    assert_eq!(meeting.trailing(keys, Family::V6, Fragment::new(0, 8, true, 8)), Fate::Overlap);
    let set = env.set(keys.identity).expect("it's there");
    assert!(!set.has_early(), "{set:?}");
}
