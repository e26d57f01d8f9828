//! The chain of IPv6 extension headers, RFC 8200 section 4.
//!
//! ```text
//! +---------------+---------------+----------------------------
//! |  Next Header  |  Hdr Ext Len  |  (Len + 1) * 8 bytes in all      hop-by-hop, routing, destination options
//! +---------------+---------------+----------------------------
//! +---------------+---------------+-------------------------+---+-+
//! |  Next Header  |   Reserved    |     Fragment Offset     |Res|M|
//! |                         Identification                        |   Fragment header: 8 bytes
//! +---------------+---------------+-------------------------+---+-+
//! ```
//!
//! The authentication header (RFC 4302) and ESP end the chain: they are protocols that a rule names by themselves.

use super::{Be16, Be32, Bytes, Wire};
use crate::{fragment::Fragment, opaque::any_of, verdict::Reason};

/// How many extension headers are followed. RFC 8200 4.1 recommends each kind at most once (destination options
/// twice): six in all.
pub const MAX_HEADERS: usize = 8;

/// Next Header of hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// Next Header of a routing header.
pub const ROUTING: u8 = 43;
/// Next Header of a Fragment header.
pub const FRAGMENT: u8 = 44;
/// Next Header of destination options.
pub const DESTINATION_OPTIONS: u8 = 60;

/// Length of the Fragment header, in bytes.
pub const FRAGMENT_HEADER: usize = 8;

/// The first four bytes of an extension header, which every one of them has.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Start {
    next_header: u8,
    length: u8,
    routing_type: u8,
    _more: u8,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(super) struct FragmentHeader {
    pub(super) next_header: u8,
    _reserved: u8,
    pub(super) offset_more: Be16,
    pub(super) identification: Be32,
}

// SAFETY: packed, and made of bytes only.
unsafe impl Wire for Start {}
// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for FragmentHeader {}

/// Where a chain ends.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// The protocol behind it, or of a trailing fragment what its Fragment header says comes next.
    pub protocol: u8,
    /// Where that begins in the frame, in bytes.
    pub payload: usize,
    /// What the Fragment header says.
    pub fragment: Fragment,
}

/// Follows the chain from `offset` to at most `end` (bytes from the frame's start), beginning with `next_header`.
///
/// # Errors
/// Why the chain is malformed.
#[inline(always)]
pub fn walk<B: Bytes + ?Sized>(
    bytes: &B,
    offset: usize,
    end: usize,
    next_header: u8,
) -> Result<Chain, Reason> {
    let (mut protocol, mut payload, mut said) = (next_header, offset, Said::NOTHING);
    for position in 0..=MAX_HEADERS {
        match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | FRAGMENT if position == MAX_HEADERS => {
                return Err(Reason::ExtensionChain);
            }
            HOP_BY_HOP if position > 0 => return Err(Reason::ExtensionOrder),
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let start: Start = part(bytes, payload, end, &said)?;
                if protocol == ROUTING && start.routing_type == 0 {
                    return Err(Reason::RoutingHeader0);
                }
                protocol = start.next_header;
                payload = reached(payload + (usize::from(start.length) + 1) * 8, start.length)?;
            }
            FRAGMENT => {
                if said.is_there() {
                    return Err(Reason::NestedFragment);
                }
                let header: FragmentHeader = part(bytes, payload, end, &said)?;
                protocol = header.next_header;
                payload = reached(payload + FRAGMENT_HEADER, header.next_header)?;
                said = Said::new(&header, end - payload);
                if protocol == FRAGMENT {
                    return Err(Reason::NestedFragment);
                }
                let fragment = said.fragment();
                fragment.check(protocol)?;
                if fragment.is_trailing() {
                    break;
                }
            }
            _ => break,
        }
    }
    let fragment = if said.is_there() { said.fragment() } else { Fragment::WHOLE };
    Ok(Chain { protocol, payload, fragment })
}

/// What a Fragment header on the way said, if there was one, as it said it: in numbers of which the verifier knows nothing, so that it walks
/// the rest of the chain once for all that it could say.
struct Said {
    is_there: u64,
    id: u32,
    offset_more: u16,
    length: usize,
}

impl Said {
    const NOTHING: Self = Self { is_there: 0, id: 0, offset_more: 0, length: 0 };

    /// A header with so many bytes behind it.
    #[inline(always)]
    fn new(header: &FragmentHeader, length: usize) -> Self {
        let id = header.identification.value();
        Self { is_there: any_of(1, id.into()), id, offset_more: header.offset_more.value(), length }
    }

    #[inline(always)]
    const fn is_there(&self) -> bool {
        self.is_there != 0
    }

    #[inline(always)]
    const fn fragment(&self) -> Fragment {
        let offset_more = self.offset_more as usize;
        Fragment::new(self.id, offset_more & !7, offset_more & 1 != 0, self.length)
    }
}

/// Where a chain has come to, which is told to the verifier in the same words whatever the way to there: else it would walk
/// the rest of the chain once for each way. `unknown` is some byte of the packet.
#[inline(always)]
fn reached(payload: usize, unknown: u8) -> Result<usize, Reason> {
    if payload > REACH {
        return Err(Reason::ExtensionChain);
    }
    // The mask is for the verifier, which in Linux 6.1 learns nothing of what lies on the stack from what it's compared with.
    Ok(any_of(payload as u64, unknown.into()) as usize & REACH)
}

/// Where the longest chain ends at most, in bytes from the frame's start, and one less than a power of two.
const REACH: usize = (1 << 15) - 1;
const _: () =
    assert!(MAX_HEADERS * (256 * 8) + 1024 < REACH, "the headers before the chain take less than the 1024");

/// Reads a header that must lie before `end`.
#[inline(always)]
fn part<B: Bytes + ?Sized, T: Wire>(bytes: &B, offset: usize, end: usize, said: &Said) -> Result<T, Reason> {
    if offset + size_of::<T>() > end {
        // Why a chain that doesn't end inside its packet is malformed.
        let is_first = said.is_there() && said.fragment().is_first();
        return Err(if is_first { Reason::FragmentHeaders } else { Reason::TransportHeader });
    }
    bytes.read(offset).ok_or(Reason::Truncated)
}
