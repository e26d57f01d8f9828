//! IPv6, RFC 8200.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version| Traffic Class |           Flow Label                  |
//! |         Payload Length        |  Next Header  |   Hop Limit   |
//! |                 Source Address, 16 bytes                      |
//! |               Destination Address, 16 bytes                   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::{Be16, Bytes, Family, Ip, Wire, ethernet::Ethernet, extension, transport};
use crate::verdict::Reason;

/// Length of the fixed header, in bytes.
pub const HEADER: usize = 40;

/// Where the addresses lie in the header, in bytes: the source first.
pub const ADDRESSES: usize = 8;

/// Where the hop limit lies in the header, in bytes.
pub const HOP_LIMIT: usize = 7;

/// The first byte of link-local addresses (`fe80::/10`, RFC 4291 2.4): what begins with less means the same on each link, and what
/// begins with more is multicast.
pub const LINK_LOCAL: u8 = 0xfe;

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Header {
    version_class_flow: [u8; 4],
    payload_length: Be16,
    next_header: u8,
    _hop_limit: u8,
    _source: [u8; 16],
    _destination: [u8; 16],
}

// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for Header {}

/// Reads an IPv6 packet with its extension headers.
///
/// A jumbogram (RFC 2675) says its length is zero, so it ends before its first header does: it is malformed here.
///
/// # Errors
/// Why it is malformed.
#[inline(always)]
pub fn parse<B: Bytes + ?Sized>(bytes: &B, ethernet: &Ethernet) -> Result<Ip, Reason> {
    let offset = ethernet.payload;
    let header: Header = bytes.read(offset).ok_or(Reason::Truncated)?;
    if header.version_class_flow[0] >> 4 != 6 {
        return Err(Reason::IpVersion);
    }
    let end = offset + HEADER + usize::from(header.payload_length.value());
    if end > bytes.len() {
        return Err(Reason::IpLength);
    }
    let chain = extension::walk(bytes, offset + HEADER, end, header.next_header)?;
    let transport = transport::parse(bytes, chain.payload, end, chain.protocol, chain.fragment)?;
    Ok(Ip {
        family: Family::V6,
        offset,
        end,
        payload: chain.payload,
        vlans: ethernet.vlans,
        fragment: chain.fragment,
        protocol: chain.protocol,
        transport,
    })
}

/// What comes behind the header of a packet of which only the beginning is there.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// Its protocol.
    pub protocol: u8,
    /// Where what it carries begins in the frame, in bytes.
    pub payload: usize,
}

/// Reads the header, at `offset`, of a packet that is quoted in an ICMPv6 error, with a Fragment header if that is next;
/// `None` if it isn't one, or is that of a trailing fragment. What this host sends has no other extension headers.
#[inline(always)]
pub fn quoted<B: Bytes + ?Sized>(bytes: &B, offset: usize) -> Option<Quoted> {
    let header: Header = bytes.read(offset)?;
    if header.version_class_flow[0] >> 4 != 6 {
        return None;
    }
    let payload = offset + HEADER;
    if header.next_header != extension::FRAGMENT {
        return Some(Quoted { protocol: header.next_header, payload });
    }
    let fragment: extension::FragmentHeader = bytes.read(payload)?;
    let quoted = Quoted { protocol: fragment.next_header, payload: payload + extension::FRAGMENT_HEADER };
    (fragment.offset_more.value() & !7 == 0).then_some(quoted)
}
