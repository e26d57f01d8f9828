//! A set of the fragment table: what it keeps, what it forgets, and for whom it makes room.

use firewall_common::{
    fragment::{
        Fragment,
        entry::Record,
        identity::Identity,
        progress::Progress,
        room::{Holding, Room},
        table::{Set, WAYS},
        tick::{Tick, UNIT},
    },
    rules::{Action, Decision, Slot},
};
use proptest::{collection::vec, prelude::*, sample::select};

/// How long an entry lives, in the units that its time is kept in.
const UNITS: u32 = 30;
const TIMEOUT: u32 = UNITS * UNIT;

/// A moment, in those units.
fn at(units: u32) -> Tick {
    Tick(units * UNIT)
}

/// The `n`th of some identities without a pattern.
fn identity(n: u64) -> Identity {
    Identity((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xd134_2543_de82_ef95))
}

/// What is kept of a datagram, told apart from others by where its first fragment ends: a number of 8 bytes.
fn record(standing: Standing, units: u16) -> Record {
    let slot = Slot::rule(usize::from(units) % 4096).expect("below 4096");
    let decision = match standing {
        Standing::Denied => Decision::new(Action::Deny, slot),
        Standing::Early => Decision::UNDECIDED,
        Standing::Accepted => Decision::new(Action::Allow, slot),
    };
    Record { decision, first_end: usize::from(units) * 8, progress: Progress::default() }
}

/// How much an entry is worth keeping, least first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Standing {
    Denied,
    Early,
    Accepted,
}

const ACCEPTED: Standing = Standing::Accepted;
const EARLY: Standing = Standing::Early;
const DENIED: Standing = Standing::Denied;

/// What is known of a datagram.
fn find(set: &Set, identity: Identity, now: Tick) -> Option<Record> {
    Some(set.find(identity, now, TIMEOUT).record()).filter(|record| *record != Record::UNKNOWN)
}

/// A full set: way `n` is `standings[n]`, inserted at tick `n`.
fn full(standings: [Standing; WAYS]) -> Set {
    let set = Set::default();
    for (n, standing) in (0u16..).zip(standings) {
        set.insert(
            identity(u64::from(n)),
            record(standing, 8),
            at(u32::from(n)).stored(),
            at(u32::from(n)),
            TIMEOUT,
            TIMEOUT,
        );
    }
    set
}

/// Which of the first `WAYS` identities are known at `now`.
fn known(set: &Set, now: Tick) -> Vec<u64> {
    (0..WAYS as u64).filter(|n| find(set, identity(*n), now).is_some()).collect()
}

#[test]
fn a_set_is_one_cache_line() {
    assert_eq!((size_of::<Set>(), align_of::<Set>()), (64, 64));
}

#[test]
fn the_newest_verdict_wins() {
    for (old, new) in [(ACCEPTED, DENIED), (DENIED, ACCEPTED), (ACCEPTED, ACCEPTED)] {
        for way in 0..WAYS {
            let set = full([old; WAYS]);
            set.insert(identity(way as u64), record(new, 1232), at(9).stored(), at(9), TIMEOUT, TIMEOUT);
            assert_eq!(find(&set, identity(way as u64), at(9)), Some(record(new, 1232)));
            assert_eq!(known(&set, at(9)).len(), WAYS, "it took its own place");
        }
    }
}

#[test]
fn an_entry_lives_for_its_timeout_and_not_a_unit_longer() {
    for start in [0, 1, UNIT - 1, 1000, u32::MAX - TIMEOUT, u32::MAX - 1, u32::MAX] {
        let set = Set::default();
        set.insert(identity(0), record(ACCEPTED, 8), Tick(start).stored(), Tick(start), TIMEOUT, TIMEOUT);
        for age in 0..=TIMEOUT {
            let now = Tick(start.wrapping_add(age));
            assert_eq!(find(&set, identity(0), now), Some(record(ACCEPTED, 8)), "{start} {age}");
        }
        assert_eq!(find(&set, identity(0), Tick(start.wrapping_add(TIMEOUT + UNIT))), None, "{start}");
        assert_eq!(
            set.find(identity(0), Tick(start.wrapping_add(UNIT)), 0).record(),
            Record::UNKNOWN,
            "{start}: a timeout of none"
        );
    }
}

#[test]
fn a_verdict_given_again_lives_anew() {
    let set = Set::default();
    for now in [0, 25, 50] {
        set.insert(identity(0), record(ACCEPTED, 8), at(now).stored(), at(now), TIMEOUT, TIMEOUT);
    }
    assert!(find(&set, identity(0), at(50 + UNITS)).is_some());
}

#[test]
fn a_denied_datagram_pushes_out_no_accepted_one() {
    let set = full([ACCEPTED; WAYS]);
    for now in 4..=UNITS {
        set.insert(
            identity(100 + u64::from(now)),
            record(DENIED, 8),
            at(now).stored(),
            at(now),
            TIMEOUT,
            TIMEOUT,
        );
        assert_eq!(find(&set, identity(100 + u64::from(now)), at(now)), None, "it goes unrecorded");
    }
    assert_eq!(known(&set, at(UNITS)), [0, 1, 2, 3]);
}

/// A processor that took the time a tick before another one wrote an entry sees that entry come from the future.
#[test]
fn an_entry_of_the_next_tick_is_no_expired_one() {
    let set = full([ACCEPTED; WAYS]);
    set.insert(identity(3), record(ACCEPTED, 16), at(11).stored(), at(11), TIMEOUT, TIMEOUT);
    set.insert(identity(100), record(DENIED, 8), at(10).stored(), at(10), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(11)), [0, 1, 2, 3]);
}

/// Early fragments are on a budget, denied ones come without end: they don't take the early ones' place.
#[test]
fn an_early_datagram_gives_way_to_an_accepted_one_alone() {
    let set = full([EARLY; WAYS]);
    set.insert(identity(100), record(DENIED, 8), at(5).stored(), at(5), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(5)), [0, 1, 2, 3]);
    set.insert(identity(101), record(EARLY, 8), at(6).stored(), at(6), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(6)), [1, 2, 3]);
    set.insert(identity(102), record(ACCEPTED, 8), at(7).stored(), at(7), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(7)), [2, 3]);
    let set = full([ACCEPTED, ACCEPTED, DENIED, ACCEPTED]);
    set.insert(identity(101), record(EARLY, 8), at(6).stored(), at(6), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(6)), [0, 1, 3]);
    set.insert(identity(102), record(DENIED, 8), at(6).stored(), at(6), TIMEOUT, TIMEOUT);
    assert!(find(&set, identity(101), at(6)).is_some());
}

/// Where there's room is told of each that is put into the table, and what it holds afterwards.
#[test]
fn the_table_tells_where_there_was_room_and_what_it_holds() {
    let set = Set::default();
    let put = |n: u64, decision, now: u32| {
        set.insert(identity(n), record(decision, 8), at(now).stored(), at(now), TIMEOUT, TIMEOUT)
    };
    let holds = |now| set.holdings(at(now), TIMEOUT);
    assert_eq!(holds(0), [Holding::Nothing; WAYS]);
    assert_eq!(put(0, ACCEPTED, 0), Room::Free);
    assert_eq!(put(0, ACCEPTED, 1), Room::Free, "its own entry");
    assert_eq!(put(1, DENIED, 2), Room::Free);
    assert_eq!(put(2, EARLY, 3), Room::Free);
    let count = |now, holding| holds(now).iter().filter(|&&other| other == holding).count();
    let kinds = [Holding::Nothing, Holding::Accepted, Holding::Denied, Holding::Early, Holding::Expired];
    assert_eq!(kinds.map(|holding| count(3, holding)), [1, 1, 1, 1, 0]);
    assert_eq!(put(3, ACCEPTED, 4), Room::Free);
    assert_eq!(put(4, ACCEPTED, 5), Room::Taken, "the denied one's");
    assert_eq!(put(5, DENIED, 6), Room::Nowhere);
    assert_eq!(put(6, ACCEPTED, 7), Room::Taken, "the early one's");
    assert_eq!(put(7, ACCEPTED, 8), Room::Taken, "the oldest accepted one's");
    assert_eq!(kinds.map(|holding| count(8, holding)), [0, 4, 0, 0, 0]);
    // The first of them came at 4.
    assert_eq!(count(4 + UNITS, Holding::Expired), 0);
    assert_eq!(count(5 + UNITS, Holding::Expired), 1);
    assert_eq!(put(8, DENIED, 5 + UNITS), Room::Expired);
    assert_eq!(count(60 + UNITS, Holding::Expired), 4, "denied ones run out, too");
}

#[test]
fn an_update_keeps_an_entrys_age() {
    let set = Set::default();
    set.insert(identity(0), record(ACCEPTED, 8), at(0).stored(), at(0), TIMEOUT, TIMEOUT);
    let found = set.find(identity(0), at(20), TIMEOUT);
    let progress = found.progress().and(&Fragment::new(1, 64, true, 8), |units| (units as u32) << 10);
    let updated = Record { progress, ..found.record() };
    set.update(&found, progress);
    assert_eq!(find(&set, identity(0), at(UNITS)), Some(updated));
    assert_eq!(find(&set, identity(0), at(UNITS + 1)), None);
}

#[test]
fn what_is_freed_is_gone_and_leaves_room() {
    let set = full([ACCEPTED; WAYS]);
    let found = set.find(identity(2), at(5), TIMEOUT);
    set.free(&found);
    assert_eq!(known(&set, at(5)), [0, 1, 3]);
    set.insert(identity(100), record(DENIED, 8), at(5).stored(), at(5), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(5)), [0, 1, 3]);
    assert!(find(&set, identity(100), at(5)).is_some());
}

#[test]
fn a_denied_datagram_takes_the_oldest_denied_ones_place() {
    for actions in [[DENIED; 4], [ACCEPTED, DENIED, ACCEPTED, DENIED], [ACCEPTED, ACCEPTED, ACCEPTED, DENIED]]
    {
        for newcomer in [DENIED, ACCEPTED] {
            let set = full(actions);
            set.insert(identity(100), record(newcomer, 8), at(5).stored(), at(5), TIMEOUT, TIMEOUT);
            assert!(find(&set, identity(100), at(5)).is_some());
            let oldest = actions.iter().position(|action| *action == DENIED).expect("one is") as u64;
            let rest: Vec<u64> = (0..4).filter(|n| *n != oldest).collect();
            assert_eq!(known(&set, at(5)), rest, "{actions:?}");
        }
    }
}

#[test]
fn an_accepted_datagram_takes_the_oldest_accepted_ones_place_where_all_are() {
    let set = full([ACCEPTED; WAYS]);
    set.insert(identity(100), record(ACCEPTED, 8), at(5).stored(), at(5), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(5)), [1, 2, 3]);
    set.insert(identity(2), record(ACCEPTED, 8), at(6).stored(), at(6), TIMEOUT, TIMEOUT);
    set.insert(identity(101), record(ACCEPTED, 8), at(7).stored(), at(7), TIMEOUT, TIMEOUT);
    assert_eq!(known(&set, at(7)), [2, 3], "the one given again is young");
}

#[test]
fn an_expired_entry_goes_before_a_denied_one() {
    for newcomer in [DENIED, ACCEPTED] {
        // At tick 31 the first, accepted, has just expired; the denied ones have not.
        let set = full([ACCEPTED, DENIED, DENIED, DENIED]);
        set.insert(
            identity(100),
            record(newcomer, 8),
            at(UNITS + 1).stored(),
            at(UNITS + 1),
            TIMEOUT,
            TIMEOUT,
        );
        assert_eq!(known(&set, at(UNITS + 1)), [1, 2, 3]);
        // A tick earlier it has not, and a denied one goes.
        let set = full([ACCEPTED, DENIED, DENIED, DENIED]);
        set.insert(identity(100), record(newcomer, 8), at(UNITS).stored(), at(UNITS), TIMEOUT, TIMEOUT);
        assert_eq!(known(&set, at(UNITS)), [0, 2, 3]);
    }
}

/// Of unwritten places, too, one goes before any entry.
#[test]
fn an_empty_place_goes_first() {
    for count in 1..WAYS as u64 {
        let set = Set::default();
        for n in 0..count {
            set.insert(identity(n), record(DENIED, 8), at(0).stored(), at(0), TIMEOUT, TIMEOUT);
        }
        set.insert(identity(100), record(ACCEPTED, 8), at(1).stored(), at(1), TIMEOUT, TIMEOUT);
        assert_eq!(known(&set, at(1)).len() as u64, count);
    }
}

proptest! {
    #[test]
    fn unwritten_memory_is_no_entry(any in any::<u64>(), now in any::<u32>(), timeout in 0..=Tick::MAX_AGE) {
        for identity in [0, 1, u64::MAX, any] {
            for now in [0, 1, u32::MAX, now] {
                prop_assert_eq!(Set::default().find(Identity(identity), Tick(now), timeout).record(), Record::UNKNOWN);
            }
        }
    }

    #[test]
    fn what_is_put_in_is_found(
        any: u64, bits: u16, units in 1usize..8192, now: u32,
        fragments in vec((1usize..8192, 1usize..4, any::<bool>()), 0..20),
    ) {
        let set = Set::default();
        let progress = fragments.into_iter().fold(Progress::default(), |progress, (offset, length, more)| {
            progress.and(&Fragment::new(1, offset * 8, more, length * 8), |units| (units as u32) << 10)
        });
        let record = Record { decision: Decision::from_bits(bits), first_end: units * 8, progress };
        set.insert(Identity(any), record, Tick(now).stored(), Tick(now), TIMEOUT, TIMEOUT);
        prop_assert_eq!(find(&set, Identity(any), Tick(now)), Some(record));
        prop_assert_eq!(find(&set, Identity(!any), Tick(now)), None);
    }

    /// The set against a list that is searched and sorted by the rules' own words.
    #[test]
    fn does_what_a_list_does(
        start in prop_oneof![Just(0u32), Just(u32::MAX - 40 * UNIT), any::<u32>()],
        steps in vec((0u64..9, select(&[DENIED, EARLY, ACCEPTED]), 1u16..5000, prop_oneof![8 => 0u32..6, 1 => 20u32..40]), 1..120),
    ) {
        let set = Set::default();
        let mut list: Vec<(u64, Standing, Record, u32)> = Vec::new();
        let mut elapsed = 0;
        for (n, standing, units, step) in steps {
            elapsed += step;
            let now = Tick(start.wrapping_add(elapsed * UNIT));
            let record = record(standing, units);
            // As the judge does it: what was early is taken out first, and nothing early is put beside what was decided.
            set.take_early(identity(n), now, TIMEOUT);
            let decided = list.iter().any(|entry| entry.0 == n && entry.1 != EARLY && elapsed - entry.3 <= UNITS);
            if standing == EARLY && decided {
                continue;
            }
            set.insert(identity(n), record, now.stored(), now, TIMEOUT, TIMEOUT);

            list.retain(|(other, _, _, time)| *other != n && elapsed - time <= UNITS);
            let mut pushed_out: Vec<u64> = Vec::new();
            if list.len() == WAYS {
                // Of those that are worth least the oldest ones, unless the newcomer is worth less.
                let least = list.iter().map(|(_, standing, _, time)| (*standing, *time)).min();
                let least = least.filter(|(least, _)| *least <= standing);
                pushed_out = list.iter().filter(|entry| Some((entry.1, entry.3)) == least).map(|entry| entry.0).collect();
            }
            if list.len() < WAYS || !pushed_out.is_empty() {
                list.push((n, standing, record, elapsed));
            }
            // Of entries that are equally old any one may go, and no more than one.
            if let Some(gone) = pushed_out.iter().find(|other| find(&set, identity(**other), now).is_none()) {
                list.retain(|(other, ..)| other != gone);
            }
            prop_assert!(list.len() <= WAYS);
            for n in 0..9 {
                let expected = list.iter().find(|(other, ..)| *other == n).map(|(_, _, record, _)| *record);
                prop_assert_eq!(find(&set, identity(n), now), expected);
            }
        }
    }
}

/// As the kernel's program hands it from one function to another.
#[test]
fn a_record_comes_back_from_its_number() {
    for decision in
        [Decision::UNDECIDED, Decision::REFUSED, Decision::from_bits(1 << 13), Decision::from_bits(u16::MAX)]
    {
        for first_end in [0, 8, 1232, 65528] {
            for sum in [0, 1 << 10, 0xffff_fc00, 0x1234_5400] {
                let trailing = Fragment::new(0, 8, true, 8);
                let progress = Progress::NONE.and(&trailing, |units| if units == 2 { sum } else { 0 });
                let record = Record { decision, first_end, progress };
                assert_eq!(Record::from_bits(record.to_bits()), record);
            }
        }
    }
}
