//! Rules that can never match, because the rules before them match everything they would.
//!
//! Two ways to be sure of that are tried, for each kind of packets that a rule is about:
//!
//! - Some earlier rules name only a family, a protocol, destination ports and types. What is left by all of those
//!   together is reckoned exactly; a rule that names more is inside of what it would match without.
//! - Any one earlier rule covers it field by field.
//!
//! Where neither tells, a rule counts as one that matches. A rule with a limit leaves packets to the rules after it, so it
//! shadows none.

use std::collections::{BTreeMap, BTreeSet};

use firewall_common::{packet::Family, rules::PROTOCOLS};

use super::{
    PortRange, Protocol, Rule, candidates::Candidates, cover::covers, term::Term, unclaimed::Unclaimed,
};

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
    let mut left = BTreeMap::new();
    let mut candidates = Candidates::default();
    let mut shadows = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let is_plain = is_plain(rule);
        let mut is_shadowed = true;
        for term in rule.matching.terms() {
            let numbers = numbers(term);
            let mut is_left = false;
            for key in keys(rule, term) {
                let unclaimed: &mut Unclaimed = left.entry(key).or_insert_with(Unclaimed::all);
                for &range in &numbers {
                    // A plain rule takes all that is left to it, another takes only some of it.
                    is_left |=
                        if is_plain { !unclaimed.claim(range).is_empty() } else { unclaimed.has(range) };
                }
            }
            let is_covered = || {
                let mut others = candidates.of(&rule.matching, term).into_iter();
                others.any(|place| is_within(rule, term, &rules[place]))
            };
            is_shadowed &= !is_left || (!is_plain && is_covered());
        }
        if is_shadowed && let Some(by) = shadowed_by(&rules[..index], rule) {
            shadows.push(Shadow { number: index + 1, by });
        }
        candidates.add(index, &rule.matching);
    }
    shadows
}

/// The numbers, from 1, of the rules among `earlier` that match `rule`'s packets in its stead, if they leave it none.
pub(super) fn shadowed_by(earlier: &[Rule], rule: &Rule) -> Option<Vec<usize>> {
    let mut by = BTreeSet::new();
    for term in rule.matching.terms() {
        by.extend(match claimed_by(earlier, rule, term) {
            Some(claimants) => claimants,
            None => BTreeSet::from([covered_by(earlier, rule, term)?]),
        });
    }
    (!by.is_empty()).then(|| by.into_iter().collect())
}

/// The numbers of the plain rules that leave nothing of `rule`'s `term`.
fn claimed_by(earlier: &[Rule], rule: &Rule, term: &Term) -> Option<BTreeSet<usize>> {
    let mut by = BTreeSet::new();
    let numbers = numbers(term);
    let mut left: BTreeMap<Key, Unclaimed> =
        keys(rule, term).map(|key| (key, Unclaimed::of(&numbers))).collect();
    for (index, other) in earlier.iter().enumerate().filter(|(_, other)| is_plain(other)) {
        if left.is_empty() {
            break;
        }
        for taking in other.matching.terms() {
            let ranges = self::numbers(taking);
            for key in keys(other, taking) {
                let Some(unclaimed) = left.get_mut(&key) else { continue };
                for &range in &ranges {
                    if !unclaimed.claim(range).is_empty() {
                        by.insert(index + 1);
                    }
                }
                if unclaimed.is_empty() {
                    left.remove(&key);
                }
            }
        }
    }
    left.is_empty().then_some(by)
}

/// The number of the first rule that covers `rule`'s `term` by itself.
fn covered_by(earlier: &[Rule], rule: &Rule, term: &Term) -> Option<usize> {
    earlier.iter().position(|other| is_within(rule, term, other)).map(|index| index + 1)
}

/// Whether another rule covers `rule`'s `term` by itself, always.
fn is_within(rule: &Rule, term: &Term, other: &Rule) -> bool {
    let mut wide = other.matching.terms().iter();
    other.limit.is_none() && wide.any(|wide| covers((&other.matching, wide), (&rule.matching, term)))
}

/// Whether all packets of its families and protocols with the right numbers match, always.
fn is_plain(rule: &Rule) -> bool {
    let Rule { action: _, answer: _, matching, log: _, limit, comment: _ } = rule;
    let anywhere = matching.from().is_none() && matching.to().is_none() && matching.interface().is_none();
    let plain = |term: &Term| {
        let Term { family: _, protocol: _, ports: _, source_ports, icmp: _, flags } = term;
        source_ports.is_none() && flags.is_none()
    };
    anywhere && limit.is_none() && matching.terms().iter().all(plain)
}

/// An IP version and a protocol: the packets that a [`numbers`] tells apart.
type Key = (usize, u8);

/// The families and protocols of the packets that `rule`'s `term` is about.
fn keys(rule: &Rule, term: &Term) -> impl Iterator<Item = Key> {
    let families: Vec<Family> = rule.matching.families(term).collect();
    let protocols = match term.protocol {
        Some(Protocol(number)) => number..=number,
        None => 0..=(PROTOCOLS - 1) as u8,
    };
    families
        .into_iter()
        .flat_map(move |family| protocols.clone().map(move |protocol| (family.index(), protocol)))
}

/// What the packets of a term have in their destination ports, or in the type and code, which are as long; sorted and
/// disjoint.
fn numbers(term: &Term) -> Vec<PortRange> {
    match &term.icmp {
        Some(types) => types.types().iter().map(|messages| messages.numbers()).collect(),
        None => term.spans().to_vec(),
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
