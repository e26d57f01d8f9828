//! Random packets made of what the rules name: addresses and ports on their edges and beside them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use firewall_common::packet::Family;
use firewall_tests::harness::{
    packet::random::Random,
    ruleset::{Crowd, Probe, Shape, packet},
};
use fragwall::ruleset::{
    Protocol, Rule,
    meaning::{Packet, Transport},
};
use ipnet::IpNet;

use super::oracle::INTERFACES;

/// A packet that was sent.
pub(crate) struct Sent {
    pub(crate) packet: Packet,
    pub(crate) interface: &'static str,
    pub(crate) frame: Vec<u8>,
    /// The IP packet's length in bytes, which no other packet has.
    pub(crate) length: u64,
}

/// What packets are made of.
pub(crate) struct Pool<'r> {
    addresses: Vec<IpAddr>,
    ports: Vec<u16>,
    interfaces: Vec<&'static str>,
    rules: &'r [Rule],
    /// Whether connections are tracked, for which some packets are no first ones.
    tracks: bool,
    families: Vec<Family>,
}

/// Behind Ethernet's header is the IP packet.
const ETHERNET: usize = 14;
/// SYN alone.
const SYN: u8 = 0x02;
/// Flags of TCP that rules ask for together.
const FLAGS: [u8; 10] = [SYN, 0x10, 0x12, 0x18, 0x11, 0x14, 0x00, 0x03, 0x06, 0x29];

impl<'r> Pool<'r> {
    /// What some files name, and the rules that were made of them.
    pub(crate) fn new(files: &[(String, String)], rules: &'r [Rule]) -> Self {
        let text: String = files.iter().map(|(_, text)| text.as_str()).collect();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '/');
        let mut addresses =
            BTreeSet::from([IpAddr::from([198, 18, 0, 9]), "2001:db8:ffff::9".parse().unwrap()]);
        let mut ports = BTreeSet::from([22, 53, 500, 1024, 40_000]);
        for word in text.split(|c| !is_part(c)) {
            if let Ok(prefix) = word.parse::<IpNet>() {
                addresses.extend([prefix.network(), prefix.broadcast(), above(prefix.broadcast())]);
            }
            if let Ok(address) = word.parse::<IpAddr>() {
                addresses.extend([address, above(address)]);
            }
            for number in word.split(':').filter_map(|number| number.parse::<u16>().ok()) {
                ports.extend([number, number.wrapping_add(1), number.wrapping_sub(1)]);
            }
        }
        let named = INTERFACES.into_iter().filter(|name| text.contains(name));
        let interfaces = named.chain(["eth0"]).collect();
        let is_of = |v4: &str, v6: &str| files.iter().any(|(name, text)| name == v4 || text.contains(v6));
        let mut families = Vec::new();
        if is_of("rules.v4", "inet ")
            || is_of("rules", "table ip ")
            || text.contains("\"inet\"")
            || text.contains("netdev")
        {
            families.push(Family::V4);
        }
        if is_of("rules.v6", "inet ")
            || is_of("rules", "table ip6 ")
            || text.contains("\"inet\"")
            || text.contains("\"ip6\"")
        {
            families.push(Family::V6);
        }
        Self {
            addresses: addresses.into_iter().filter(|&address| is_unicast(address)).collect(),
            ports: ports.into_iter().collect(),
            interfaces,
            rules,
            tracks: ["state", "\"ct\"", "ct "].iter().any(|word| text.contains(word)),
            families,
        }
    }

    /// The packet of a number, from which its length follows.
    pub(crate) fn packet(&self, random: &mut Random, number: usize) -> Sent {
        let interface = random.pick(&self.interfaces);
        loop {
            let packet = if random.chance(50) && !self.rules.is_empty() {
                let crowd = Crowd::new(random, self.rules.len());
                packet(random, &crowd, self.rules, interface)
            } else {
                self.any(random, interface)
            };
            let packet = Packet { interface: interface.to_owned(), ..packet };
            if self.is_fit(&packet) {
                let probe =
                    Probe { packet: packet.clone(), shape: Shape::Whole, id: number as u16, payload: 0 };
                let headers = probe.frames()[0].len() - ETHERNET;
                // From the longest headers on, each length once.
                let length = 120 + number;
                let probe = Probe { payload: length - headers, ..probe };
                let frame = probe.frames().remove(0);
                let length = (frame.len() - ETHERNET) as u64;
                return Sent { packet, interface, frame, length };
            }
        }
    }

    fn any(&self, random: &mut Random, interface: &str) -> Packet {
        let family = random.pick(&self.families);
        let own: Vec<IpAddr> = self
            .addresses
            .iter()
            .copied()
            .filter(|address| address.is_ipv4() == (family == Family::V4))
            .collect();
        let icmp = if family == Family::V4 { Protocol::ICMP } else { Protocol::ICMPV6 };
        let protocols = [
            Protocol::TCP,
            Protocol::TCP,
            Protocol::TCP,
            Protocol::UDP,
            Protocol::UDP,
            icmp,
            Protocol(50),
            Protocol(89),
        ];
        let protocol = random.pick(&protocols);
        let transport = if protocol.has_ports() {
            let port = |random: &mut Random| {
                if random.chance(15) { random.bits() as u16 } else { random.pick(&self.ports) }
            };
            Transport::Ports {
                source: if random.chance(50) { 32_768 + random.below(28_000) as u16 } else { port(random) },
                destination: port(random),
                flags: (protocol == Protocol::TCP).then(|| random.pick(&FLAGS)),
            }
        } else if protocol.has_types() {
            let echo = if family == Family::V4 { 8 } else { 128 };
            Transport::Icmp { kind: if random.chance(50) { echo } else { random.bits() as u8 }, code: 0 }
        } else {
            Transport::Other
        };
        Packet {
            source: random.pick(&own),
            destination: random.pick(&own),
            protocol,
            transport,
            interface: interface.to_owned(),
        }
    }

    /// Whether the packet is one that both see alike, and the first of a connection.
    fn is_fit(&self, packet: &Packet) -> bool {
        let is_own = self.families.contains(&packet.family());
        let first = match (packet.transport, packet.protocol) {
            (Transport::Ports { flags: Some(flags), .. }, _) => flags == SYN,
            (Transport::Icmp { kind, code }, Protocol::ICMP) => {
                packet.family() == Family::V4 && (kind, code) == (8, 0)
            }
            (Transport::Icmp { kind, code }, _) => packet.family() == Family::V6 && (kind, code) == (128, 0),
            // Of these conntrack reads more than ports.
            (Transport::Ports { .. }, Protocol(33 | 132 | 136)) => false,
            // Neither, of these.
            (Transport::Other, Protocol(number)) => number != 47,
            _ => true,
        };
        // Headers that the kernel reads on behind, and that Fragwall reads as IPv6 does.
        let is_header = packet.protocol.is_followed() || packet.protocol == Protocol(51);
        is_own
            && !is_header
            && is_unicast(packet.source)
            && is_unicast(packet.destination)
            // Nor is one that goes the other way as another did.
            && (first && packet.source < packet.destination || !self.tracks)
    }
}

fn above(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(address.to_bits().wrapping_add(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(address.to_bits().wrapping_add(1)).into(),
    }
}

/// Whether the stack takes packets from and to that address on an interface that isn't the loopback one.
fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let first = address.octets()[0];
            first != 0 && first != 127 && first < 224
        }
        IpAddr::V6(address) => {
            !address.is_multicast()
                && !address.is_loopback()
                && !address.is_unspecified()
                && address.to_ipv4_mapped().is_none()
        }
    }
}
