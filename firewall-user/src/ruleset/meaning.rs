//! What rules mean: tried one by one on one packet, as they are written. Everything that looks rules up faster must agree.

use std::net::IpAddr;

use firewall_common::packet::Family;

use super::{Field, Match, Protocol, Rule, Term};

/// What rules ask about a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes to: an address of the same IP version.
    pub destination: IpAddr,
    /// What it carries.
    pub protocol: Protocol,
    /// What the header of that says.
    pub transport: Transport,
    /// The name of the interface that it came in on.
    pub interface: String,
}

/// What a transport header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// One with ports.
    Ports {
        /// The source port, host byte order.
        source: u16,
        /// The destination port, host byte order.
        destination: u16,
        /// The flags, if it's TCP: byte 13 of its header.
        flags: Option<u8>,
    },
    /// An ICMP or ICMPv6 message.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// Nothing that rules ask about.
    Other,
}

impl Packet {
    /// Its IP version.
    pub const fn family(&self) -> Family {
        match self.destination {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// The place of the first rule that matches a packet. No limit is used up.
pub fn first_match(rules: &[Rule], packet: &Packet) -> Option<usize> {
    rules.iter().position(|rule| rule.matching.includes(packet))
}

impl Match {
    /// Whether a packet is meant.
    pub fn includes(&self, packet: &Packet) -> bool {
        self.includes_but_for(None, packet)
    }

    /// Whether a packet is meant if one of its fields may be anything.
    pub fn includes_but_for(&self, field: Option<Field>, packet: &Packet) -> bool {
        let asked = |own| field != Some(own);
        let from = self.from().filter(|_| asked(Field::Source));
        let to = self.to().filter(|_| asked(Field::Destination));
        let interface = self.interface().filter(|_| asked(Field::Interface));
        self.terms().iter().any(|term| term.includes_but_for(field, packet))
            && from.is_none_or(|addresses| addresses.contain(packet.source))
            && to.is_none_or(|addresses| addresses.contain(packet.destination))
            && interface.is_none_or(|name| name == packet.interface)
    }
}

impl Term {
    /// Whether a packet is of this kind.
    pub fn includes(&self, packet: &Packet) -> bool {
        self.includes_but_for(None, packet)
    }

    /// Whether a packet is of this kind if one of its fields may be anything.
    pub fn includes_but_for(&self, field: Option<Field>, packet: &Packet) -> bool {
        let Self { family, protocol, ports, source_ports, icmp, flags } = self;
        let asked = |own| field != Some(own);
        let (family, protocol) =
            (family.filter(|_| asked(Field::Family)), protocol.filter(|_| asked(Field::Protocol)));
        let ports = ports.as_ref().filter(|_| asked(Field::Port));
        let source_ports = source_ports.as_ref().filter(|_| asked(Field::SourcePort));
        let (icmp, flags) =
            (icmp.as_ref().filter(|_| asked(Field::Icmp)), flags.filter(|_| asked(Field::Flags)));
        let transport = match packet.transport {
            Transport::Ports { source, destination, flags: set } => {
                icmp.is_none()
                    && ports.is_none_or(|ports| ports.contains(destination))
                    && source_ports.is_none_or(|ports| ports.contains(source))
                    && flags.is_none_or(|flags| set.is_some_and(|set| flags.fit(set)))
            }
            Transport::Icmp { kind, code } => {
                let fits = |types: &super::icmp::IcmpTypes| {
                    types.types().iter().any(|of| of.kind == kind && of.code.is_none_or(|own| own == code))
                };
                ports.is_none() && source_ports.is_none() && flags.is_none() && icmp.is_none_or(fits)
            }
            Transport::Other => {
                ports.is_none() && source_ports.is_none() && icmp.is_none() && flags.is_none()
            }
        };
        transport
            && family.is_none_or(|family| family == packet.family())
            && protocol.is_none_or(|protocol| protocol == packet.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{Addresses, PortRange, Ports, What, tcp_flags::TcpFlags};
    use firewall_common::rules::Action;

    fn packet(source: &str, destination: &str) -> Packet {
        Packet {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: Protocol::TCP,
            transport: Transport::Ports { source: 40000, destination: 22, flags: Some(0x02) },
            interface: "eth0".to_owned(),
        }
    }

    fn rule(term: Term, from: Option<Addresses>, on: Option<&str>) -> Rule {
        let matching = Match::new(What::Term(term), from, None, on.map(str::to_owned)).unwrap();
        Rule::new(Action::Allow, matching)
    }

    fn addresses(not: bool, prefixes: &[&str]) -> Option<Addresses> {
        Addresses::new(not, prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect())
    }

    #[test]
    fn each_part_of_a_rule_counts() {
        let ssh = || Term::ports(Protocol::TCP, Ports::new(vec![PortRange::new(22, 22).unwrap()]).unwrap());
        let packet = packet("192.0.2.7", "198.51.100.1");
        let syn = |flags| Term { flags: TcpFlags::new(flags, 0x17), ..ssh() };
        for (rule, matches) in [
            (rule(ssh(), None, None), true),
            (rule(Term { family: Some(Family::V6), ..ssh() }, None, None), false),
            (rule(Term::protocol(Protocol::UDP), None, None), false),
            (rule(syn(0x02), None, None), true),
            (rule(syn(0x10), None, None), false),
            (rule(Term { source_ports: ssh().ports, ..ssh() }, None, None), false),
            (rule(ssh(), addresses(false, &["192.0.2.0/29"]), None), true),
            (rule(ssh(), addresses(true, &["192.0.2.0/29"]), None), false),
            (rule(ssh(), addresses(true, &["192.0.2.8/29"]), None), true),
            // "Not there" is said of packets of the same IP version.
            (rule(ssh(), addresses(true, &["2001:db8::/32"]), None), false),
            (rule(ssh(), None, Some("eth0")), true),
            (rule(ssh(), None, Some("eth1")), false),
        ] {
            assert_eq!(rule.matching.includes(&packet), matches, "{rule}");
        }
    }

    #[test]
    fn the_first_match_is_found() {
        let rules = [
            rule(Term::protocol(Protocol::UDP), None, None),
            rule(Term::default(), addresses(false, &["2001:db8::/32"]), None),
            rule(Term::default(), None, None),
        ];
        assert_eq!(first_match(&rules, &packet("192.0.2.1", "192.0.2.2")), Some(2));
        assert_eq!(first_match(&rules, &packet("2001:db8::1", "2001:db8::2")), Some(1));
        assert_eq!(first_match(&rules[..1], &packet("192.0.2.1", "192.0.2.2")), None);
    }
}
