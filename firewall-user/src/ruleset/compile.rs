//! Compiling a ruleset into the tables that packets are judged by.

use std::collections::BTreeMap;

use firewall_common::rules::{Action, Decision, MAX_RULES, PORTS, PROTOCOLS, PortTable, RuleTables, Slot};

use super::{Protocol, Rule, Term, TooManyRules, unclaimed::Unclaimed};

/// A compiled ruleset: for every protocol and every port the decision of the first rule that matches it, or the
/// default's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Compiled {
    /// The decision for each protocol number, or which of `ports` to ask.
    pub protocols: Box<[Decision; PROTOCOLS]>,
    /// A table for each protocol that some rule names ports of, in the order of their numbers.
    pub ports: Vec<Box<PortTable>>,
}

impl Compiled {
    /// Compiles `rules`, each credited to its slot, and the default.
    ///
    /// # Errors
    /// If there are more rules than a ruleset may have.
    pub fn new(rules: &[(Rule, Slot)], default: Action) -> Result<Self, TooManyRules> {
        if rules.len() > MAX_RULES {
            return Err(TooManyRules { rules: rules.len() });
        }
        let default = Decision::default_of(default);
        let terms = || {
            let terms = rules
                .iter()
                .flat_map(|(rule, slot)| rule.matching.terms().iter().map(move |t| (rule, *slot, t)));
            terms.filter_map(|(rule, slot, term)| Some((rule, slot, only_ports(rule, term)?, term)))
        };
        let mut tables = BTreeMap::new();
        for (_, _, protocol, _) in terms().filter(|(.., term)| term.ports.is_some()) {
            tables.entry(protocol).or_insert_with(|| (filled::<PORTS>(default), Unclaimed::all()));
        }
        let mut protocols = filled::<PROTOCOLS>(default);
        let mut decided = [false; PROTOCOLS];
        for (rule, slot, protocol, term) in terms() {
            let decision = Decision::new(rule.action, slot);
            match tables.get_mut(&protocol) {
                None => {
                    let number = usize::from(protocol.0);
                    if !std::mem::replace(&mut decided[number], true) {
                        protocols[number] = decision;
                    }
                }
                Some((table, unclaimed)) => {
                    for range in term.spans().iter().flat_map(|&span| unclaimed.claim(span)) {
                        table[usize::from(range.first())..=usize::from(range.last())].fill(decision);
                    }
                }
            }
        }
        for (number, protocol) in (0..).zip(tables.keys()) {
            protocols[usize::from(protocol.0)] = Decision::by_port(number);
        }
        Ok(Self { protocols, ports: tables.into_values().map(|(table, _)| table).collect() })
    }
}

impl RuleTables for Compiled {
    fn protocol(&self, protocol: u8) -> Decision {
        self.protocols[usize::from(protocol)]
    }

    fn port(&self, table: u16, port: u16) -> Option<Decision> {
        self.ports.get(usize::from(table)).map(|table| table[usize::from(port)])
    }
}

/// The protocol of a term that names at most destination ports beside it. Others match nothing.
fn only_ports(rule: &Rule, term: &Term) -> Option<Protocol> {
    let Rule { action: _, matching, log: _, limit, comment: _ } = rule;
    let Term { family: None, protocol, ports: _, source_ports: None, icmp: None, flags: None } = term else {
        return None;
    };
    let whole = limit.is_none()
        && matching.from().is_none()
        && matching.to().is_none()
        && matching.interface().is_none();
    protocol.filter(|_| whole)
}

/// `N` times `decision`, made where it stays: a table of ports is too large for the stack.
fn filled<const N: usize>(decision: Decision) -> Box<[Decision; N]> {
    vec![decision; N].into_boxed_slice().try_into().expect("the length is the array's")
}

#[cfg(test)]
mod tests {
    use firewall_common::rules::decide;
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::{Names, strategies};

    fn rules(texts: &[&str]) -> Vec<(Rule, Slot)> {
        let names = Names::parse("", "");
        let rules = texts.iter().map(|text| Rule::parse(text, &names).unwrap());
        rules.enumerate().map(|(n, rule)| (rule, Slot::rule(n).unwrap())).collect()
    }

    /// What the rules mean, tried one by one.
    fn first_match(rules: &[(Rule, Slot)], default: Action, protocol: Protocol, port: u16) -> Decision {
        let matches = |rule: &Rule| {
            rule.matching.terms().iter().any(|term| {
                term.protocol == Some(protocol) && term.spans().iter().any(|range| range.contains(port))
            })
        };
        match rules.iter().find(|(rule, _)| matches(rule)) {
            Some(&(ref rule, slot)) => Decision::new(rule.action, slot),
            None => Decision::default_of(default),
        }
    }

    #[test]
    fn the_first_match_wins() {
        let compiled = Compiled::new(
            &rules(&[
                "deny udp 500",
                "allow @ike",
                "allow udp 1-1000",
                "deny udp",
                "allow udp 7777",
                "deny esp",
            ]),
            Action::Allow,
        )
        .unwrap();
        let rule = |protocol, port| decide(&compiled, protocol, port).slot().as_rule();
        assert_eq!(rule(17, 500), Some(0));
        assert_eq!(rule(17, 4500), Some(1));
        assert_eq!(rule(50, 9), Some(1));
        assert_eq!(rule(17, 1000), Some(2));
        assert_eq!(rule(17, 7777), Some(3));
        assert_eq!(rule(17, 0), Some(3));
        assert_eq!(decide(&compiled, 6, 500), Decision::default_of(Action::Allow));
    }

    #[test]
    fn only_a_protocol_whose_ports_are_named_has_a_table() {
        let compiled =
            Compiled::new(&rules(&["allow tcp", "deny sctp 7", "allow udp 500", "deny esp"]), Action::Deny);
        let compiled = compiled.unwrap();
        assert_eq!(compiled.ports.len(), 2);
        assert_eq!(compiled.protocol(17), Decision::by_port(0));
        assert_eq!(compiled.protocol(132), Decision::by_port(1));
        assert_eq!(compiled.protocol(6).port_table(), None);
        assert_eq!(compiled.port(2, 500), None);
        assert_eq!(Compiled::new(&[], Action::Deny).unwrap().ports.len(), 0);
    }

    #[test]
    fn one_rule_too_many_is_refused() {
        let mut many = vec![rules(&["allow udp 500"]).remove(0); MAX_RULES];
        assert!(Compiled::new(&many, Action::Deny).is_ok());
        many.push(many[0].clone());
        assert_eq!(Compiled::new(&many, Action::Deny), Err(TooManyRules { rules: MAX_RULES + 1 }));
    }

    proptest! {
        #[test]
        fn the_tables_say_what_the_rules_say_one_by_one(
            rules in prop::collection::vec(strategies::plain_rule(), 0..24),
            default in strategies::action(),
            probes in prop::collection::vec((strategies::protocol(), strategies::port()), 64),
        ) {
            let rules: Vec<(Rule, Slot)> =
                rules.into_iter().enumerate().map(|(n, rule)| (rule, Slot::rule(MAX_RULES - 1 - n).unwrap())).collect();
            let compiled = Compiled::new(&rules, default).unwrap();
            // The edges of every range, for every protocol that any rule names, are where mistakes would be.
            let terms: Vec<_> = rules.iter().flat_map(|(rule, _)| rule.matching.terms()).collect();
            let edges = terms.iter().flat_map(|term| {
                term.spans().iter().flat_map(|span| {
                    [span.first().wrapping_sub(1), span.first(), span.last(), span.last().wrapping_add(1)]
                        .map(|port| (term.protocol.unwrap(), port))
                })
            });
            for (protocol, port) in edges.chain(probes) {
                prop_assert_eq!(
                    decide(&compiled, protocol.0, port),
                    first_match(&rules, default, protocol, port),
                    "{} {}", protocol, port
                );
            }
        }
    }
}
