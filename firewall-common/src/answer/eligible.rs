//! Of which packets nobody is told: RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4 (e). A TCP reset is no ICMP error, but in
//! answer to such a packet it would do the same harm.

use super::checksum::Sums;
use crate::packet::{
    Be32, Be64, Bytes, Ip, ipv4, ipv6,
    transport::{ICMP, ICMPV6},
};

/// ICMP echo reply and echo request, and the requests and replies from timestamp (13) to address mask (18): all that are no
/// errors. What isn't known counts as one, as in the kernel's `icmp_send`.
const fn is_query4(kind: u8) -> bool {
    matches!(kind, 0 | 8 | 13..=18)
}

/// An ICMPv6 redirect, which is no error by its number, but isn't answered either (RFC 4443 2.4 (e.2)).
const REDIRECT: u8 = 137;

/// ICMPv6 messages that are no errors begin here (RFC 4443 2.1).
const INFORMATIONAL: u8 = 128;

/// Whether the sender of an IPv4 packet may be told of it; `None` if the packet can't be read.
#[inline(always)]
pub(super) fn v4<B: Sums + ?Sized>(bytes: &B, ip: &Ip) -> Option<bool> {
    let [source, destination]: [Be32; 2] = bytes.read(ip.offset + ipv4::ADDRESSES)?;
    let (source, destination) = (source.value(), destination.value());
    let is_error = ip.protocol == ICMP && !is_query4(ip.transport.icmp_type());
    if ip.fragment.is_trailing() || is_error || !is_host4(source) || !is_host4(destination) {
        return Some(false);
    }
    // RFC 1122 3.2.1.2: as if it had never come.
    Some(source != destination && bytes.sum(ip.offset, ip.payload - ip.offset)?.is_sound())
}

/// The same, of an IPv6 packet.
#[inline(always)]
pub(super) fn v6<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<bool> {
    let [source, destination]: [[Be64; 2]; 2] = bytes.read(ip.offset + ipv6::ADDRESSES)?;
    let [source, destination] = [source, destination].map(|[high, low]| (high.value(), low.value()));
    let kind = ip.transport.icmp_type();
    let is_error = ip.protocol == ICMPV6 && (kind < INFORMATIONAL || kind == REDIRECT);
    let are_hosts = is_host6(source) && is_host6(destination) && source != destination;
    Some(!ip.fragment.is_trailing() && !is_error && are_hosts)
}

/// Whether an IPv4 address, host byte order, can be that of a single host on another: not of "this network" (RFC 1122 3.2.1.3),
/// the loopback, multicast, class E or the broadcast address.
#[inline(always)]
const fn is_host4(address: u32) -> bool {
    let first = address >> 24;
    first != 0 && first != 127 && first < 224
}

/// Whether an IPv6 address, host byte order, can be that of a single host on another: not multicast, unspecified, the
/// loopback, or mapped from IPv4 (RFC 4291 2.5, 2.7; RFC 4038 4.2).
#[inline(always)]
const fn is_host6((high, low): (u64, u64)) -> bool {
    high >> 56 != 0xff && (high != 0 || (low > 1 && low >> 32 != 0xffff))
}
