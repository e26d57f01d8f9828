//! Rules taken apart into what the tables can hold: each entry asks each field of a packet one question.

use firewall_common::packet::Family;
use ipnet::IpNet;

use super::tries::Prefix;
use crate::ruleset::{Addresses, Limit, Match, Ports, Protocol, Term, icmp::IcmpType, tcp_flags::TcpFlags};

/// Some of a rule's terms, which agree in all but their protocols and destination ports; and what else the rule asks for.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    /// The place of its rule in the ruleset.
    pub(super) rule: usize,
    pub(super) transports: Vec<Transport>,
    pub(super) source_ports: Option<&'a Ports>,
    pub(super) flags: Option<TcpFlags>,
    pub(super) matching: &'a Match,
    pub(super) limit: Option<Limit>,
}

/// A protocol and ports, of an IP version.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pub(super) family: Option<Family>,
    pub(super) protocol: Option<Protocol>,
    /// Destination ports, or types and codes of ICMP in place of them; first and last.
    pub(super) ports: Option<Vec<(u16, u16)>>,
}

impl Transport {
    fn of(term: &Term) -> Self {
        let Term { family, protocol, ports, icmp, source_ports: _, flags: _ } = term;
        let ports = match (ports, icmp) {
            (Some(ports), _) => {
                Some(ports.ranges().iter().map(|range| (range.first(), range.last())).collect())
            }
            (None, Some(types)) => Some(types.types().iter().map(icmp_range).collect()),
            (None, None) => None,
        };
        Self { family: *family, protocol: *protocol, ports }
    }

    /// Whether it is about packets of an IP version and protocol, if they have the right port.
    pub(super) fn is_about(&self, family: Family, protocol: Option<u8>) -> bool {
        self.family.is_none_or(|own| own == family) && self.protocol.is_none_or(|own| Some(own.0) == protocol)
    }
}

fn icmp_range(of: &IcmpType) -> (u16, u16) {
    let port = |code| firewall_common::packet::transport::icmp_port(of.kind, code);
    match of.code {
        Some(code) => (port(code), port(code)),
        None => (port(0), port(u8::MAX)),
    }
}

/// The entries of a rule.
pub(super) fn of<'a>(rule: usize, matching: &'a Match, limit: Option<Limit>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for term in matching.terms() {
        let source_ports = term.source_ports.as_ref();
        let own =
            entries.iter_mut().find(|entry| entry.source_ports == source_ports && entry.flags == term.flags);
        match own {
            Some(entry) => entry.transports.push(Transport::of(term)),
            None => entries.push(Entry {
                rule,
                transports: vec![Transport::of(term)],
                source_ports,
                flags: term.flags,
                matching,
                limit,
            }),
        }
    }
    entries
}

impl Entry<'_> {
    /// Whether protocol and destination port are all that it asks for.
    pub(super) fn is_plain(&self) -> bool {
        let Self { rule: _, transports: _, source_ports, flags, matching, limit } = self;
        source_ports.is_none()
            && flags.is_none()
            && limit.is_none()
            && matching.from().is_none()
            && matching.to().is_none()
            && matching.interface().is_none()
    }
}

/// The prefixes of an IP version among addresses.
pub(super) fn prefixes(addresses: &Addresses, family: Family) -> impl Iterator<Item = Prefix> {
    addresses.prefixes().iter().filter_map(move |prefix| match (family, prefix) {
        (Family::V4, IpNet::V4(prefix)) => Some(Prefix {
            bits: u128::from(prefix.addr().to_bits()) << 96,
            length: u32::from(prefix.prefix_len()),
        }),
        (Family::V6, IpNet::V6(prefix)) => {
            Some(Prefix { bits: prefix.addr().to_bits(), length: u32::from(prefix.prefix_len()) })
        }
        _ => None,
    })
}
