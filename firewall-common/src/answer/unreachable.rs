//! Destination-unreachable messages: RFC 792, RFC 1812 4.3.2 and 5.2.7.1, RFC 4443 3.1.

use super::{
    Code, Plan,
    checksum::{MAX_LENGTH, Sums},
    header::{Front4, Front6, Service, Unreachable},
};
use crate::packet::{
    Ip, ipv4, ipv6,
    transport::{ICMP, ICMPV6},
};

/// What comes before the quote, of IPv4 and of IPv6, in bytes.
const BEFORE4: usize = ipv4::HEADER + size_of::<Unreachable>();
const BEFORE6: usize = ipv6::HEADER + size_of::<Unreachable>();

/// The longest ICMP error, in bytes (RFC 1812 4.3.2.3).
const LONGEST4: usize = 576;
/// The longest ICMPv6 error, in bytes: the least MTU of IPv6 (RFC 4443 2.4 (c)).
const LONGEST6: usize = 1280;
const _: () = assert!(LONGEST6 - BEFORE6 == MAX_LENGTH);

/// Where the type of service lies in an IPv4 header, in bytes.
const SERVICE: usize = 1;
/// Its bits that an error takes from its packet: all but the precedence and the last one …
const KEPT_SERVICE: u8 = 0x1e;
/// … and the precedence of errors, internetwork control (RFC 1812 4.3.2.5).
const PRECEDENCE: u8 = 0xc0;

/// The error about an IPv4 packet.
#[inline(always)]
pub(super) fn v4<B: Sums + ?Sized>(
    bytes: &B,
    ip: &Ip,
    code: Code,
    identification: u16,
) -> Option<Plan<Front4, Unreachable>> {
    let quoted = (ip.end - ip.offset).min(LONGEST4 - BEFORE4);
    let upper = Unreachable::v4(code.0, bytes.sum(ip.offset, quoted)?);
    let service = bytes.read::<u8>(ip.offset + SERVICE)? & KEPT_SERVICE | PRECEDENCE;
    let with = Service { service, identification, fragmentation: 0 };
    let addresses = super::addresses4(bytes, ip)?;
    let front = Front4::new(with, ICMP, size_of::<Unreachable>() + quoted, addresses);
    Some(Plan { link: ip.offset, front, upper, kept: ip.offset + quoted, grown: BEFORE4 })
}

/// The error about an IPv6 packet.
#[inline(always)]
pub(super) fn v6<B: Sums + ?Sized>(bytes: &B, ip: &Ip, code: Code) -> Option<Plan<Front6, Unreachable>> {
    let quoted = (ip.end - ip.offset).min(LONGEST6 - BEFORE6);
    let quote = bytes.sum(ip.offset, quoted)?;
    let upper = Unreachable::v6(code.0, quoted, quote, super::addresses6(bytes, ip)?);
    let front = Front6::new(ICMPV6, size_of::<Unreachable>() + quoted);
    Some(Plan { link: ip.offset, front, upper, kept: ip.offset + quoted, grown: BEFORE6 })
}
