//! The link type of a packet of which only the bytes are known.

use super::super::link::{IPV4, IPV6, LinkType, ethernet};

/// The payload that the shortest Ethernet frame has, in bytes; shorter packets are padded to it.
const MIN_ETHERNET_PAYLOAD: usize = 46;
const COOKED_HEADER: usize = 16;
const COOKED2_HEADER: usize = 20;

/// The packet as an Ethernet frame, and the link type that it is taken to have:
/// - raw IP if it begins with an IP header whose own length is exactly the packet's;
/// - Linux cooked (either version) if such an IP packet fills it behind a header with that EtherType in its place;
/// - Ethernet otherwise.
///
/// An Ethernet frame is mistaken for another type only if its addresses happen to state its length.
pub(super) fn frame(bytes: Vec<u8>) -> (LinkType, Vec<u8>) {
    let (link, protocol, header) = if let Some(version) = fitting_ip(&bytes) {
        (LinkType::Raw, version, 0)
    } else if let Some(version) = behind(&bytes, COOKED2_HEADER, 0) {
        (LinkType::Cooked2, version, COOKED2_HEADER)
    } else if let Some(version) = behind(&bytes, COOKED_HEADER, 14) {
        (LinkType::Cooked, version, COOKED_HEADER)
    } else {
        return (LinkType::Ethernet, bytes);
    };
    let payload = &bytes[header..];
    (link, ethernet(protocol, payload, payload.len()).0)
}

/// Whether the bytes are a whole packet by its own length: IP without a link header, or in an Ethernet frame with up to two
/// VLAN tags.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    const ETHERTYPES: [usize; 3] = [12, 16, 20];
    fitting_ip(bytes).is_some() || ETHERTYPES.iter().any(|&at| behind(bytes, at + 2, at).is_some())
}

/// The EtherType of the IP packet that fills all behind the header, if there is one and the header says so at `at`.
fn behind(bytes: &[u8], header: usize, at: usize) -> Option<u16> {
    let version = fitting_ip(bytes.get(header..)?)?;
    (field(bytes, at) == version).then_some(version)
}

/// The EtherType of the IP packet that the bytes are, if its own length is exactly theirs, or less where they are as
/// many as Ethernet pads a short packet to (`tcpdump -x` prints the padding).
fn fitting_ip(bytes: &[u8]) -> Option<u16> {
    let first = *bytes.first()?;
    let (version, length) = match first >> 4 {
        4 if bytes.len() >= 20 => {
            let header = u16::from(first & 0x0f) * 4;
            let total = field(bytes, 2);
            if header < 20 || total < header {
                return None;
            }
            (IPV4, usize::from(total))
        }
        6 if bytes.len() >= 40 => (IPV6, 40 + usize::from(field(bytes, 4))),
        _ => return None,
    };
    let padded = length < bytes.len() && bytes.len() == MIN_ETHERNET_PAYLOAD;
    (length == bytes.len() || padded).then_some(version)
}

/// The 16 bits at `at`, in network byte order.
fn field(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
