//! Shadows that are there, and those that aren't.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::ruleset::{Match, Names, strategies};

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| Rule::parse(text, &Names::parse("", "")).unwrap()).collect()
}

/// Asserts which rules never match, by number, and what matches in their stead.
#[track_caller]
fn check(texts: &[&str], wanted: &[(usize, &[usize])]) {
    let found: Vec<_> = shadows(&rules(texts)).into_iter().map(|shadow| (shadow.number, shadow.by)).collect();
    let wanted: Vec<_> = wanted.iter().map(|&(number, by)| (number, by.to_vec())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn several_rules_can_shadow_one_together() {
    check(
        &["deny udp 500", "allow tcp 4500", "allow udp 4000-5000", "allow esp", "deny @ike", "allow udp"],
        &[(5, &[1, 3, 4])],
    );
    check(
        &["deny ip4 udp", "allow ip6 udp 53", "allow udp 53", "deny ip6 udp", "allow udp"],
        &[(3, &[1, 2]), (5, &[1, 2, 4])],
    );
    check(&["deny icmp 3/0", "deny icmp 4", "allow icmp 3,4", "allow icmp", "deny icmp 3/4"], &[(5, &[3])]);
}

#[test]
fn a_service_takes_all_its_kinds_of_packets() {
    check(&["deny udp 500", "allow @ike", "deny esp"], &[(3, &[2])]);
    check(&["allow @ike", "deny @ike from ::1", "deny esp on eth0"], &[(2, &[1]), (3, &[1])]);
}

#[test]
fn a_rule_that_a_single_port_is_left_to_is_not_shadowed() {
    check(&["allow udp 1-65534", "allow udp"], &[]);
    // A header may bear port 0, although no rule can name it.
    check(&["allow udp 1-65535", "deny udp"], &[]);
    check(&["allow udp", "deny udp 1-65535"], &[(2, &[1])]);
    check(&["allow esp", "deny ah", "deny esp"], &[(3, &[1])]);
}

#[test]
fn everything_shadows_everything() {
    check(
        &["allow udp", "deny any", "allow @ssh from ::1 on eth0 limit 1/s", "deny any"],
        &[(3, &[2]), (4, &[1, 2])],
    );
    check(&["deny ip4", "deny ip6", "allow any to 192.0.2.1", "allow esp"], &[(3, &[1]), (4, &[1, 2])]);
    check(&["allow any on eth0", "deny any", "allow any on eth1"], &[(3, &[2])]);
}

#[test]
fn what_is_covered_field_by_field_is_shadowed() {
    check(&["allow tcp 22 from 192.0.2.0/24", "deny tcp 22 syn from 192.0.2.7 on eth0"], &[(2, &[1])]);
    check(&["allow @ike from 2001:db8::/32", "deny @ike from 2001:db8::1", "deny @ike"], &[(2, &[1])]);
    check(
        &["deny udp from not 192.0.2.1", "allow udp 53 from 192.0.2.2", "allow udp 53 from 192.0.2.0/24"],
        &[(2, &[1])],
    );
    // One term is covered by one rule, one by another.
    check(&["allow tcp 53 on eth0", "allow udp on eth0", "deny @dns on eth0"], &[(3, &[1, 2])]);
}

#[test]
fn a_limit_lets_packets_through_to_the_rules_after_it() {
    check(&["allow udp 53 limit 10/s", "deny udp 53"], &[]);
    check(&["allow udp from ::1 limit 10/s", "deny udp from ::1"], &[]);
    check(&["allow udp 53", "deny udp 53 limit 10/s"], &[(2, &[1])]);
}

#[test]
fn parts_of_addresses_shadow_nothing() {
    check(&["allow udp from 192.0.2.0/25", "deny udp from 192.0.2.0/24"], &[]);
    check(&["allow udp 53 from ::1", "deny udp 53"], &[]);
    check(&["allow tcp syn", "deny tcp 22"], &[]);
    check(&["allow udp 53 from port 53", "deny udp 53"], &[]);
}

/// A packet, as rules see it.
#[derive(Clone, Debug)]
struct Packet {
    from: IpAddr,
    to: IpAddr,
    on: String,
    protocol: u8,
    /// The source port.
    source: u16,
    /// The destination port, or type and code.
    number: u16,
    flags: u8,
}

fn matches(matching: &Match, packet: &Packet) -> bool {
    let term = |term: &Term| {
        let v4 = |family| family == Family::V4;
        let in_ports = |ports: Option<&crate::ruleset::Ports>, port| {
            ports.is_none_or(|ports| ports.ranges().iter().any(|range| range.contains(port)))
        };
        let [kind, code] = packet.number.to_be_bytes();
        term.family.is_none_or(|family| v4(family) == packet.from.is_ipv4())
            && term.protocol.is_none_or(|Protocol(number)| number == packet.protocol)
            && in_ports(term.ports.as_ref(), packet.number)
            && in_ports(term.source_ports.as_ref(), packet.source)
            && term.icmp.as_ref().is_none_or(|types| {
                types.types().iter().any(|t| t.kind == kind && t.code.is_none_or(|wanted| wanted == code))
            })
            && term.flags.is_none_or(|flags| flags.fit(packet.flags))
    };
    matching.terms().iter().any(term)
        && matching.from().is_none_or(|from| from.contain(packet.from))
        && matching.to().is_none_or(|to| to.contain(packet.to))
        && matching.interface().is_none_or(|name| name == packet.on)
}

/// Every number at which some rule may begin or stop to match.
fn edges(rules: &[Rule]) -> Vec<u16> {
    let terms = rules.iter().flat_map(|rule| rule.matching.terms());
    let edges = terms.flat_map(numbers).flat_map(|range| {
        [range.first(), range.first().wrapping_sub(1), range.last(), range.last().wrapping_add(1)]
    });
    let mut edges: Vec<u16> = edges.chain([0]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn protocols(rules: &[Rule]) -> BTreeSet<u8> {
    let named = rules.iter().flat_map(|rule| rule.matching.terms()).filter_map(|term| term.protocol);
    named.map(|Protocol(number)| number).chain([253]).collect()
}

/// The first and the last address of every prefix, those beside it, and others.
fn addresses(rules: &[Rule]) -> Vec<IpAddr> {
    let named = rules.iter().flat_map(|rule| [rule.matching.from(), rule.matching.to()]).flatten();
    let edges = named.flat_map(|addresses| addresses.prefixes()).flat_map(|prefix| {
        let (first, last) = (prefix.network(), prefix.broadcast());
        [Some(first), Some(last), beside(first, false), beside(last, true)]
    });
    let others = ["203.0.113.9", "3fff::9"].map(|address| address.parse().ok());
    edges.chain(others).flatten().collect()
}

/// The address before or after another.
fn beside(address: IpAddr, after: bool) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            let bits = if after { bits.checked_add(1) } else { bits.checked_sub(1) };
            std::net::Ipv4Addr::from_bits(bits?).into()
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let bits = if after { bits.checked_add(1) } else { bits.checked_sub(1) };
            std::net::Ipv6Addr::from_bits(bits?).into()
        }
    })
}

/// Rules that name only a family, a protocol, destination ports and types.
fn plain() -> impl Strategy<Value = Rule> {
    strategies::rule().prop_filter("names more", is_plain)
}

/// Rules that name little, so that they cover each other.
fn wide() -> impl Strategy<Value = Rule> {
    prop_oneof![2 => strategies::rule(), 1 => (strategies::action(), strategies::plain_matching(), strategies::matching())
    .prop_map(|(action, plain, other)| {
        let (from, to) = (other.from().cloned(), other.to().cloned());
        let on = other.interface().map(str::to_owned);
        let what = plain.what().clone();
        Rule::new(action, Match::new(what, from, to, on).unwrap_or(plain))
    })]
}

proptest! {
    #[test]
    fn what_is_found_of_all_rules_is_what_is_found_of_each(rules in prop::collection::vec(wide(), 0..20)) {
        let wanted: Vec<Shadow> = (0..rules.len())
            .filter_map(|n| shadowed_by(&rules[..n], &rules[n]).map(|by| Shadow { number: n + 1, by }))
            .collect();
        prop_assert_eq!(shadows(&rules), wanted);
    }

    #[test]
    fn of_plain_rules_a_shadow_is_told_if_and_only_if_it_is_one(rules in prop::collection::vec(plain(), 0..12)) {
        let (edges, protocols) = (edges(&rules), protocols(&rules));
        let mut reached = BTreeSet::new();
        for from in ["192.0.2.1", "2001:db8::1"].map(|address| address.parse().unwrap()) {
            for &protocol in &protocols {
                for &number in &edges {
                    let packet = Packet { from, to: from, on: String::new(), protocol, source: 0, number, flags: 0 };
                    reached.extend(rules.iter().position(|rule| matches(&rule.matching, &packet)));
                }
            }
        }
        let wanted: Vec<usize> = (0..rules.len()).filter(|index| !reached.contains(index)).map(|index| index + 1).collect();
        let found: Vec<usize> = shadows(&rules).into_iter().map(|shadow| shadow.number).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn no_packet_reaches_a_shadowed_rule(
        rules in prop::collection::vec(wide(), 2..16),
        seeds in prop::collection::vec(any::<(u16, u16, u16, u16, u16, u8)>(), 300),
    ) {
        let shadowed = shadows(&rules);
        let (edges, addresses) = (edges(&rules), addresses(&rules));
        let protocols: Vec<u8> = protocols(&rules).into_iter().collect();
        let pick = |seed: u16, length: usize| usize::from(seed) % length;
        for (a, b, c, d, e, flags) in seeds {
            let packet = Packet {
                from: addresses[pick(a, addresses.len())],
                to: addresses[pick(b, addresses.len())],
                on: format!("eth{}", c % 3),
                protocol: protocols[pick(c / 3, protocols.len())],
                source: edges[pick(d, edges.len())],
                number: edges[pick(e, edges.len())],
                flags,
            };
            if packet.from.is_ipv4() != packet.to.is_ipv4() {
                continue;
            }
            let reaches = |number: usize| {
                let before = rules[..number].iter().filter(|rule| rule.limit.is_none());
                !before.clone().any(|rule| matches(&rule.matching, &packet))
            };
            for Shadow { number, by } in &shadowed {
                if matches(&rules[number - 1].matching, &packet) {
                    prop_assert!(!reaches(number - 1), "{} by {by:?}: {packet:?}", rules[number - 1]);
                    let in_stead = by.iter().any(|by| matches(&rules[by - 1].matching, &packet));
                    prop_assert!(in_stead, "{} by {by:?}: {packet:?}", rules[number - 1]);
                }
            }
        }
    }
}
