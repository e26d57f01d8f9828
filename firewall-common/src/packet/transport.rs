//! The part of transport headers that rules look at.

use super::{Be16, Bytes, Wire};
use crate::{fragment::Fragment, verdict::Reason};

/// ICMP, RFC 792.
pub const ICMP: u8 = 1;
/// TCP, RFC 9293.
pub const TCP: u8 = 6;
/// UDP, RFC 768.
pub const UDP: u8 = 17;
/// DCCP, RFC 4340.
pub const DCCP: u8 = 33;
/// ICMPv6, RFC 4443.
pub const ICMPV6: u8 = 58;
/// SCTP, RFC 9260.
pub const SCTP: u8 = 132;
/// UDP-Lite, RFC 3828.
pub const UDP_LITE: u8 = 136;

/// What the rules see of a transport header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// A protocol with ports.
    Ports {
        /// The destination port, host byte order.
        destination: u16,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// The message's type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// A protocol that is judged by its number alone, or a trailing fragment, which has no transport header.
    Opaque,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Ports {
    _source: Be16,
    destination: Be16,
}

// SAFETY: packed, and made of packed integers only.
unsafe impl Wire for Ports {}

/// The least a header of the protocol takes, in bytes; 0 for one that is judged by its number alone.
#[inline(always)]
pub(super) const fn header_length(protocol: u8) -> usize {
    match protocol {
        TCP => 20,
        UDP | UDP_LITE | ICMP => 8,
        SCTP | DCCP => 12,
        ICMPV6 => 4,
        _ => 0,
    }
}

/// The source port of a protocol that has ports, whose header is at `offset`, in host byte order; `None` if it isn't there.
#[inline(always)]
pub fn source_port<B: Bytes + ?Sized>(bytes: &B, offset: usize) -> Option<u16> {
    bytes.read(offset).map(|port: Be16| port.value())
}

/// Where the flags lie in a TCP header, in bytes.
const TCP_FLAGS: usize = 13;

/// The flags of the TCP header at `offset` (RFC 9293 3.1: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN); `None` if it isn't there.
#[inline(always)]
pub fn tcp_flags<B: Bytes + ?Sized>(bytes: &B, offset: usize) -> Option<u8> {
    bytes.read(offset + TCP_FLAGS)
}

/// Reads the transport header at `offset` of a packet that ends at `end` (bytes from the frame's start).
///
/// # Errors
/// [`Reason::FragmentHeaders`] if a first fragment, [`Reason::TransportHeader`] if a whole packet doesn't hold it all.
#[inline(always)]
pub fn parse<B: Bytes + ?Sized>(
    bytes: &B,
    offset: usize,
    end: usize,
    protocol: u8,
    fragment: Fragment,
) -> Result<Transport, Reason> {
    if fragment.is_trailing() {
        return Ok(Transport::Opaque);
    }
    let length = header_length(protocol);
    if offset + length > end {
        return Err(if fragment.is_first() { Reason::FragmentHeaders } else { Reason::TransportHeader });
    }
    match protocol {
        ICMP | ICMPV6 => {
            let [kind, code] = bytes.read(offset).ok_or(Reason::Truncated)?;
            Ok(Transport::Icmp { kind, code })
        }
        _ if length > 0 => {
            let ports: Ports = bytes.read(offset).ok_or(Reason::Truncated)?;
            Ok(Transport::Ports { destination: ports.destination.value() })
        }
        _ => Ok(Transport::Opaque),
    }
}
