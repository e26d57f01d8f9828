//! Random ports, rules and rulesets for property tests. Ports crowd together and at the edges, so that rules meet.

use firewall_common::rules::{Action, PROTOCOLS_WITH_PORTS};
use proptest::prelude::*;

use super::{Match, PortRange, Ports, Protocol, Rule, Term, What, services::BUILT_IN};

/// A port, 0 included.
pub(super) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0..20_u16, 2 => 495..505_u16, 1 => Just(4500), 2 => 65530..=65535_u16, 1 => any::<u16>()]
}

/// A range that a rule may name.
pub(super) fn range() -> impl Strategy<Value = PortRange> {
    (port(), port()).prop_map(|(a, b)| PortRange::new(a.min(b).max(1), a.max(b).max(1)).unwrap())
}

/// Any protocol that a rule may name, those with ports more often.
pub(super) fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![
        4 => prop::sample::select(PROTOCOLS_WITH_PORTS.to_vec()),
        2 => prop::sample::select(vec![1, 50, 51, 58]),
        1 => any::<u8>(),
    ]
    .prop_map(Protocol)
    .prop_filter("an extension header", |protocol| !protocol.is_followed())
}

/// What a rule matches that names at most a protocol and its ports.
pub(super) fn matching() -> impl Strategy<Value = Match> {
    let ports = prop::collection::vec(range(), 1..6).prop_map(|ranges| Ports::new(ranges).unwrap());
    let protocol_with_ports = prop::sample::select(PROTOCOLS_WITH_PORTS.to_vec()).prop_map(Protocol);
    prop_oneof![
        1 => (0..BUILT_IN.len()).prop_map(|n| Match::service(BUILT_IN[n].0.clone())),
        1 => protocol().prop_map(|protocol| term(Term::protocol(protocol))),
        3 => (protocol_with_ports, ports).prop_map(|(protocol, ports)| term(Term::ports(protocol, ports))),
    ]
}

/// One of the actions.
pub(super) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Allow), Just(Action::Deny)]
}

/// A rule.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
    (action(), matching()).prop_map(|(action, matching)| Rule::new(action, matching))
}

fn term(term: Term) -> Match {
    Match::new(What::Term(term), None, None, None).unwrap()
}
