//! Which slot each rule has.
//!
//! Counters, and fragments in flight, refer to a rule by its slot. So a rule keeps its slot through every change of the
//! ruleset, and a slot that has become free is given away again as late as possible.

use std::collections::{HashMap, VecDeque};

use firewall_common::rules::{MAX_RULES, Slot};

use super::{Rule, TooManyRules};

/// The slots of a ruleset's rules.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Assignment {
    /// The rules in order, each with its slot. No two share one.
    pub rules: Vec<(Rule, Slot)>,
    /// The slots among them that are newly given, whose counters must start from zero.
    pub fresh: Vec<Slot>,
    /// Where to look for a free slot next time: to be stored with the ruleset.
    pub next: usize,
}

/// Gives each of the `new` rules a slot: a rule that is among the `old` keeps the one it had; others get slots that
/// none of the old has, from number `next` on, as long as there are any, and only then slots of old rules that are
/// gone.
///
/// # Errors
/// If there are more rules than slots.
pub fn assign(old: &[(Rule, Slot)], next: usize, new: Vec<Rule>) -> Result<Assignment, TooManyRules> {
    if new.len() > MAX_RULES {
        return Err(TooManyRules { rules: new.len() });
    }
    let mut used = vec![false; MAX_RULES];
    let mut former: HashMap<&Rule, VecDeque<usize>> = HashMap::new();
    for (rule, slot) in old {
        // Two rules with one slot, or with a slot that isn't a rule's, can only come from damaged state: the first
        // rule keeps it.
        let mut is_unused =
            |&number: &usize| used.get_mut(number).is_some_and(|used| !std::mem::replace(used, true));
        if let Some(number) = slot.as_rule().filter(&mut is_unused) {
            former.entry(rule).or_default().push_back(number);
        }
    }
    let kept: Vec<Option<usize>> =
        new.iter().map(|rule| former.get_mut(rule).and_then(VecDeque::pop_front)).collect();
    let mut gone = vec![false; MAX_RULES];
    for number in former.into_values().flatten() {
        gone[number] = true;
    }
    let from_next = || (0..MAX_RULES).map(|step| (next % MAX_RULES + step) % MAX_RULES);
    let mut free =
        from_next().filter(|&number| !used[number]).chain(from_next().filter(|&number| gone[number]));
    let mut assignment =
        Assignment { rules: Vec::with_capacity(new.len()), fresh: Vec::new(), next: next % MAX_RULES };
    for (rule, kept) in new.into_iter().zip(kept) {
        let number = kept.unwrap_or_else(|| free.next().expect("there are as many slots as rules at most"));
        let slot = Slot::rule(number).expect("the number is below the number of slots");
        if kept.is_none() {
            assignment.fresh.push(slot);
            assignment.next = (number + 1) % MAX_RULES;
        }
        assignment.rules.push((rule, slot));
    }
    Ok(assignment)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use firewall_common::rules::Decision;
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::{Names, strategies};

    fn rule(text: &str) -> Rule {
        Rule::parse(text, &Names::parse("", "")).unwrap()
    }

    fn slot(number: usize) -> Slot {
        Slot::rule(number).unwrap()
    }

    #[test]
    fn a_slot_that_became_free_is_not_given_away_at_once() {
        let first = assign(&[], 0, vec![rule("allow esp"), rule("allow ah")]).unwrap();
        assert_eq!(first.rules, [(rule("allow esp"), slot(0)), (rule("allow ah"), slot(1))]);
        assert_eq!((first.fresh.as_slice(), first.next), ([slot(0), slot(1)].as_slice(), 2));
        let second = assign(&first.rules, first.next, vec![rule("allow ah")]).unwrap();
        assert_eq!((second.rules.as_slice(), second.next), ([(rule("allow ah"), slot(1))].as_slice(), 2));
        assert!(second.fresh.is_empty());
        let third = assign(&second.rules, second.next, vec![rule("deny esp"), rule("allow ah")]).unwrap();
        assert_eq!(third.rules, [(rule("deny esp"), slot(2)), (rule("allow ah"), slot(1))]);
        assert_eq!(third.fresh, [slot(2)]);
    }

    #[test]
    fn the_search_wraps_and_a_hint_out_of_range_does_no_harm() {
        let old = [(rule("allow esp"), slot(0))];
        let new = vec![rule("allow udp"), rule("allow esp"), rule("allow tcp")];
        let assignment = assign(&old, MAX_RULES - 1, new.clone()).unwrap();
        let slots: Vec<_> = assignment.rules.iter().map(|&(_, slot)| slot).collect();
        assert_eq!(slots, [slot(MAX_RULES - 1), slot(0), slot(1)]);
        assert_eq!(assignment.next, 2);
        assert_eq!(assign(&old, usize::MAX, new.clone()), assign(&old, usize::MAX % MAX_RULES, new));
    }

    #[test]
    fn a_full_ruleset_can_be_replaced_by_another() {
        let full = |action: &str| {
            (1..=MAX_RULES).map(|port| rule(&format!("{action} tcp {port}"))).collect::<Vec<_>>()
        };
        let old = assign(&[], 5, full("allow")).unwrap();
        assert_eq!(old.next, 5);
        let mut mixed = full("deny");
        mixed[7] = rule("allow tcp 99");
        let new = assign(&old.rules, old.next, mixed).unwrap();
        let slots: HashSet<_> = new.rules.iter().map(|&(_, slot)| slot).collect();
        assert_eq!((slots.len(), new.fresh.len()), (MAX_RULES, MAX_RULES - 1));
        assert_eq!(new.rules[7].1, old.rules[98].1);
        let many = vec![rule("allow esp"); MAX_RULES + 1];
        assert_eq!(assign(&[], 0, many), Err(TooManyRules { rules: MAX_RULES + 1 }));
    }

    #[test]
    fn damaged_state_costs_a_slot_but_no_order() {
        let old = [
            (rule("allow esp"), slot(3)),
            (rule("allow ah"), slot(3)),
            (rule("allow udp"), Slot::ESSENTIAL),
            (rule("deny ah"), Decision::from_bits(0x3fff).slot()),
        ];
        let new = assign(&old, 0, old.iter().map(|(rule, _)| rule.clone()).collect()).unwrap();
        assert_eq!(new.rules[0].1, slot(3));
        assert_eq!(new.fresh, [slot(0), slot(1), slot(2)]);
    }

    proptest! {
        #[test]
        fn rules_keep_their_slots_and_share_none(
            rounds in prop::collection::vec((prop::collection::vec(strategies::rule(), 0..12), 0..24_usize), 1..8),
        ) {
            let mut old = Assignment::default();
            for (rules, hint) in rounds {
                // A hint in the middle of the slots in use is where they could be given twice.
                old.next = hint;
                // Some of the old rules stay, in another order.
                let stay = old.rules.iter().rev().step_by(2).map(|(rule, _)| rule.clone());
                let rules: Vec<Rule> = rules.into_iter().chain(stay).collect();
                let new = assign(&old.rules, old.next, rules.clone()).unwrap();
                prop_assert_eq!(new.rules.iter().map(|(rule, _)| rule.clone()).collect::<Vec<_>>(), rules);
                let slots: HashSet<_> = new.rules.iter().map(|&(_, slot)| slot).collect();
                prop_assert_eq!(slots.len(), new.rules.len());
                let of = |rules: &[(Rule, Slot)], wanted: &Rule| -> Vec<Slot> {
                    rules.iter().filter(|(rule, _)| rule == wanted).map(|&(_, slot)| slot).collect()
                };
                for (rule, slot) in &new.rules {
                    let (before, after) = (of(&old.rules, rule), of(&new.rules, rule));
                    let kept = before.len().min(after.len());
                    prop_assert_eq!(&before[..kept], &after[..kept], "{}", rule);
                    let fresh = new.fresh.contains(slot);
                    prop_assert_eq!(fresh, !old.rules.contains(&(rule.clone(), *slot)));
                    // There is room enough that no slot of the old ruleset is given to another rule.
                    prop_assert!(!fresh || old.rules.iter().all(|(_, old)| old != slot));
                }
                old = new;
            }
        }
    }
}
