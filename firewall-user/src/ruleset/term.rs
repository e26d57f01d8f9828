//! What a packet's own headers must say.

use std::fmt;

use firewall_common::packet::Family;

use super::{PortRange, Ports, Protocol, family, icmp::IcmpTypes, tcp_flags::TcpFlags};

/// One kind of packet, by what its transport header says. What isn't named may be anything.
///
/// Its [`Display`](fmt::Display) form is its canonical text.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Term {
    /// The IP version.
    pub family: Option<Family>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// The destination ports; only with a protocol that has ports.
    pub ports: Option<Ports>,
    /// The source ports; only with a protocol that has ports.
    pub source_ports: Option<Ports>,
    /// The messages; only with ICMP or ICMPv6.
    pub icmp: Option<IcmpTypes>,
    /// The flags; only with TCP.
    pub flags: Option<TcpFlags>,
}

impl Term {
    /// Every packet of `protocol`.
    pub fn protocol(protocol: Protocol) -> Self {
        Self { protocol: Some(protocol), ..Self::default() }
    }

    /// The packets of `protocol` to any of `ports`.
    pub fn ports(protocol: Protocol, ports: Ports) -> Self {
        Self { ports: Some(ports), ..Self::protocol(protocol) }
    }

    /// The destination ports as ranges: all of them, where none is named.
    pub(super) fn spans(&self) -> &[PortRange] {
        self.ports.as_ref().map_or(&[PortRange::ALL], Ports::ranges)
    }

    /// Whether packets of that IP version can be of this kind. ICMP is IPv4's, and ICMPv6 is IPv6's.
    pub(super) fn is_of(&self, family: Family) -> bool {
        let own = match self.protocol {
            Some(Protocol::ICMP) => Some(Family::V4),
            Some(Protocol::ICMPV6) => Some(Family::V6),
            _ => None,
        };
        [self.family, own].into_iter().flatten().all(|named| named == family)
    }

    /// The term without its source ports, which a rule writes behind `from`.
    pub(super) fn head(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| {
            let Self { family, protocol, ports, source_ports: _, icmp, flags } = self;
            let parts = [
                family.map(|family| family::word(family).to_owned()),
                protocol.map(|protocol| protocol.to_string()),
                ports.as_ref().map(Ports::to_string),
                icmp.as_ref().zip(*protocol).map(|(types, protocol)| types.text(protocol)),
                flags.map(|flags| flags.to_string()),
            ];
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            f.write_str(if text.is_empty() { "any" } else { &text })
        })
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)?;
        self.source_ports.iter().try_for_each(|ports| write!(f, " from port {ports}"))
    }
}
