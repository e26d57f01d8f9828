//! Rules that can never match, because the rules before them match everything they would.

use std::collections::{BTreeMap, BTreeSet};

use super::{Protocol, Rule, unclaimed::Unclaimed};

/// A rule that no packet reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shadow {
    /// Its number in the list, from 1.
    pub number: usize,
    /// The numbers, from 1, of the rules that match its packets in its stead, in order.
    pub by: Vec<usize>,
}

/// The rules among `rules` that no packet reaches.
pub fn shadows(rules: &[Rule]) -> Vec<Shadow> {
    let mut unclaimed: BTreeMap<Protocol, Unclaimed> = BTreeMap::new();
    let mut shadows = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut reached = false;
        for term in rule.matching.terms() {
            let Some(protocol) = term.protocol else { continue };
            let unclaimed = unclaimed.entry(protocol).or_insert_with(Unclaimed::all);
            for &span in term.spans() {
                reached |= !unclaimed.claim(span).is_empty();
            }
        }
        if !reached {
            let by = shadowed_by(&rules[..index], rule).expect("the rules before it claimed all it matches");
            shadows.push(Shadow { number: index + 1, by });
        }
    }
    shadows
}

/// The numbers, from 1, of the rules among `earlier` that match `rule`'s packets in its stead, if they leave it none.
pub(super) fn shadowed_by(earlier: &[Rule], rule: &Rule) -> Option<Vec<usize>> {
    let mut by = BTreeSet::new();
    for term in rule.matching.terms() {
        let mut unclaimed = Unclaimed::of(term.spans());
        for (index, rule) in earlier.iter().enumerate() {
            for other in rule.matching.terms().iter().filter(|other| other.protocol == term.protocol) {
                for &span in other.spans() {
                    if !unclaimed.claim(span).is_empty() {
                        by.insert(index + 1);
                    }
                }
            }
        }
        if !unclaimed.is_empty() {
            return None;
        }
    }
    Some(by.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::{Names, strategies};

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::parse(text, &Names::parse("", "")).unwrap()).collect()
    }

    #[test]
    fn several_rules_can_shadow_one_together() {
        let rules = rules(&[
            "deny udp 500",
            "allow tcp 4500",
            "allow udp 4000-5000",
            "allow esp",
            "deny @ike",
            "allow udp",
        ]);
        assert_eq!(shadows(&rules), [Shadow { number: 5, by: vec![1, 3, 4] }]);
    }

    #[test]
    fn a_rule_that_a_single_port_is_left_to_is_not_shadowed() {
        assert_eq!(shadows(&rules(&["allow udp 1-65534", "allow udp"])), []);
        // A header may bear port 0, although no rule can name it.
        assert_eq!(shadows(&rules(&["allow udp 1-65535", "deny udp"])), []);
        assert_eq!(shadows(&rules(&["allow udp", "deny udp 1-65535"])), [Shadow { number: 2, by: vec![1] }]);
        assert_eq!(
            shadows(&rules(&["allow esp", "deny ah", "deny esp"])),
            [Shadow { number: 3, by: vec![1] }]
        );
    }

    proptest! {
        #[test]
        fn a_rule_is_shadowed_if_and_only_if_the_ones_before_it_shadow_it(
            rules in prop::collection::vec(strategies::plain_rule(), 0..20),
        ) {
            let wanted: Vec<Shadow> = (0..rules.len())
                .filter_map(|n| shadowed_by(&rules[..n], &rules[n]).map(|by| Shadow { number: n + 1, by }))
                .collect();
            prop_assert_eq!(shadows(&rules), wanted);
        }
    }
}
