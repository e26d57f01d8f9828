//! Counters: every judgement has one, and shares it with those only that are counted together.

use firewall_common::{
    fragment::room::Room,
    rules::{Action, Decision, MAX_RULES, Slot},
    verdict::{CELLS, Cell, Judgement, Reason},
};
use proptest::{prelude::*, sample::select};

/// Judgements as the judge makes them.
fn judgements() -> impl Strategy<Value = Judgement> {
    let slots = || {
        prop_oneof![
            3 => (0usize..4).prop_map(|n| Slot::rule(n).expect("a small number")),
            1 => (0..MAX_RULES).prop_map(|n| Slot::rule(n).expect("below the maximum")),
            2 => select(vec![Slot::DEFAULT_DROP, Slot::DEFAULT_PASS, Slot::ESSENTIAL]),
        ]
    };
    let late = slots();
    let (decided, inherited) = ((slots(), select(&Action::ALL[..])), (slots(), select(&Action::ALL[..])));
    prop_oneof![
        decided.prop_map(|(slot, action)| Judgement::decided(Decision::new(action, slot))),
        inherited.prop_map(|(slot, action)| Judgement::inherited(Decision::new(action, slot))),
        late.prop_map(|slot| Judgement::late(Decision::new(Action::Deny, slot))),
        select(Reason::ALL)
            .prop_filter("without a rule", |reason| !credited(*reason))
            .prop_map(Judgement::drop),
        select(Reason::ALL)
            .prop_filter("without a rule", |reason| !credited(*reason))
            .prop_map(Judgement::pass),
    ]
}

/// Whether a rule or the default is credited.
fn credited(reason: Reason) -> bool {
    matches!(reason, Reason::Rule | Reason::Default | Reason::Inherited | Reason::LateDenial)
}

/// Whether two judgements are counted together.
fn together(one: &Judgement, other: &Judgement) -> bool {
    let kind = |judgement: &Judgement| {
        [Reason::Inherited, Reason::LateDenial].into_iter().find(|reason| *reason == judgement.reason())
    };
    one.verdict() == other.verdict()
        && match (credited(one.reason()), credited(other.reason())) {
            (true, true) => one.slot() == other.slot() && kind(one) == kind(other),
            (false, false) => one.reason() == other.reason(),
            _ => false,
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn a_judgement_has_one_counter(one in judgements(), other in judgements()) {
        prop_assert!((one.cell() as usize) < CELLS);
        prop_assert_eq!(one.cell() == other.cell(), together(&one, &other));
        prop_assert_eq!(one.cell(), Cell::of(one.verdict(), one.reason(), one.slot()).index());
    }

    #[test]
    fn a_judgement_comes_back_from_its_parts_and_its_word(judgement in judgements()) {
        let (verdict, reason, slot) = (judgement.verdict(), judgement.reason(), judgement.slot());
        prop_assert_eq!(Judgement::new(verdict, reason, slot), judgement);
        prop_assert_eq!(Judgement::from_bits(judgement.to_bits()), judgement);
    }
}

#[test]
fn behind_the_last_rules_counters_are_those_of_the_fragment_table() {
    let last = Slot::rule(MAX_RULES - 1).expect("below the maximum");
    assert_eq!(Cell::Late(last).index() as usize, CELLS - 1 - Room::ALL.len());
    let of_rooms: Vec<usize> = Room::ALL.map(|room| Cell::Room(room).index() as usize).into();
    assert_eq!(of_rooms, (CELLS - Room::ALL.len()..CELLS).collect::<Vec<_>>());
}
