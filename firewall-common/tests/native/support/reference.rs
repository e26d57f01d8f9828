//! A second parser, as plain as the RFCs' diagrams. Nothing here is taken from the parser under test but its types, and it
//! says no reasons: a frame is sound, or it's not.

use firewall_common::{
    fragment::{Class, Fragment},
    packet::{Family, Ip, transport::Transport},
};

/// The least that a transport header takes, in bytes (RFC 9293, 768, 3828, 9260, 4340, 792, 4443).
pub(crate) const TRANSPORTS: [(u8, usize); 7] =
    [(6, 20), (17, 8), (136, 8), (132, 12), (33, 12), (1, 8), (58, 4)];

/// The least that `protocol`'s header takes, in bytes; none for one without a header that rules look at.
pub(crate) fn transport_header(protocol: u8) -> usize {
    TRANSPORTS.iter().find(|(number, _)| *number == protocol).map_or(0, |(_, length)| *length)
}

/// What a sound frame holds: an IP packet, or the EtherType of something else.
pub(crate) fn read(frame: &[u8]) -> Option<Result<Ip, u16>> {
    let (mut ethertype, mut rest) = number(frame.get(12..)?)?;
    let mut vlans = 0;
    for _ in 0..2 {
        if [0x8100, 0x88a8, 0x9100].contains(&ethertype) {
            let (control, behind) = number(rest)?;
            (ethertype, rest) = number(behind)?;
            vlans = vlans << 16 | u32::from(control & 0xfff);
        }
    }
    let offset = frame.len() - rest.len();
    let (family, packet) = match ethertype {
        0x0800 => (Family::V4, v4(rest)?),
        0x86dd => (Family::V6, v6(rest)?),
        other => return Some(Err(other)),
    };
    let Packet { length, fragment, protocol, payload } = packet;
    let transport = transport(fragment.class, protocol, payload)?;
    let end = offset + length;
    let payload = end - payload.len();
    Some(Ok(Ip { family, offset, end, payload, vlans, fragment, protocol, transport }))
}

/// An IP packet up to its transport header, or to a trailing fragment's piece of the datagram.
struct Packet<'a> {
    length: usize,
    fragment: Fragment,
    protocol: u8,
    payload: &'a [u8],
}

fn v4(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = bytes.get(..20)?;
    let (version, words) = (header[0] >> 4, usize::from(header[0] & 0xf));
    let (length, _) = number(&header[2..])?;
    let (id, _) = number(&header[4..])?;
    let (flags, _) = number(&header[6..])?;
    let protocol = header[9];
    if version != 4 || words < 5 {
        return None;
    }
    let length = usize::from(length);
    let payload = bytes.get(..length)?.get(words * 4..)?;
    let fragment = match flags & 0x3fff {
        0 => Fragment::WHOLE,
        place => fragment(u32::from(id), place << 3, place & 0x2000 != 0, protocol, payload)?,
    };
    Some(Packet { length, fragment, protocol, payload })
}

fn v6(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = bytes.get(..40)?;
    let (length, _) = number(&header[4..])?;
    let length = 40 + usize::from(length);
    let mut payload = bytes.get(40..length)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let mut packet = Packet { length, fragment: Fragment::WHOLE, protocol: header[6], payload: &[] };
    for position in 0.. {
        let (kind, class) = (packet.protocol, packet.fragment.class);
        if class == Class::Trailing || ![0, 43, 44, 60].contains(&kind) {
            break;
        }
        let header: &[u8; 8] = payload.first_chunk()?;
        let too_many = position == 8;
        let out_of_order = kind == 0 && position > 0;
        let source_route = kind == 43 && header[2] == 0;
        let nested = kind == 44 && (class != Class::Whole || header[0] == 44);
        if too_many || out_of_order || source_route || nested {
            return None;
        }
        packet.protocol = header[0];
        if kind == 44 {
            payload = &payload[8..];
            let (place, _) = number(&header[2..])?;
            let id = header[4..].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
            packet.fragment = fragment(id, place & !7, place & 1 != 0, packet.protocol, payload)?;
        } else {
            // Hdr Ext Len counts units of 8 bytes beyond the first.
            payload = payload.get(8 * (1 + usize::from(header[1]))..)?;
        }
    }
    packet.payload = payload;
    Some(packet)
}

/// What a packet's headers say of its fragmentation, if that can be part of a datagram.
fn fragment(id: u32, offset: u16, more: bool, protocol: u8, payload: &[u8]) -> Option<Fragment> {
    let length = payload.len();
    let fits = usize::from(offset) + length <= 65535;
    let joins = !more || (length > 0 && length.is_multiple_of(8));
    // RFC 3128: TCP's flags lie in the second eight bytes.
    let rewrites_flags = protocol == 6 && offset == 8;
    let class = match (offset, more) {
        (0, false) => Class::Atomic,
        (0, true) => Class::First,
        _ => Class::Trailing,
    };
    let offset = usize::from(offset);
    (fits && joins && !rewrites_flags).then_some(Fragment { class, id, offset, more, length })
}

fn transport(class: Class, protocol: u8, payload: &[u8]) -> Option<Transport> {
    if class == Class::Trailing {
        return Some(Transport::OPAQUE);
    }
    let header = payload.get(..transport_header(protocol))?;
    Some(match (protocol, header) {
        (1 | 58, &[kind, code, ..]) => Transport::icmp(kind, code),
        (_, &[_, _, high, low, ..]) => Transport::ports(u16::from_be_bytes([high, low])),
        _ => Transport::OPAQUE,
    })
}

/// A 16-bit number, and what lies behind it.
fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, behind) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), behind))
}
