//! Link types, and the Ethernet frame that a packet of each is turned into.

use std::fmt;

use super::FileFault;

const ETHERNET_HEADER: usize = 14;
/// The EtherType of IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// The EtherType of IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// The least value that is an EtherType; a lesser one is the length of an IEEE 802.3 frame.
const FIRST_ETHERTYPE: u16 = 0x0600;
/// The most an IEEE 802.3 length field can say, in bytes.
const MAX_802_3: usize = 1500;

/// `PACKET_OUTGOING` of `linux/if_packet.h`.
const OUTGOING: u8 = 4;

/// The link types that can be turned into Ethernet frames (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// Ethernet: taken as it is.
    Ethernet,
    /// BSD loopback: four bytes of address family, in the byte order of the machine that captured.
    Null,
    /// OpenBSD loopback: the same in network byte order.
    Loop,
    /// An IP packet; its first four bits say which. Also the old numbers 12 and 14.
    Raw,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// What Linux captures on `any` (version 1): a 16-byte header that ends in the EtherType.
    Cooked,
    /// What Linux captures on `any` (version 2): a 20-byte header that begins with the EtherType.
    Cooked2,
}

impl LinkType {
    const ALL: [Self; 8] = [
        Self::Ethernet,
        Self::Null,
        Self::Loop,
        Self::Raw,
        Self::Ipv4,
        Self::Ipv6,
        Self::Cooked,
        Self::Cooked2,
    ];

    /// The link type of this LINKTYPE_ number, if it is a supported one.
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            // libpcap's DLT_RAW is 12 on most systems and 14 on OpenBSD; old files bear them instead of 101.
            12 | 14 => Some(Self::Raw),
            _ => Self::ALL.into_iter().find(|link| link.number() == number),
        }
    }

    /// Its LINKTYPE_ number.
    pub fn number(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::Null => 0,
            Self::Loop => 108,
            Self::Raw => 101,
            Self::Ipv4 => 228,
            Self::Ipv6 => 229,
            Self::Cooked => 113,
            Self::Cooked2 => 276,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::Null => "BSD loopback",
            Self::Loop => "OpenBSD loopback",
            Self::Raw => "raw IP",
            Self::Ipv4 => "raw IPv4",
            Self::Ipv6 => "raw IPv6",
            Self::Cooked => "Linux cooked",
            Self::Cooked2 => "Linux cooked v2",
        }
    }

    fn header_len(self) -> usize {
        match self {
            Self::Ethernet | Self::Raw | Self::Ipv4 | Self::Ipv6 => 0,
            Self::Null | Self::Loop => 4,
            Self::Cooked => 16,
            Self::Cooked2 => 20,
        }
    }

    /// Whether the link header of these captured bytes says that the packet went out. Only Linux's cooked ones say which way it
    /// went.
    pub(super) fn is_outgoing(self, captured: &[u8]) -> bool {
        match self {
            Self::Cooked => captured.get(..2) == Some(&u16::from(OUTGOING).to_be_bytes()),
            Self::Cooked2 => captured.get(10) == Some(&OUTGOING),
            _ => false,
        }
    }

    /// Turns the captured bytes of packet number `packet`, which had `original` bytes, into an Ethernet frame and
    /// that frame's original length.
    pub(super) fn frame(
        self,
        captured: Vec<u8>,
        original: usize,
        packet: u64,
    ) -> Result<(Vec<u8>, usize), FileFault> {
        if self == Self::Ethernet {
            return Ok((captured, original));
        }
        let needed = self.header_len();
        let Some((header, payload)) = captured.split_at_checked(needed) else {
            return Err(FileFault::LinkHeader { packet, link: self, captured: captured.len(), needed });
        };
        let protocol = match self {
            Self::Ethernet | Self::Raw => by_version(payload),
            Self::Ipv4 => IPV4,
            Self::Ipv6 => IPV6,
            Self::Null | Self::Loop => by_family(header),
            Self::Cooked => u16::from_be_bytes([header[14], header[15]]),
            Self::Cooked2 => u16::from_be_bytes([header[0], header[1]]),
        };
        Ok(ethernet(protocol, payload, original.saturating_sub(needed)))
    }
}

/// The payload, which had `original` bytes, behind an Ethernet header; and the original length of both.
pub(super) fn ethernet(protocol: u16, payload: &[u8], original: usize) -> (Vec<u8>, usize) {
    // Below the least EtherType the cooked headers number Linux's own protocols (LLC, CAN, …). In an Ethernet header
    // they would be a length; the true length says the same to the firewall: no EtherType, so not IP.
    let ethertype = if protocol < FIRST_ETHERTYPE { original.min(MAX_802_3) as u16 } else { protocol };
    let mut frame = Vec::with_capacity(ETHERNET_HEADER + payload.len());
    frame.extend_from_slice(&[0; ETHERNET_HEADER - 2]);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    (frame, ETHERNET_HEADER + original)
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The EtherType of a raw IP packet. What is neither version is called IPv4, so that the firewall judges it as a
/// malformed packet rather than as something that isn't IP.
fn by_version(payload: &[u8]) -> u16 {
    match payload.first() {
        Some(byte) if byte >> 4 == 6 => IPV6,
        _ => IPV4,
    }
}

/// The EtherType of an address family, or 0 for one that isn't IP.
fn by_family(header: &[u8]) -> u16 {
    let bytes: [u8; 4] = [header[0], header[1], header[2], header[3]];
    // Families are small numbers, so whichever order makes a small one is the order they were written in. Loop's
    // order is fixed, but captures with the wrong one exist, and this reads both.
    let family = u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes));
    match family {
        2 => IPV4,
        // Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 23 | 24 | 28 | 30 => IPV6,
        _ => 0,
    }
}

/// A link type's number, with its name if it is a known one.
pub(super) struct Named(pub(super) u16);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            9 => "PPP",
            50 => "PPP in HDLC framing",
            51 => "PPP over Ethernet",
            104 => "Cisco HDLC",
            105 => "IEEE 802.11",
            117 => "OpenBSD pflog",
            127 => "IEEE 802.11 with radiotap",
            147..=162 => "reserved for private use",
            187 | 201 => "Bluetooth HCI",
            189 | 220 => "Linux USB",
            192 => "per-packet information",
            195 | 230 => "IEEE 802.15.4",
            227 => "SocketCAN",
            239 => "Linux nflog",
            253 => "Linux netlink",
            _ => return write!(f, "{}", self.0),
        };
        write!(f, "{} ({name})", self.0)
    }
}

/// The supported link types, as a list in words.
pub(super) struct Supported;

impl fmt::Display for Supported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, link) in LinkType::ALL.into_iter().enumerate() {
            write!(f, "{}{link} ({})", if index == 0 { "" } else { ", " }, link.number())?;
        }
        Ok(())
    }
}
