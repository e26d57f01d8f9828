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
///
/// The number isn't part of the kinds, for the reason that [`Fragment`] is no `Option`: where there is none it would be a
/// value that is undefined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transport {
    /// What the number is.
    pub kind: Kind,
    /// The destination port, host byte order; or the type and code of an ICMP message, as [`icmp_port`] puts them; or 0.
    pub number: u16,
}

/// What a transport header tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Nothing: a protocol that is judged by its number alone, or a trailing fragment, which has no transport header.
    Opaque = 0,
    /// The ports of both ends.
    Ports = 1,
    /// ICMP or ICMPv6: a type and a code.
    Icmp = 2,
}

impl Transport {
    /// Of which nothing is told.
    pub const OPAQUE: Self = Self { kind: Kind::Opaque, number: 0 };

    /// With this destination port, host byte order.
    #[inline(always)]
    pub const fn ports(destination: u16) -> Self {
        Self { kind: Kind::Ports, number: destination }
    }

    /// An ICMP message of this type and code.
    #[inline(always)]
    pub const fn icmp(kind: u8, code: u8) -> Self {
        Self { kind: Kind::Icmp, number: icmp_port(kind, code) }
    }

    /// Whether it's ICMP, of whatever IP version.
    #[inline(always)]
    pub const fn is_icmp(&self) -> bool {
        matches!(self.kind, Kind::Icmp)
    }

    /// The type of an ICMP message.
    #[inline(always)]
    pub const fn icmp_type(&self) -> u8 {
        (self.number >> 8) as u8
    }

    /// Its code.
    #[inline(always)]
    pub const fn icmp_code(&self) -> u8 {
        self.number as u8
    }
}

/// The type and code of an ICMP message in place of a port.
#[inline(always)]
pub const fn icmp_port(kind: u8, code: u8) -> u16 {
    (kind as u16) << 8 | code as u16
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

/// Whether a header of the protocol begins with the ports of both ends.
#[inline(always)]
pub const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDP_LITE)
}

/// Where the destination port lies in the header of a protocol that has ports, in bytes.
pub const DESTINATION: usize = 2;

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
        return Ok(Transport::OPAQUE);
    }
    let length = header_length(protocol);
    if offset + length > end {
        return Err(if fragment.is_first() { Reason::FragmentHeaders } else { Reason::TransportHeader });
    }
    match protocol {
        ICMP | ICMPV6 => {
            let [kind, code] = bytes.read(offset).ok_or(Reason::Truncated)?;
            Ok(Transport::icmp(kind, code))
        }
        _ if length > 0 => {
            let ports: Ports = bytes.read(offset).ok_or(Reason::Truncated)?;
            Ok(Transport::ports(ports.destination.value()))
        }
        _ => Ok(Transport::OPAQUE),
    }
}
