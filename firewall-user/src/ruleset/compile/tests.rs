use firewall_common::rules::{RuleTables as _, lookup::Found};

use super::{memory::Memory, *};
use crate::ruleset::Names;

fn rules(texts: &[&str]) -> Vec<(Rule, Slot)> {
    let names = Names::parse("", "");
    let rules = texts.iter().map(|text| Rule::parse(text, &names).unwrap());
    rules.enumerate().map(|(n, rule)| (rule, Slot::rule(n).unwrap())).collect()
}

fn compiled(texts: &[&str], default: Action) -> Compiled {
    Compiled::new(&rules(texts), default, &Host::default()).unwrap()
}

/// What an IPv6 packet's protocol and port lead to.
fn found(compiled: &Compiled, protocol: u8, port: u16) -> Found {
    let memory = Memory::new(compiled.clone());
    let mut lookup = memory.protocol(Family::V6, protocol);
    if let Some(table) = lookup.port_table() {
        lookup = memory.port(table, port).unwrap();
    }
    lookup.found()
}

#[test]
fn where_ports_are_all_that_is_asked_for_the_first_match_is_settled() {
    let rules =
        ["deny udp 500", "allow @ike", "allow udp 1-1000", "reject udp", "allow udp 7777", "deny esp"];
    let compiled = compiled(&rules, Action::Allow);
    for (protocol, port, rule, action) in [
        (17, 500, 0, Action::Deny),
        (17, 4500, 1, Action::Allow),
        (50, 9, 1, Action::Allow),
        (17, 1000, 2, Action::Allow),
        (17, 7777, 3, Action::Reject),
        (17, 0, 3, Action::Reject),
    ] {
        let decision = Decision::new(action, Slot::rule(rule).unwrap());
        assert_eq!(found(&compiled, protocol, port), Found::Decided(decision), "{protocol} {port}");
    }
    assert_eq!(found(&compiled, 6, 500), Found::Decided(Decision::default_of(Action::Allow)));
    assert_eq!(compiled.fields, Fields::default());
    assert_eq!((compiled.nodes.len(), compiled.rates.len()), (0, 0));
}

#[test]
fn only_a_protocol_whose_ports_are_named_has_a_table_and_both_ip_versions_share_it() {
    let compiled = compiled(&["allow tcp", "deny sctp 7", "allow udp 500", "deny esp"], Action::Deny);
    assert_eq!(compiled.ports.len(), 2);
    assert_eq!(compiled.protocols[0], compiled.protocols[1]);
    assert!(compiled.protocols[0][6].is_decided());
}

#[test]
fn a_rule_that_asks_for_more_leaves_open_only_what_it_matches() {
    let compiled = compiled(
        &["allow udp 500", "deny udp from 192.0.2.0/24", "allow udp 53", "allow tcp 22"],
        Action::Deny,
    );
    let decided = |rule, action| Found::Decided(Decision::new(action, Slot::rule(rule).unwrap()));
    assert_eq!(found(&compiled, 17, 500), decided(0, Action::Allow));
    assert!(matches!(found(&compiled, 17, 53), Found::Set(_)));
    assert_eq!(found(&compiled, 6, 22), decided(3, Action::Allow));
    assert_eq!(compiled.fields, Fields::SOURCE);
}

#[test]
fn what_lies_behind_a_rule_that_asks_for_nothing_else_is_in_no_set() {
    let rules = ["deny udp 1-9 from 192.0.2.1", "allow udp 5", "allow udp 5 from 192.0.2.1", "deny udp"];
    let compiled = compiled(&rules, Action::Deny);
    let Found::Set(set) = found(&compiled, 17, 5) else { panic!("it's open") };
    assert_eq!(compiled.words[set as usize + 1], 0b0011);
}

#[test]
fn one_rule_too_many_is_refused() {
    let mut many = vec![rules(&["allow udp 500 from 192.0.2.1"]).remove(0); MAX_RULES];
    assert!(Compiled::new(&many, Action::Deny, &Host::default()).is_ok());
    many.push(many[0].clone());
    let error = Compiled::new(&many, Action::Deny, &Host::default()).unwrap_err();
    assert_eq!(error, CompileError::TooManyEntries { entries: MAX_RULES + 1 });
}
