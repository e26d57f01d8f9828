//! Which of many rules may cover another, found by their addresses: to try each of thousands on each takes longer than all else that is
//! done with a file.

use std::collections::{BTreeSet, HashMap};

use firewall_common::packet::Family;
use ipnet::IpNet;

use super::{Addresses, Match, term::Term};

/// A prefix of the source, and one of the destination, of a rule that covers none but those whose addresses lie within both. `None` stands
/// for any address.
type Key = (Option<IpNet>, Option<IpNet>);

/// The rules that are asked, by their places among all.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    places: HashMap<Key, Vec<usize>>,
    /// Whether of IPv4, and the lengths of the prefixes of the keys, of sources and of destinations.
    lengths: [BTreeSet<(bool, u8)>; 2],
    all: Vec<usize>,
}

impl Candidates {
    /// Adds a rule.
    pub(super) fn add(&mut self, place: usize, matching: &Match) {
        self.all.push(place);
        // Each source with each destination could be far more than a file has words, so it's a single one that goes with all of the others.
        let keys: Vec<Key> = match (inside(matching.from()), inside(matching.to())) {
            ([], []) => vec![(None, None)],
            ([], to) => to.iter().map(|&to| (None, Some(to))).collect(),
            (from, &[to]) => from.iter().map(|&from| (Some(from), Some(to))).collect(),
            (from, _) => from.iter().map(|&from| (Some(from), None)).collect(),
        };
        for key in keys {
            for (prefix, lengths) in [key.0, key.1].into_iter().zip(&mut self.lengths) {
                lengths.extend(prefix.map(|prefix| (prefix.addr().is_ipv4(), prefix.prefix_len())));
            }
            self.places.entry(key).or_default().push(place);
        }
    }

    /// All of them that may cover what a match's `term` is about, and perhaps others.
    pub(super) fn of(&self, matching: &Match, term: &Term) -> Vec<usize> {
        match self.keys(matching, term) {
            Some(keys) => keys.iter().filter_map(|key| self.places.get(key)).flatten().copied().collect(),
            None => self.all.clone(),
        }
    }

    /// The keys of those; `None` if to look them up takes longer than to try all rules.
    fn keys(&self, matching: &Match, term: &Term) -> Option<Vec<Key>> {
        // What covers it covers it in each IP version, so in the first.
        let is_v4 = matching.families(term).next()? == Family::V4;
        let of_side = |addresses: Option<&Addresses>, lengths: &BTreeSet<(bool, u8)>| {
            // Likewise with the first of its prefixes.
            let first = inside(addresses).iter().find(|prefix| prefix.addr().is_ipv4() == is_v4);
            let around = first.into_iter().flat_map(|prefix| {
                let lengths = lengths.range((is_v4, 0)..=(is_v4, prefix.prefix_len()));
                lengths.filter_map(|&(_, length)| Some(IpNet::new(prefix.addr(), length).ok()?.trunc()))
            });
            std::iter::once(None).chain(around.map(Some)).collect::<Vec<_>>()
        };
        let [from_lengths, to_lengths] = &self.lengths;
        let (from, to) = (of_side(matching.from(), from_lengths), of_side(matching.to(), to_lengths));
        let is_worth_it = from.len() * to.len() < self.all.len();
        is_worth_it.then(|| from.iter().flat_map(|&from| to.iter().map(move |&to| (from, to))).collect())
    }
}

/// The prefixes that all of the addresses lie within; none if they may lie anywhere.
fn inside(addresses: Option<&Addresses>) -> &[IpNet] {
    addresses.filter(|addresses| !addresses.is_not()).map_or(&[], Addresses::prefixes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::{Names, Rule, cover::covers, strategies};

    fn rule(text: &str) -> Rule {
        Rule::parse(text, &Names::parse("", "")).unwrap()
    }

    fn candidates<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Candidates {
        let mut candidates = Candidates::default();
        rules.into_iter().enumerate().for_each(|(place, rule)| candidates.add(place, &rule.matching));
        candidates
    }

    /// Those among the rules that may cover another.
    fn found(candidates: &Candidates, rule: &Rule) -> Vec<usize> {
        let mut found = candidates.of(&rule.matching, &rule.matching.terms()[0]);
        found.sort_unstable();
        found
    }

    #[test]
    fn only_rules_around_the_addresses_are_asked() {
        let near = [
            "allow any",
            "allow any from not 192.0.2.1",
            "allow any from 192.0.2.0/24",
            "allow any from 2001:db8::/32,192.0.0.0/16 to not 192.0.2.1",
            "allow any to 198.51.100.0/24,203.0.113.0/24",
            "allow any from 192.0.2.1 to 198.51.100.1",
            "allow any from 192.0.2.1 to 198.51.100.1,203.0.113.1",
        ];
        let far = [
            "allow any from 192.0.3.0/24",
            "allow any from 192.0.2.1 to 203.0.113.1",
            "allow any from 2001:db8::1 to 2001:db8::2",
            "allow any to 203.0.113.0/24",
        ];
        let rules: Vec<Rule> = near.iter().chain(&far).cycle().take(99).map(|text| rule(text)).collect();
        let found = found(&candidates(&rules), &rule("deny tcp 22 from 192.0.2.1 to 198.51.100.1"));
        let wanted: Vec<usize> =
            (0..99).filter(|place| place % (near.len() + far.len()) < near.len()).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn all_are_asked_where_they_are_few() {
        let rules = ["allow any from 192.0.3.0/24", "allow any from 192.0.2.0/24"].map(rule);
        let asked = rule("deny any from 192.0.2.1");
        assert_eq!(found(&candidates(&rules), &asked), [0, 1]);
        let many: Vec<&Rule> = rules.iter().cycle().take(4).collect();
        assert_eq!(found(&candidates(many), &asked), [1, 3]);
    }

    proptest! {
        #[test]
        fn none_that_covers_is_left_out(rules in prop::collection::vec(strategies::rule(), 1..60)) {
            // Each of them often enough that not all are asked.
            let candidates = candidates(rules.iter().cycle().take(2000));
            for rule in &rules {
                for term in rule.matching.terms() {
                    let found = BTreeSet::from_iter(candidates.of(&rule.matching, term));
                    for (place, other) in rules.iter().enumerate() {
                        let mut terms = other.matching.terms().iter();
                        let is_covered =
                            terms.any(|wide| covers((&other.matching, wide), (&rule.matching, term)));
                        prop_assert!(!is_covered || found.contains(&place), "{} covers {}", other, rule);
                    }
                }
            }
        }
    }
}
