//! ICMP that passes whatever the rules say, because the link, path-MTU discovery or what tells of a packet's fate would break
//! without it (RFC 4890 4.3, 4.4).

use crate::{
    packet::{Be64, Bytes, Family, Ip, ipv6, transport::ICMPV6},
    reply::quote::is_error,
    rules::{Action, Decision, Slot},
    verdict::Reason,
};

/// What trailing fragments of an essential message inherit.
pub const DECISION: Decision = Decision::new(Action::Allow, Slot::ESSENTIAL);

/// ICMP destination unreachable (RFC 792) …
const UNREACHABLE: u8 = 3;
/// … because fragmentation is needed (RFC 1191).
const FRAGMENTATION_NEEDED: u8 = 4;
/// ICMPv6 packet too big (RFC 4443 3.2).
const PACKET_TOO_BIG: u8 = 2;
/// ICMPv6 router solicitation, the first of the five messages of neighbour discovery (RFC 4861 4).
const ROUTER_SOLICITATION: u8 = 133;
/// ICMPv6 redirect, the last of them.
const REDIRECT: u8 = 137;
/// The hop limit that proves a message of neighbour discovery to come from this link.
const FROM_THIS_LINK: u8 = 255;

/// ICMPv6 multicast listener query, report and done (RFC 2710) and report of version 2 (RFC 3810).
const MULTICAST_LISTENER: [u8; 4] = [130, 131, 132, 143];
/// The hop limit that all of them have.
const ON_THIS_LINK: u8 = 1;

/// Where the source address lies in an IPv6 header, in bytes.
const SOURCE: usize = 8;

/// Whether an ICMP message is essential: the reason to pass it, or the reason to drop what only looks like it; `None` if
/// it's for the rules. Errors that tell of a packet's fate are essential if `errors`.
#[inline(always)]
pub fn judge<B: Bytes + ?Sized>(
    bytes: &B,
    ip: &Ip,
    kind: u8,
    code: u8,
    errors: bool,
) -> Option<Result<Reason, Reason>> {
    match ip.family {
        Family::V4 if ip.protocol == ICMPV6 => None,
        Family::V4 if kind == UNREACHABLE && code == FRAGMENTATION_NEEDED => Some(Ok(Reason::PacketTooBig)),
        Family::V4 => (errors && is_error(Family::V4, kind)).then_some(Ok(Reason::IcmpError)),
        Family::V6 if ip.protocol != ICMPV6 => None,
        Family::V6 => match kind {
            kind if errors && is_error(Family::V6, kind) => Some(Ok(Reason::IcmpError)),
            PACKET_TOO_BIG => Some(Ok(Reason::PacketTooBig)),
            ROUTER_SOLICITATION..=REDIRECT if ip.fragment.is_fragment() => {
                Some(Err(Reason::FragmentNeighbourDiscovery))
            }
            ROUTER_SOLICITATION..=REDIRECT => (hop_limit(bytes, ip)? == FROM_THIS_LINK && code == 0)
                .then_some(Ok(Reason::NeighbourDiscovery)),
            kind if MULTICAST_LISTENER.contains(&kind) && !ip.fragment.is_fragment() => {
                (hop_limit(bytes, ip)? == ON_THIS_LINK && is_from_this_link(bytes, ip)?)
                    .then_some(Ok(Reason::MulticastListener))
            }
            _ => None,
        },
    }
}

/// The hop limit; one that can't be read is none, and leaves the message to the rules.
#[inline(always)]
fn hop_limit<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<u8> {
    // With the byte before it: that a single byte is there, the verifier never sees of a place that it doesn't know.
    let [_, hop_limit] = bytes.read(ip.offset_again() + ipv6::HOP_LIMIT - 1)?;
    Some(hop_limit)
}

/// Whether the source is a link-local address (`fe80::/10`), or none yet (`::`).
#[inline(always)]
fn is_from_this_link<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<bool> {
    let [high, low]: [Be64; 2] = bytes.read(ip.offset_again() + SOURCE)?;
    Some(high.value() >> 54 == 0xfe80 >> 6 || high.value() | low.value() == 0)
}
