//! Packets as frames.

use std::net::IpAddr;

use firewall_common::packet::Family;
use fragwall::ruleset::{
    Protocol,
    meaning::{Packet, Transport},
};

use crate::harness::packet::{Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, pattern, random::Random};

/// How a packet comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// As it is.
    Whole,
    /// Behind headers that say nothing to rules: IPv4 options, IPv6 extension headers.
    Dressed,
    /// Behind a VLAN tag.
    Tagged,
    /// Behind a Fragment header that makes it no fragment (RFC 6946); an IPv4 packet comes as it is.
    Atomic,
    /// As a first fragment and a trailing one.
    Fragments,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Whole, Self::Dressed, Self::Tagged, Self::Atomic, Self::Fragments];
}

impl Shape {
    /// One of them that such a packet can come in: neighbour discovery behind a Fragment header is malformed, whatever the
    /// rules say (RFC 6980).
    pub fn pick(random: &mut Random, packet: &Packet, of: &[Self]) -> Self {
        let is_discovery = packet.family() == Family::V6
            && packet.protocol == Protocol::ICMPV6
            && matches!(packet.transport, Transport::Icmp { kind: 133..=137, .. });
        let shape = random.pick(of);
        let has_fragment_header = matches!(shape, Self::Atomic | Self::Fragments);
        if is_discovery && has_fragment_header { Self::Whole } else { shape }
    }
}

/// A packet to be judged.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What it says to the rules.
    pub packet: Packet,
    /// How it comes.
    pub shape: Shape,
    /// The identification of its fragments.
    pub id: u16,
    /// How many bytes are behind its transport header, at least.
    pub payload: usize,
}

/// Where datagrams are cut, in bytes: behind every transport header.
const CUT: usize = 64;

impl Probe {
    /// Its frames: one, or the first fragment and the trailing one.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let Packet { source, destination, .. } = &self.packet;
        let (source, destination) = (source.to_string(), destination.to_string());
        match self.packet.source {
            IpAddr::V4(_) => self.frames_of(ip4(&source, &destination)),
            IpAddr::V6(_) => self.frames_of(ip6(&source, &destination)),
        }
    }

    fn frames_of<I: Shaped>(&self, packet: I) -> Vec<Vec<u8>> {
        let id = self.id;
        match self.shape {
            Shape::Whole => vec![Ether::to(self.carried_by(packet)).frame()],
            Shape::Dressed => vec![Ether::to(self.carried_by(packet.dressed())).frame()],
            Shape::Tagged => vec![Ether::to(self.carried_by(packet)).tag(0x8100, 7).frame()],
            Shape::Atomic => vec![Ether::to(self.carried_by(packet.atomic(id))).frame()],
            Shape::Fragments => {
                let parts = self.carried_by(packet).cut(id);
                parts.into_iter().map(|part| Ether::to(part).frame()).collect()
            }
        }
    }

    /// The packet with the transport header and what is behind it.
    fn carried_by<I: Internet>(&self, packet: I) -> I {
        let room = if self.shape == Shape::Fragments { 2 * CUT } else { 0 };
        let payload = pattern(self.payload.max(room));
        match (self.packet.transport, self.packet.protocol) {
            (Transport::Icmp { kind, code }, Protocol::ICMP) => {
                packet.icmp(kind, code, &[&[0; 4], &payload[..]].concat())
            }
            (Transport::Icmp { kind, code }, _) => {
                packet.icmp6(kind, code, &[&[0; 4], &payload[..]].concat())
            }
            (Transport::Ports { source, destination, flags: Some(flags) }, _) => {
                packet.tcp(source, destination, flags, &payload)
            }
            (Transport::Ports { source, destination, .. }, Protocol::UDP) => {
                packet.udp(source, destination, &payload)
            }
            (Transport::Ports { source, destination, .. }, Protocol(protocol)) => {
                let ports = [source, destination].map(u16::to_be_bytes).concat();
                packet.raw(protocol, &[&ports, &[0; 12][..], &payload].concat())
            }
            (Transport::Other, Protocol(protocol)) => packet.raw(protocol, &payload),
        }
    }
}

/// What an IP packet may have around what it carries.
trait Shaped: Internet + Payload {
    fn dressed(self) -> Self;
    fn atomic(self, id: u16) -> Self;
    fn cut(&self, id: u16) -> Vec<Self>;
}

impl Shaped for Ip4 {
    fn dressed(self) -> Self {
        self.options(&[148, 4, 0, 0])
    }

    fn atomic(self, _: u16) -> Self {
        self
    }

    fn cut(&self, id: u16) -> Vec<Self> {
        self.fragments(id, &[CUT])
    }
}

impl Shaped for Ip6 {
    fn dressed(self) -> Self {
        self.hop_by_hop(8).dest_opts(16)
    }

    fn atomic(self, id: u16) -> Self {
        self.fragment(id.into(), 0, false)
    }

    fn cut(&self, id: u16) -> Vec<Self> {
        self.fragments(id.into(), &[CUT])
    }
}
