//! IPv4, RFC 791.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version|  IHL  |Type of Service|          Total Length         |
//! |         Identification        |0 DF MF|    Fragment Offset    |
//! |  Time to Live |    Protocol   |         Header Checksum       |
//! |                         Source Address                        |
//! |                      Destination Address                      |
//! |                    Options, up to 40 bytes                    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::{Be16, Bytes, Family, Ip, Wire, ethernet::Ethernet, transport};
use crate::{fragment::Fragment, verdict::Reason};

/// Length of the header without options, in bytes.
pub const HEADER: usize = 20;

/// Where the addresses lie in the header, in bytes: the source first.
pub const ADDRESSES: usize = 12;

/// The bit of the flags and offset field that says that more fragments follow.
pub const MORE_FRAGMENTS: u16 = 0x2000;
/// The bits of that field that are the offset, in units of 8 bytes.
pub const OFFSET_MASK: u16 = 0x1fff;

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Header {
    version_length: u8,
    _service: u8,
    total_length: Be16,
    identification: Be16,
    flags_offset: Be16,
    _ttl: u8,
    protocol: u8,
    _checksum: Be16,
    _source: [u8; 4],
    _destination: [u8; 4],
}

// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for Header {}

/// Reads an IPv4 packet.
///
/// # Errors
/// Why it is malformed.
#[inline(always)]
pub fn parse<B: Bytes + ?Sized>(bytes: &B, ethernet: &Ethernet) -> Result<Ip, Reason> {
    let offset = ethernet.payload;
    let header: Header = bytes.read(offset).ok_or(Reason::Truncated)?;
    if header.version_length >> 4 != 4 {
        return Err(Reason::IpVersion);
    }
    let header_length = usize::from(header.version_length & 0x0f) * 4;
    let total_length = usize::from(header.total_length.value());
    if header_length < HEADER || header_length > total_length {
        return Err(Reason::IpHeaderLength);
    }
    let end = offset + total_length;
    if end > bytes.len() {
        return Err(Reason::IpLength);
    }
    let payload = offset + header_length;

    let flags_offset = header.flags_offset.value();
    // An IPv4 packet with neither offset nor "more fragments" isn't a fragment, whatever its identification (RFC 6864).
    let mut fragment = Fragment::WHOLE;
    if flags_offset & (OFFSET_MASK | MORE_FRAGMENTS) != 0 {
        fragment = Fragment::new(
            u32::from(header.identification.value()),
            usize::from(flags_offset & OFFSET_MASK) << 3,
            flags_offset & MORE_FRAGMENTS != 0,
            total_length - header_length,
        );
        fragment.check(header.protocol)?;
    }
    let transport = transport::parse(bytes, payload, end, header.protocol, fragment)?;
    Ok(Ip {
        family: Family::V4,
        offset,
        end,
        payload,
        vlans: ethernet.vlans,
        fragment,
        protocol: header.protocol,
        transport,
    })
}

/// What a packet that is quoted in an ICMP error says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// Its protocol.
    pub protocol: u8,
    /// The length of its header, in bytes.
    pub length: usize,
}

/// Reads the header of a packet of which only the beginning is there, at `offset`; `None` if it isn't one, or is that of a
/// trailing fragment.
#[inline(always)]
pub fn quoted<B: Bytes + ?Sized>(bytes: &B, offset: usize) -> Option<Quoted> {
    let header: Header = bytes.read(offset)?;
    let length = usize::from(header.version_length & 0x0f) * 4;
    if header.version_length >> 4 != 4 || length < HEADER || header.flags_offset.value() & OFFSET_MASK != 0 {
        return None;
    }
    Some(Quoted { protocol: header.protocol, length })
}
