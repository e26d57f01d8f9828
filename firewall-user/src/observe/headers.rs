//! What a packet's headers say, read by the program's own parsers in this process.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use firewall_common::{
    packet::{Bytes, Family, Ip, Wire, ethernet, extension, ipv4, ipv6, transport},
    verdict::Reason,
};

use crate::ruleset::{
    Protocol,
    meaning::{self, Transport},
};

/// Where the Next Header field lies in an IPv6 header, in bytes.
const NEXT_HEADER: usize = 6;

/// What a frame's headers say, as far as they can be read.
#[derive(Clone, Debug)]
pub struct Headers {
    /// The EtherType behind the VLAN tags, host byte order.
    pub ethertype: u16,
    /// The VLAN identifiers, the outermost first.
    pub vlans: Vec<u16>,
    /// The IP header, if the EtherType says that there's one and its addresses can be read.
    pub network: Option<Network>,
}

/// An IP header.
#[derive(Clone, Debug)]
pub struct Network {
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The IPv6 extension headers that were followed, in order.
    pub extensions: Vec<&'static str>,
    /// What the parser makes of the whole packet, or why it's malformed.
    pub parsed: Result<Ip, Reason>,
}

impl Headers {
    /// Reads a frame's headers; `None` if it ends inside the link layer's.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let ethernet = ethernet::parse(frame).ok()?;
        let tags = (ethernet.payload - ethernet::HEADER) / ethernet::TAG;
        let vlans = (0..tags).rev().map(|place| (ethernet.vlans >> (16 * place)) as u16).collect();
        let watched = Watched { frame, reads: RefCell::default() };
        let start = ethernet.payload;
        let network = match ethernet.ethertype {
            ethernet::IPV4 => addresses::<4, Ipv4Addr>(frame, start + ipv4::ADDRESSES).map(|pair| {
                let parsed = ipv4::parse(&watched, &ethernet);
                (pair, Vec::new(), parsed)
            }),
            ethernet::IPV6 => addresses::<16, Ipv6Addr>(frame, start + ipv6::ADDRESSES).map(|pair| {
                let parsed = ipv6::parse(&watched, &ethernet);
                (pair, extensions(frame, start, &watched.reads.borrow()), parsed)
            }),
            _ => None,
        };
        let network = network.map(|([source, destination], extensions, parsed)| Network {
            source,
            destination,
            extensions,
            parsed,
        });
        Some(Self { ethertype: ethernet.ethertype, vlans, network })
    }

    /// The IP version that the EtherType says, if it says one.
    pub const fn family(&self) -> Option<Family> {
        match self.ethertype {
            ethernet::IPV4 => Some(Family::V4),
            ethernet::IPV6 => Some(Family::V6),
            _ => None,
        }
    }

    /// What rules ask about the packet, which came in on an interface of that name; `None` if it isn't theirs to judge: it's no
    /// IP packet, is malformed, or a trailing fragment.
    pub fn packet(&self, frame: &[u8], interface: &str) -> Option<meaning::Packet> {
        let Network { source, destination, parsed, .. } = self.network.as_ref()?;
        let ip = parsed.as_ref().ok().filter(|ip| !ip.fragment.is_trailing())?;
        let transport = match ip.transport.kind {
            transport::Kind::Opaque => Transport::Other,
            transport::Kind::Icmp => {
                Transport::Icmp { kind: ip.transport.icmp_type(), code: ip.transport.icmp_code() }
            }
            transport::Kind::Ports => Transport::Ports {
                source: transport::source_port(frame, ip.payload)?,
                destination: ip.transport.number,
                flags: match ip.protocol {
                    transport::TCP => Some(transport::tcp_flags(frame, ip.payload)?),
                    _ => None,
                },
            },
        };
        Some(meaning::Packet {
            source: *source,
            destination: *destination,
            protocol: Protocol(ip.protocol),
            transport,
            interface: interface.to_owned(),
        })
    }
}

/// The two addresses of `N` bytes each at `offset`, if they are there.
fn addresses<const N: usize, A: From<[u8; N]> + Into<IpAddr>>(
    frame: &[u8],
    offset: usize,
) -> Option<[IpAddr; 2]> {
    let pair: [[u8; N]; 2] = frame.read(offset)?;
    Some(pair.map(|bytes| A::from(bytes).into()))
}

/// A frame that notes where it is read: the parser tells where a chain of extension headers ends, and not what it passed.
struct Watched<'a> {
    frame: &'a [u8],
    /// Where each header that was read begins.
    reads: RefCell<Vec<usize>>,
}

impl Bytes for Watched<'_> {
    fn len(&self) -> usize {
        self.frame.len()
    }

    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        let header = self.frame.read(offset)?;
        self.reads.borrow_mut().push(offset);
        Some(header)
    }
}

/// The extension headers among what was read of an IPv6 packet that begins at `start`. The first byte of each says what the
/// next one is.
fn extensions(frame: &[u8], start: usize, reads: &[usize]) -> Vec<&'static str> {
    let mut next = frame.get(start + NEXT_HEADER);
    let mut names = Vec::new();
    for &offset in reads.iter().filter(|&&offset| offset >= start + ipv6::HEADER) {
        let Some(name) = next.copied().and_then(extension_name) else { break };
        names.push(name);
        next = frame.get(offset);
    }
    names
}

/// The word for an extension header that is followed.
const fn extension_name(next_header: u8) -> Option<&'static str> {
    match next_header {
        extension::HOP_BY_HOP => Some("hop-by-hop"),
        extension::ROUTING => Some("routing"),
        extension::FRAGMENT => Some("fragment"),
        extension::DESTINATION_OPTIONS => Some("destination-options"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv6 packet from ::1 to ::2 behind two VLAN tags.
    fn frame(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0xa8, 0, 5, 0x81, 0, 0x20, 0, 0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend([0, payload.len() as u8, next_header, 64]);
        for last in [1, 2] {
            frame.extend([0; 15]);
            frame.push(last);
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn tags_addresses_and_extension_headers_are_read() {
        let chain = [60, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 7];
        let udp = [0, 9, 0x11, 0x94, 0, 8, 0, 0];
        let frame = frame(0, &[&chain[..], &udp].concat());
        let headers = Headers::read(&frame).unwrap();
        assert_eq!((headers.ethertype, &headers.vlans[..]), (ethernet::IPV6, &[5, 0][..]));
        let network = headers.network.as_ref().unwrap();
        assert_eq!(network.extensions, ["hop-by-hop", "destination-options", "fragment"]);
        assert_eq!(network.source, "::1".parse::<IpAddr>().unwrap());
        assert_eq!(network.destination, "::2".parse::<IpAddr>().unwrap());
        let packet = headers.packet(&frame, "eth0").unwrap();
        assert_eq!(packet.protocol, Protocol::UDP);
        assert_eq!(packet.transport, Transport::Ports { source: 9, destination: 4500, flags: None });
    }

    #[test]
    fn of_a_malformed_packet_what_was_read_is_told() {
        // Hop-by-hop options behind destination options.
        let frame = frame(60, &[0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0]);
        let headers = Headers::read(&frame).unwrap();
        let network = headers.network.as_ref().unwrap();
        assert_eq!(network.parsed.unwrap_err(), Reason::ExtensionOrder);
        assert_eq!(network.extensions, ["destination-options"]);
        assert_eq!(headers.packet(&frame, ""), None);
    }

    #[test]
    fn a_frame_that_ends_inside_its_tags_has_no_headers() {
        assert!(Headers::read(&frame(17, &[])[..15]).is_none());
        assert!(Headers::read(&[]).is_none());
    }
}
