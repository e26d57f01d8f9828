//! The packet that an ICMP error quotes.

use core::hint::black_box;

use super::flow::{ECHO_IDENTIFIER, Ends, Flow};
use crate::{
    fragment::identity::HashKey,
    packet::{
        Be16, Bytes, Family, Ip, ipv4, ipv6,
        transport::{self, ICMP, ICMPV6},
    },
};

/// Where the quoted packet begins in an ICMP error, in bytes (RFC 792, RFC 4443 3).
const QUOTE: usize = 8;

/// How much is quoted at least of what is behind the IP header, in bytes (RFC 792).
const LEAST: usize = 8;

/// Whether a type is that of an error about a packet: destination unreachable, time exceeded, parameter problem (RFC 792,
/// RFC 4443). Packet too big passes by itself. Source quench and redirect, which RFC 6633 and common sense have done away
/// with, aren't.
#[inline(always)]
pub const fn is_error(family: Family, kind: u8) -> bool {
    match family {
        Family::V4 => matches!(kind, 3 | 11 | 12),
        Family::V6 => matches!(kind, 1 | 3 | 4),
    }
}

/// The flow of the packet that an ICMP error quotes; `None` if it doesn't quote as much as that takes: eight bytes behind
/// the IP header, of a packet that is whole or begins its datagram.
#[inline(always)]
pub fn flow<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, key: &HashKey) -> Option<Flow> {
    let offset = ip.payload + QUOTE;
    let (protocol, payload) = match ip.family {
        Family::V4 => {
            let ipv4::Quoted { protocol, length } = ipv4::quoted(bytes, offset)?;
            (protocol, offset + length)
        }
        Family::V6 => {
            let ipv6::Quoted { protocol, payload } = ipv6::quoted(bytes, offset)?;
            (protocol, payload)
        }
    };
    let read = |at: usize| bytes.read(at).map(|field: Be16| field.value());
    // What lies behind the packet's end is padding; as for echo messages, the verifier is to see each reading's own check.
    if payload + LEAST > black_box(ip.end) {
        return None;
    }
    let ends = if transport::has_ports(protocol) {
        Ends { local: read(payload)?, remote: read(payload + transport::DESTINATION)? }
    } else if protocol == ICMP || protocol == ICMPV6 {
        Ends { local: read(payload + ECHO_IDENTIFIER)?, remote: 0 }
    } else {
        Ends::default()
    };
    Flow::of_quoted(bytes, ip, offset, protocol, ends, key)
}
