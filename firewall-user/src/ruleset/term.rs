//! What a packet's own headers must say.

use firewall_common::packet::Family;

use super::{Ports, Protocol, icmp::IcmpTypes, tcp_flags::TcpFlags};

/// One kind of packet, by what its transport header says. What isn't named may be anything.
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
}
