//! What the head of a packet says.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use firewall_common::{
    fragment::Fragment,
    packet::{
        Bytes, Ip, Wire, ethernet,
        ipv4::{self, ADDRESSES},
        ipv6,
        transport::{self, Kind},
    },
};
use serde::Serialize;

use crate::{observe::explain::FragmentPlace, ruleset::Protocol};

/// An IP packet: what its head says of it. What isn't there, or is malformed, is left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Packet {
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address.
    pub destination: IpAddr,
    /// The number of the protocol that it carries. Of a trailing fragment it's only what its own header says.
    pub protocol: Option<u8>,
    /// Its source port.
    pub source_port: Option<u16>,
    /// Its destination port.
    pub destination_port: Option<u16>,
    /// Its ICMP type …
    pub icmp_type: Option<u8>,
    /// … and code.
    pub icmp_code: Option<u8>,
    /// Its place in a fragmented datagram, if it's a fragment.
    pub fragment: Option<FragmentPlace>,
}

/// The first bytes of a frame that was longer.
struct Head<'h> {
    bytes: &'h [u8],
    length: usize,
}

impl Bytes for Head<'_> {
    fn len(&self) -> usize {
        self.length.max(self.bytes.len())
    }

    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        self.bytes.read(offset)
    }
}

impl Packet {
    /// The IP packet in the first bytes of a frame of that length; `None` if there's none, or its addresses aren't among them.
    pub fn read(bytes: &[u8], length: usize) -> Option<Self> {
        let head = Head { bytes, length };
        let ethernet = ethernet::parse(&head).ok()?;
        let (source, destination, ip) = match ethernet.ethertype {
            ethernet::IPV4 => {
                let addresses: [[u8; 4]; 2] = head.read(ethernet.payload + ADDRESSES)?;
                let [source, destination] = addresses.map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
                (source, destination, ipv4::parse(&head, &ethernet))
            }
            ethernet::IPV6 => {
                let addresses: [[u8; 16]; 2] = head.read(ethernet.payload + ipv6::ADDRESSES)?;
                let [source, destination] = addresses.map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
                (source, destination, ipv6::parse(&head, &ethernet))
            }
            _ => return None,
        };
        let packet = Self {
            source,
            destination,
            protocol: None,
            source_port: None,
            destination_port: None,
            icmp_type: None,
            icmp_code: None,
            fragment: None,
        };
        Some(ip.map_or(packet, |ip| packet.with(&head, &ip)))
    }

    /// With what its headers say, which are sound.
    fn with(self, head: &Head<'_>, ip: &Ip) -> Self {
        let is_fragment = ip.fragment.is_fragment();
        let Fragment { id, offset, more, .. } = ip.fragment;
        let packet = Self {
            protocol: Some(ip.protocol),
            fragment: is_fragment.then_some(FragmentPlace { id, offset, more }),
            ..self
        };
        let transport = ip.transport;
        match transport.kind {
            Kind::Ports => Self {
                source_port: transport::source_port(head, ip.payload),
                destination_port: Some(transport.number),
                ..packet
            },
            Kind::Icmp => Self {
                icmp_type: Some(transport.icmp_type()),
                icmp_code: Some(transport.icmp_code()),
                ..packet
            },
            Kind::Opaque => packet,
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            destination,
            protocol,
            source_port,
            destination_port,
            icmp_type,
            icmp_code,
            fragment,
        } = self;
        if let Some(protocol) = protocol {
            write!(f, "{} ", Protocol(*protocol))?;
        }
        match (source_port, destination_port) {
            (Some(from), Some(to)) => {
                write!(
                    f,
                    "{} > {}",
                    std::net::SocketAddr::new(*source, *from),
                    std::net::SocketAddr::new(*destination, *to)
                )?;
            }
            _ => write!(f, "{source} > {destination}")?,
        }
        if let (Some(kind), Some(code)) = (icmp_type, icmp_code) {
            write!(f, " type {kind} code {code}")?;
        }
        if let Some(FragmentPlace { id, offset, more }) = fragment {
            write!(f, " id {id:#010x} offset {offset}{}", if *more { " more" } else { "" })?;
        }
        Ok(())
    }
}
