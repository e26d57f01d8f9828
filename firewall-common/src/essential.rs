//! ICMP that passes whatever the rules say, because the link or path-MTU discovery would break without it.

use crate::{
    packet::{Bytes, Family, Ip, ipv6, transport::ICMPV6},
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

/// Whether an ICMP message is essential: the reason to pass it, or the reason to drop what only looks like it; `None` if
/// it's for the rules.
#[inline(always)]
pub fn judge<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, kind: u8, code: u8) -> Option<Result<Reason, Reason>> {
    match ip.family {
        Family::V4 => (ip.protocol != ICMPV6 && kind == UNREACHABLE && code == FRAGMENTATION_NEEDED)
            .then_some(Ok(Reason::PacketTooBig)),
        Family::V6 if ip.protocol != ICMPV6 => None,
        Family::V6 => match kind {
            PACKET_TOO_BIG => Some(Ok(Reason::PacketTooBig)),
            ROUTER_SOLICITATION..=REDIRECT if ip.fragment.is_fragment() => {
                Some(Err(Reason::FragmentNeighbourDiscovery))
            }
            ROUTER_SOLICITATION..=REDIRECT => {
                // A hop limit that can't be read is none: the message is left to the rules.
                let [hop_limit] = bytes.read(ip.offset + ipv6::HOP_LIMIT)?;
                (hop_limit == FROM_THIS_LINK && code == 0).then_some(Ok(Reason::NeighbourDiscovery))
            }
            _ => None,
        },
    }
}
