//! What the head of a packet says.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use firewall_common::{
    fragment::Fragment,
    packet::{
        Ip,
        transport::{self, Kind},
    },
};
use serde::Serialize;

use crate::{
    observe::{
        explain::FragmentPlace,
        headers::{Headers, Network},
    },
    ruleset::Protocol,
};

/// How many bytes of a transport header its ports take, or its type and code.
const PORTS: usize = 4;

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

impl Packet {
    /// The IP packet in the first bytes of a frame of that length; `None` if there's none, or its addresses aren't among them.
    pub fn read(head: &[u8], length: usize) -> Option<Self> {
        // Parsers ask for all that the lengths in headers say.
        let mut frame = head.to_vec();
        frame.resize(length.max(head.len()), 0);
        let Network { source, destination, parsed, .. } = Headers::read(&frame)?.network?;
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
        Some(parsed.map_or(packet, |ip| packet.with(head, &ip)))
    }

    /// With what its headers say, which are sound.
    fn with(self, head: &[u8], ip: &Ip) -> Self {
        let Fragment { id, offset, more, .. } = ip.fragment;
        let place = FragmentPlace { id, offset: offset as u16, more };
        let fragment = ip.fragment.is_fragment().then_some(place);
        let packet = Self { protocol: Some(ip.protocol), fragment, ..self };
        // What lies behind the head isn't known.
        let transport = if head.len() < ip.payload + PORTS { Kind::Opaque } else { ip.transport.kind };
        match transport {
            Kind::Ports => Self {
                source_port: transport::source_port(head, ip.payload),
                destination_port: Some(ip.transport.number),
                ..packet
            },
            Kind::Icmp => Self {
                icmp_type: Some(ip.transport.icmp_type()),
                icmp_code: Some(ip.transport.icmp_code()),
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
                write!(f, "{} > {}", SocketAddr::new(*source, *from), SocketAddr::new(*destination, *to))?;
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
