//! Rules that nearly matched a packet: those that differ from it in exactly one field.
//!
//! A rule does so if it doesn't mean the packet, and would if that field could be anything
//! ([`Match::includes_but_for`](crate::ruleset::Match::includes_but_for)).

use std::cmp::Reverse;

use serde::{Serialize, Serializer};

use crate::ruleset::{
    Addresses, Field, Match, Ports, Rule, Term,
    icmp::{IcmpType, IcmpTypes},
    meaning::{Packet, Transport},
    tcp_flags,
};

/// The most rules that are told.
pub const MOST: usize = 3;

/// A rule that would have matched a packet but for one field.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Near {
    /// Its number in the list, from 1.
    pub rule: usize,
    /// The field.
    #[serde(serialize_with = "name")]
    pub field: Field,
    /// What the packet says there.
    pub packet: String,
    /// What the rule asks for.
    pub wanted: String,
}

fn name<S: Serializer>(field: &Field, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(field.name())
}

/// A term of a rule, and the only field of a packet that isn't as it says.
struct Difference<'a> {
    index: usize,
    matching: &'a Match,
    term: &'a Term,
    field: Field,
    /// How many other fields the rule names, all of which are as it says.
    agreeing: usize,
}

/// The rules that nearly matched a packet, at most [`MOST`] of them: those come first that have more in common with it.
pub fn nearest(rules: &[Rule], packet: &Packet) -> Vec<Near> {
    let mut differences: Vec<_> = rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| difference(index, &rule.matching, packet))
        .collect();
    differences.sort_by_key(|difference| Reverse(difference.agreeing));
    differences.truncate(MOST);
    let near = |Difference { index, matching, term, field, .. }: Difference<'_>| Near {
        rule: index + 1,
        field,
        packet: said(field, packet),
        wanted: wanted(field, matching, term),
    };
    differences.into_iter().map(near).collect()
}

/// How rule number `index` differs from a packet, if it does so in one field; of several kinds of packets that it's about, the
/// kind that has most in common with the packet.
fn difference<'a>(index: usize, matching: &'a Match, packet: &Packet) -> Option<Difference<'a>> {
    if matching.includes(packet) {
        return None;
    }
    let of_term = |term: &'a Term| {
        let named = Field::ALL.into_iter().filter(move |&field| names(field, matching, term));
        let is_only = |&field: &Field| {
            matching.includes_but_for(Some(field), packet) && term.includes_but_for(Some(field), packet)
        };
        let field = named.clone().find(is_only)?;
        Some(Difference { index, matching, term, field, agreeing: named.count() - 1 })
    };
    // Of those that have as much in common the last one is taken: it's turned round so that it's the first.
    matching.terms().iter().rev().filter_map(of_term).max_by_key(|difference| difference.agreeing)
}

/// Whether a rule says something of a field, for packets of the kind `term`.
fn names(field: Field, matching: &Match, term: &Term) -> bool {
    match field {
        Field::Family => term.family.is_some(),
        Field::Protocol => term.protocol.is_some(),
        Field::Port => term.ports.is_some(),
        Field::SourcePort => term.source_ports.is_some(),
        Field::Icmp => term.icmp.is_some(),
        Field::Flags => term.flags.is_some(),
        Field::Source => matching.from().is_some(),
        Field::Destination => matching.to().is_some(),
        Field::Interface => matching.interface().is_some(),
    }
}

/// What a rule asks of a field that it names, as rules are written.
fn wanted(field: Field, matching: &Match, term: &Term) -> String {
    let text = match field {
        Field::Family => term.family.map(|family| family.name().to_owned()),
        Field::Protocol => term.protocol.map(|protocol| protocol.to_string()),
        Field::Port => term.ports.as_ref().map(Ports::to_string),
        Field::SourcePort => term.source_ports.as_ref().map(Ports::to_string),
        Field::Icmp => term.icmp.as_ref().zip(term.protocol).map(|(types, of)| types.text(of)),
        Field::Flags => term.flags.map(|flags| flags.to_string()),
        Field::Source => matching.from().map(Addresses::to_string),
        Field::Destination => matching.to().map(Addresses::to_string),
        Field::Interface => matching.interface().map(str::to_owned),
    };
    text.unwrap_or_default()
}

/// What a packet says there; `none` if it has no such field.
fn said(field: Field, packet: &Packet) -> String {
    let none = || "none".to_owned();
    match (field, packet.transport) {
        (Field::Family, _) => packet.family().name().to_owned(),
        (Field::Protocol, _) => packet.protocol.to_string(),
        (Field::Port, Transport::Ports { destination, .. }) => destination.to_string(),
        (Field::SourcePort, Transport::Ports { source, .. }) => source.to_string(),
        (Field::Icmp, Transport::Icmp { kind, code }) => message(packet, kind, code),
        (Field::Flags, Transport::Ports { flags: Some(flags), .. }) => tcp_flags::list(flags),
        (Field::Source, _) => packet.source.to_string(),
        (Field::Destination, _) => packet.destination.to_string(),
        (Field::Interface, _) if !packet.interface.is_empty() => packet.interface.clone(),
        _ => none(),
    }
}

/// An ICMP message as rules name it.
pub(super) fn message(packet: &Packet, kind: u8, code: u8) -> String {
    let types = IcmpTypes::new(vec![IcmpType { kind, code: Some(code) }]);
    types.map_or_else(String::new, |types| types.text(packet.protocol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{Names, Protocol};

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::parse(text, &Names::parse("", "")).unwrap()).collect()
    }

    fn udp(source: &str, destination: &str, port: u16) -> Packet {
        Packet {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: Protocol::UDP,
            transport: Transport::Ports { source: 4500, destination: port, flags: None },
            interface: "eth0".to_owned(),
        }
    }

    /// The rules that nearly matched a datagram to port 501, each as a line.
    fn told(texts: &[&str]) -> Vec<String> {
        let near = nearest(&rules(texts), &udp("192.0.2.1", "192.0.2.2", 501));
        let line =
            |Near { rule, field, packet, wanted }: Near| format!("{rule} {} {packet} {wanted}", field.name());
        near.into_iter().map(line).collect()
    }

    #[test]
    fn each_field_can_be_the_one() {
        for (rule, expected) in [
            ("allow udp 500", "1 destination-port 501 500"),
            ("allow tcp 501", "1 protocol udp tcp"),
            ("allow ip6 udp 501", "1 ip-version IPv4 IPv6"),
            ("allow udp 501 from port 53", "1 source-port 4500 53"),
            ("allow udp from 198.51.100.0/24", "1 source 192.0.2.1 198.51.100.0/24"),
            ("allow udp from not 192.0.2.0/24", "1 source 192.0.2.1 not 192.0.2.0/24"),
            ("allow udp to 198.51.100.1", "1 destination 192.0.2.2 198.51.100.1"),
            ("allow udp 501 on wan0", "1 interface eth0 wan0"),
            ("allow @ike", "1 destination-port 501 500,4500"),
        ] {
            assert_eq!(told(&[rule]), [expected], "{rule}");
        }
    }

    #[test]
    fn what_matches_or_differs_in_more_is_not_told() {
        for rule in
            ["allow udp 501", "allow any", "allow tcp 500", "allow udp 500 on wan0", "allow tcp 501 syn"]
        {
            assert_eq!(told(&[rule]), [""; 0], "{rule}");
        }
    }

    #[test]
    fn messages_and_flags_are_told_by_name() {
        let echo = Packet {
            protocol: Protocol::ICMP,
            transport: Transport::Icmp { kind: 8, code: 0 },
            ..udp("192.0.2.1", "192.0.2.2", 0)
        };
        let [near] = &nearest(&rules(&["allow icmp echo-reply"]), &echo)[..] else { panic!("one is near") };
        assert_eq!((&*near.packet, &*near.wanted), ("echo-request/0", "echo-reply"));
        let ack = Packet {
            protocol: Protocol::TCP,
            transport: Transport::Ports { source: 1, destination: 22, flags: Some(0x12) },
            ..udp("192.0.2.1", "192.0.2.2", 0)
        };
        let [near] = &nearest(&rules(&["allow tcp 22 syn"]), &ack)[..] else { panic!("one is near") };
        assert_eq!((&*near.packet, &*near.wanted), ("syn,ack", "syn"));
    }

    #[test]
    fn those_with_most_in_common_come_first() {
        let told = told(&["allow esp", "allow tcp", "allow udp 1", "allow udp 2 on eth0", "allow ah"]);
        assert_eq!(told, ["4 destination-port 501 2", "3 destination-port 501 1", "1 protocol udp esp"]);
    }
}
