//! Random ports, rules and rulesets for property tests. Ports crowd together and at the edges, so that rules meet.

use std::net::{Ipv4Addr, Ipv6Addr};

use firewall_common::{
    answer::Answer,
    packet::Family,
    rules::{Action, PROTOCOLS_WITH_PORTS},
};
use ipnet::IpNet;
use proptest::prelude::*;

use super::{
    Addresses, Contradiction, Limit, Match, PortRange, Ports, Protocol, Rule, Term, What,
    icmp::{IcmpType, IcmpTypes},
    limit::{BURST, MAX_PACKETS, Unit},
    services::BUILT_IN,
    tcp_flags::TcpFlags,
};

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

/// Ports, at least one.
fn ports() -> impl Strategy<Value = Ports> {
    prop::collection::vec(range(), 1..6).prop_map(|ranges| Ports::new(ranges).unwrap())
}

/// A protocol with ports.
fn protocol_with_ports() -> impl Strategy<Value = Protocol> {
    prop::sample::select(PROTOCOLS_WITH_PORTS.to_vec()).prop_map(Protocol)
}

/// A term that names at most a protocol and its destination ports.
fn plain_term() -> impl Strategy<Value = Term> {
    prop_oneof![
        1 => protocol().prop_map(Term::protocol),
        3 => (protocol_with_ports(), ports()).prop_map(|(protocol, ports)| Term::ports(protocol, ports)),
    ]
}

/// Types of ICMP or ICMPv6.
fn types() -> impl Strategy<Value = IcmpTypes> {
    let kind = prop_oneof![4 => 0..6_u8, 2 => 128..138_u8, 1 => any::<u8>()];
    let code = prop_oneof![Just(None), (0..5_u8).prop_map(Some), any::<u8>().prop_map(Some)];
    let messages = (kind, code).prop_map(|(kind, code)| IcmpType { kind, code });
    prop::collection::vec(messages, 1..5).prop_map(|types| IcmpTypes::new(types).unwrap())
}

/// Flags of TCP.
fn flags() -> impl Strategy<Value = TcpFlags> {
    prop_oneof![
        Just(TcpFlags::SYN),
        any::<(u8, u8)>().prop_map(|(set, mask)| {
            let mask = mask.max(1);
            TcpFlags::new(set & mask, mask).unwrap()
        })
    ]
}

/// One kind of packets.
pub(super) fn term() -> impl Strategy<Value = Term> {
    let with_ports = (
        protocol_with_ports(),
        prop::option::of(ports()),
        prop::option::weighted(0.3, ports()),
        prop::option::weighted(0.3, flags()),
    );
    let with_types = (prop::bool::ANY, prop::option::weighted(0.8, types()));
    let family = prop::option::weighted(0.3, prop::sample::select(Family::ALL.to_vec()));
    let transport = prop_oneof![
        1 => Just(Term::default()),
        2 => plain_term(),
        3 => with_ports.prop_map(|(protocol, ports, source_ports, flags)| {
            let flags = flags.filter(|_| protocol == Protocol::TCP);
            Term { ports, source_ports, flags, ..Term::protocol(protocol) }
        }),
        2 => with_types.prop_map(|(is_v6, icmp)| {
            Term { icmp, ..Term::protocol(if is_v6 { Protocol::ICMPV6 } else { Protocol::ICMP }) }
        }),
    ];
    (family, transport).prop_map(|(family, transport)| {
        let term = Term { family, ..transport };
        if Contradiction::in_term(&term).is_some() { Term { family: None, ..term } } else { term }
    })
}

/// Addresses that crowd together, so that some are within others.
fn addresses() -> impl Strategy<Value = Addresses> {
    let v4 = (prop::sample::select(vec![0x0a00_0000_u32, 0x0a00_0001, 0xc000_0200, u32::MAX]), 1..=32_u8)
        .prop_map(|(bits, length)| IpNet::new(Ipv4Addr::from_bits(bits).into(), length).unwrap());
    let v6 =
        (prop::sample::select(vec![1_u128, 0x2001_0db8 << 96, (0xfe80 << 112) | 5, u128::MAX]), 1..=128_u8)
            .prop_map(|(bits, length)| IpNet::new(Ipv6Addr::from_bits(bits).into(), length).unwrap());
    (prop::bool::weighted(0.3), prop::collection::vec(prop_oneof![v4, v6], 1..5))
        .prop_map(|(not, prefixes)| Addresses::new(not, prefixes).unwrap())
}

/// The name of an interface.
fn interface() -> impl Strategy<Value = String> {
    prop_oneof![2 => "eth[01]", 1 => "[a-z\"\\\\é'#.,+*]{3,12}"]
}

/// What a rule matches.
pub(super) fn matching() -> impl Strategy<Value = Match> {
    let what = prop_oneof![
        1 => (0..BUILT_IN.len()).prop_map(|n| What::Service(BUILT_IN[n].0.clone())),
        4 => term().prop_map(What::Term),
    ];
    let addresses = || prop::option::weighted(0.4, addresses());
    (what, addresses(), addresses(), prop::option::weighted(0.3, interface())).prop_map(
        |(what, from, to, on)| {
            // Parts that don't go together are left out.
            let tries = [(from.clone(), to.clone()), (from, None), (None, to), (None, None)];
            let matching =
                tries.into_iter().find_map(|(from, to)| Match::new(what.clone(), from, to, on.clone()).ok());
            matching.expect("what is left goes together")
        },
    )
}

/// What a rule matches that names at most a protocol and its ports.
pub(super) fn plain_matching() -> impl Strategy<Value = Match> {
    let services = BUILT_IN.iter().filter(|(service, _)| service.terms().iter().all(is_plain));
    let services: Vec<_> = services.map(|(service, _)| service.clone()).collect();
    prop_oneof![
        1 => prop::sample::select(services).prop_map(Match::service),
        4 => plain_term().prop_map(|term| Match::new(What::Term(term), None, None, None).unwrap()),
    ]
}

fn is_plain(term: &Term) -> bool {
    let Term { family, protocol: _, ports: _, source_ports, icmp, flags } = term;
    family.is_none() && source_ports.is_none() && icmp.is_none() && flags.is_none()
}

/// One of the actions.
pub(super) fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(Action::ALL.to_vec())
}

/// What is told.
fn answer() -> impl Strategy<Value = Answer> {
    prop::sample::select(Answer::ALL.to_vec())
}

/// How often a rule matches.
fn limit() -> impl Strategy<Value = Limit> {
    let unit = prop::sample::select(vec![Unit::Second, Unit::Minute, Unit::Hour]);
    (1..=MAX_PACKETS, unit, prop_oneof![Just(BURST), 1..=MAX_PACKETS], prop::bool::ANY)
        .prop_map(|(packets, per, burst, per_source)| Limit { packets, per, burst, per_source })
        .prop_map(|limit| Limit { burst: u64::from(limit.burst).min(limit.longest()) as u32, ..limit })
}

/// A rule.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let comment = "[ -~é\u{202e}😀]{1,20}";
    let options = (
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, limit()),
        prop::option::weighted(0.2, comment),
    );
    (action(), answer(), matching(), options).prop_map(|(action, answer, matching, (log, limit, comment))| {
        let is_tcp = matching.terms().iter().all(|term| term.protocol == Some(Protocol::TCP));
        let fits = action == Action::Reject && (answer != Answer::TcpReset || is_tcp);
        let answer = if fits { answer } else { Answer::default() };
        Rule { action, answer, matching, log, limit, comment }
    })
}
