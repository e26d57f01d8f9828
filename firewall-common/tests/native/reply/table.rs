//! The flow table, a set of it alone.

use firewall_common::reply::{
    flow::Flow,
    segment::Step,
    table::{CLASSES, Class, FlowSet, Lifetimes, Moment, WAYS},
};
use proptest::{prelude::*, sample::select};

/// How long everything is remembered where it doesn't matter.
const LONG: Lifetimes = Lifetimes([1000; CLASSES]);
/// What a moment is counted to.
const MOMENTS: u32 = 1 << 21;

const CLASSES_OF_FLOWS: [Class; 7] = [
    Class::Opening,
    Class::Closing,
    Class::Echo,
    Class::Unanswered,
    Class::Answered,
    Class::PickedUp,
    Class::Established,
];

/// Remembers a flow, of that class.
fn remember(set: &FlowSet, flow: Flow, class: Class, now: Moment, lifetimes: &Lifetimes) {
    let sent = |fresh, step| set.remember(flow, fresh, step, now, lifetimes);
    match class {
        Class::Opening => sent(Class::PickedUp, Step::Begin),
        Class::Established => {
            sent(Class::PickedUp, Step::Begin);
            sent(Class::PickedUp, Step::Data);
        }
        Class::Closing => {
            sent(Class::PickedUp, Step::Data);
            sent(Class::PickedUp, Step::End);
        }
        Class::Answered => {
            sent(Class::Unanswered, Step::Data);
            set.answer(flow, Step::Data, now, lifetimes);
        }
        fresh => sent(fresh, Step::Data),
    }
}

/// Whether a flow is known, which changes nothing.
fn knows(set: &FlowSet, flow: Flow, now: Moment, lifetimes: &Lifetimes) -> bool {
    set.answer(flow, Step::Quoted, now, lifetimes)
}

#[test]
fn each_bit_below_the_sets_number_proves_a_flow() {
    let (set, now) = (FlowSet::default(), Moment(5));
    let flow = Flow(0x0123_4567_89ab_cdef);
    remember(&set, flow, Class::Unanswered, now, &LONG);
    for bit in 0..40 {
        assert!(!knows(&set, Flow(flow.0 ^ 1 << bit), now, &LONG), "bit {bit}");
    }
    assert!(knows(&set, flow, now, &LONG));
}

#[test]
fn an_empty_set_knows_nothing() {
    let set = FlowSet::default();
    for flow in [Flow(0), Flow(0xffff_ff00_0000_0000)] {
        for now in [0, 1, MOMENTS] {
            assert!(!knows(&set, flow, Moment(now), &LONG));
        }
    }
}

/// Two CPUs need not be at the same moment, and moments come around.
#[test]
fn a_flow_may_be_a_little_younger_than_the_present() {
    for now in [100, 0, 1, MOMENTS - 1, MOMENTS, u32::MAX, u32::MAX - 1] {
        let (set, flow) = (FlowSet::default(), Flow(7));
        remember(&set, flow, Class::Unanswered, Moment(now), &LONG);
        for (away, is_known) in [(-3, false), (-2, true), (-1, true), (0, true), (1000, true), (1001, false)]
        {
            let then = Moment(now.wrapping_add_signed(away));
            assert_eq!(knows(&set, flow, then, &LONG), is_known, "{away} from {now}");
        }
    }
}

/// Of those in a set, told by their class and age, the one that makes room for a flow of that class.
fn least(entries: &[(Class, u32)], lifetime: u32, newcomer: Class) -> Option<usize> {
    let worth = |&(class, age): &(Class, u32)| match class {
        _ if age > lifetime => (0, 0),
        Class::Established => (2, u32::MAX - age),
        _ => (1, u32::MAX - age),
    };
    let (place, entry) = entries.iter().enumerate().min_by_key(|(_, entry)| worth(entry))?;
    (worth(entry).0 < 2 || newcomer == Class::Opening).then_some(place)
}

#[test]
fn connections_that_the_host_opened_give_way_to_another_alone() {
    let set = FlowSet::default();
    let flow = |n: u32| Flow(u64::from(n) + 1);
    let ways = WAYS as u32;
    for n in 0..ways {
        remember(&set, flow(n), Class::Established, Moment(n), &LONG);
    }
    let now = Moment(50);
    let known = || (0..=2 * ways).filter(|&n| knows(&set, flow(n), now, &LONG)).collect::<Vec<_>>();
    for (n, class) in (ways..).zip([Class::Echo, Class::Unanswered, Class::PickedUp]) {
        remember(&set, flow(n), class, now, &LONG);
        assert_eq!(known(), Vec::from_iter(0..ways), "{class:?}");
    }
    remember(&set, flow(2 * ways), Class::Opening, now, &LONG);
    assert_eq!(known(), Vec::from_iter((1..ways).chain([2 * ways])), "the one that was silent longest");
}

proptest! {
    #[test]
    fn the_one_worth_least_makes_room(
        mut entries in proptest::collection::vec((select(&CLASSES_OF_FLOWS), 0..40_u32), WAYS),
        newcomer in select(vec![Class::Opening, Class::Echo, Class::Unanswered, Class::PickedUp]),
        lifetime in 10..60_u32,
    ) {
        let (set, now) = (FlowSet::default(), Moment(100));
        // As they would have come.
        entries.sort_by_key(|&(_, age)| u32::MAX - age);
        let flow = |n: usize| Flow(n as u64 + 1);
        for (n, &(class, age)) in entries.iter().enumerate() {
            remember(&set, flow(n), class, Moment(now.0 - age), &LONG);
        }
        let new = Flow(99);
        remember(&set, new, newcomer, now, &Lifetimes([lifetime; CLASSES]));
        let gone: Vec<usize> = (0..WAYS).filter(|&n| !knows(&set, flow(n), now, &LONG)).collect();
        let expected = least(&entries, lifetime, newcomer);
        prop_assert_eq!(gone, Vec::from_iter(expected));
        prop_assert_eq!(knows(&set, new, now, &LONG), expected.is_some());
    }
}
