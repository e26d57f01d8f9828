//! What most packets are, read at once: TCP and UDP, without VLAN tags, IPv4 options or IPv6 extension headers, and nothing
//! behind them in the frame but padding up to the least length of one; whole, or fragments of datagrams of that kind. What this
//! reads it reads as the layers' own parsers do, in half the instructions; whatever else a frame holds is theirs.

use super::{
    Be16, Bytes, Family, Ip, Wire, ethernet,
    extension::{self, FRAGMENT_HEADER, FragmentHeader},
    ipv4::{self, MORE_FRAGMENTS, OFFSET_MASK},
    ipv6,
    transport::{TCP, Transport, UDP, header_length},
};
use crate::fragment::{Class, Fragment};

/// The beginning of a frame, as much as each packet of either kind has.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Start {
    _addresses: [u8; 12],
    ethertype: Be16,
    _before: [u8; 6],
    /// IPv6: the next header, and what is of no interest here. IPv4: the flags and the offset.
    sixth: [u8; 2],
    _behind: [u8; 16],
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Plain6 {
    version_class: u8,
    _class_flow: [u8; 3],
    payload_length: Be16,
    next_header: u8,
    _hop_limit: u8,
    _addresses: [u8; 32],
    _source_port: Be16,
    destination_port: Be16,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Plain4 {
    version_length: u8,
    _service: u8,
    total_length: Be16,
    _identification: Be16,
    _flags_offset: Be16,
    _ttl: u8,
    protocol: u8,
    _checksum: Be16,
    _addresses: [u8; 8],
    _source_port: Be16,
    destination_port: Be16,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Fragment6 {
    version_class: u8,
    _class_flow: [u8; 3],
    payload_length: Be16,
    _next_header: u8,
    _hop_limit: u8,
    _source: [u8; 16],
    destination: [u8; 16],
    fragment: FragmentHeader,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Fragment4 {
    version_length: u8,
    _service: u8,
    total_length: Be16,
    identification: Be16,
    flags_offset: Be16,
    _ttl: u8,
    protocol: u8,
    _checksum: Be16,
    _addresses: [u8; 8],
}

// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for Start {}
// SAFETY: as above.
unsafe impl Wire for Fragment6 {}
// SAFETY: as above.
unsafe impl Wire for Fragment4 {}
// SAFETY: as above.
unsafe impl Wire for Plain6 {}
// SAFETY: as above.
unsafe impl Wire for Plain4 {}

/// The offset in a Fragment header's field: a multiple of 8, in bytes (RFC 8200 4.5).
const OFFSET_MASK6: usize = 0xfff8;

/// What the beginning of a frame says that its packet is read as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// [`whole6`].
    Whole6,
    /// [`whole4`].
    Whole4,
    /// [`fragment6`].
    Fragment6,
    /// [`fragment4`].
    Fragment4,
}

/// What a frame's packet is to be read as, so that nothing is looked at that only others have; `None` if it's none of these.
#[inline(always)]
pub fn kind<B: Bytes + ?Sized>(bytes: &B) -> Option<Kind> {
    let Start { ethertype, sixth, .. } = bytes.read(0)?;
    match ethertype.value() {
        ethernet::IPV6 if sixth[0] == extension::FRAGMENT => Some(Kind::Fragment6),
        ethernet::IPV6 => Some(Kind::Whole6),
        ethernet::IPV4 if u16::from_be_bytes(sixth) & (OFFSET_MASK | MORE_FRAGMENTS) != 0 => {
            Some(Kind::Fragment4)
        }
        ethernet::IPV4 => Some(Kind::Whole4),
        _ => None,
    }
}

/// The packet in a frame of [`Kind::Whole6`]; `None` if it's none of these.
#[inline(always)]
pub fn whole6<B: Bytes + ?Sized>(bytes: &B) -> Option<Ip> {
    let header: Plain6 = bytes.read(ethernet::HEADER)?;
    let end = ethernet::HEADER + ipv6::HEADER + usize::from(header.payload_length.value());
    if header.version_class >> 4 != 6 {
        return None;
    }
    ip(bytes, Family::V6, ipv6::HEADER, end, header.next_header, header.destination_port)
}

/// The packet in a frame of [`Kind::Whole4`]; `None` if it's none of these.
#[inline(always)]
pub fn whole4<B: Bytes + ?Sized>(bytes: &B) -> Option<Ip> {
    let header: Plain4 = bytes.read(ethernet::HEADER)?;
    let end = ethernet::HEADER + usize::from(header.total_length.value());
    if header.version_length != 0x45 {
        return None;
    }
    ip(bytes, Family::V4, ipv4::HEADER, end, header.protocol, header.destination_port)
}

/// The fragment in a frame of [`Kind::Fragment6`] whose Fragment header comes right behind the IPv6 header, first or trailing, and
/// whose destination means the same on each link; `None` if it's none of these.
#[inline(always)]
pub fn fragment6<B: Bytes + ?Sized>(bytes: &B) -> Option<Ip> {
    let header: Fragment6 = bytes.read(ethernet::HEADER)?;
    let length = usize::from(header.payload_length.value());
    let end = ethernet::HEADER + ipv6::HEADER + length;
    if header.version_class >> 4 != 6 || header.destination[0] >= ipv6::LINK_LOCAL {
        return None;
    }
    let FragmentHeader { next_header, offset_more, identification, .. } = header.fragment;
    let offset_more = usize::from(offset_more.value());
    let (offset, more) = (offset_more & OFFSET_MASK6, offset_more & 1 != 0);
    let length = length.checked_sub(FRAGMENT_HEADER)?;
    let fragment = Fragment::new(identification.value(), offset, more, length);
    if next_header == extension::FRAGMENT {
        return None;
    }
    part(bytes, Family::V6, ipv6::HEADER + FRAGMENT_HEADER, end, next_header, fragment)
}

/// The fragment in a frame of [`Kind::Fragment4`], first or trailing; `None` if it's none of these.
#[inline(always)]
pub fn fragment4<B: Bytes + ?Sized>(bytes: &B) -> Option<Ip> {
    let header: Fragment4 = bytes.read(ethernet::HEADER)?;
    let length = usize::from(header.total_length.value());
    let end = ethernet::HEADER + length;
    if header.version_length != 0x45 {
        return None;
    }
    let flags_offset = header.flags_offset.value();
    let (offset, more) = (usize::from(flags_offset & OFFSET_MASK) << 3, flags_offset & MORE_FRAGMENTS != 0);
    let length = length.checked_sub(ipv4::HEADER)?;
    let fragment = Fragment::new(u32::from(header.identification.value()), offset, more, length);
    part(bytes, Family::V4, ipv4::HEADER, end, header.protocol, fragment)
}

#[inline(always)]
fn part<B: Bytes + ?Sized>(
    bytes: &B,
    family: Family,
    headers: usize,
    end: usize,
    protocol: u8,
    fragment: Fragment,
) -> Option<Ip> {
    let payload = ethernet::HEADER + headers;
    if !ends_at(bytes, end) || fragment.length == 0 || fragment.check(protocol).is_err() {
        return None;
    }
    let mut ip = Ip {
        family,
        offset: ethernet::HEADER,
        end,
        payload,
        vlans: 0,
        fragment,
        protocol,
        transport: Transport::OPAQUE,
    };
    // A trailing one is told by its offset alone, and goes its own way from here on.
    if fragment.offset == 0 {
        if !fragment.more || !is_plain(protocol) || payload + header_length(protocol) > end {
            return None;
        }
        let port: Be16 = bytes.read(payload + size_of::<Be16>())?;
        ip.fragment.class = Class::First;
        ip.transport = Transport::ports(port.value());
    } else {
        ip.fragment.class = Class::Trailing;
    }
    Some(ip)
}

#[inline(always)]
fn ip<B: Bytes + ?Sized>(
    bytes: &B,
    family: Family,
    header: usize,
    end: usize,
    protocol: u8,
    port: Be16,
) -> Option<Ip> {
    let payload = ethernet::HEADER + header;
    if !ends_at(bytes, end) || !is_plain(protocol) || payload + header_length(protocol) > end {
        return None;
    }
    Some(Ip {
        family,
        offset: ethernet::HEADER,
        end,
        payload,
        vlans: 0,
        fragment: Fragment::WHOLE,
        protocol,
        transport: Transport::ports(port.value()),
    })
}

/// Whether a packet that says it ends there does, and nothing but padding can follow.
#[inline(always)]
fn ends_at<B: Bytes + ?Sized>(bytes: &B, end: usize) -> bool {
    let length = bytes.len();
    end <= length && (length <= end || length <= ethernet::MIN_FRAME)
}

#[inline(always)]
const fn is_plain(protocol: u8) -> bool {
    protocol == UDP || protocol == TCP
}
