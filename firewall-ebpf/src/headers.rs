//! A packet whose headers are known, as numbers, and what flows and rules say of it: functions that the verifier walks once
//! for any arguments, and not once for each of the ways that lead there.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use firewall_common::{
    fragment::Fragment,
    packet::{
        Ip,
        transport::{Kind, Transport},
    },
    reply,
    rules::{self, Decision},
    verdict::Reason,
};

use crate::{
    flows::HostFlows,
    frame::{Far, Linear},
    kernel::{Kernel, PLAIN},
    maps::HASH_KEY,
    tables::family_of,
};

/// [`rules::decide`], of a packet whose headers are in its first buffer: the decision, or [`NONE`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn decide(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    decision(rules::decide(&Linear::new(&ctx), &packet(places, what), &Kernel::<PLAIN>::new(&ctx)))
}

/// The same, of a packet that goes on in further buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn decide_far(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    decision(rules::decide(&Far::new(&ctx), &packet(places, what), &Kernel::<PLAIN>::new(&ctx)))
}

/// [`reply::accepts`], of a packet whose headers are in its first buffer: the reason, or [`NONE`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn replied(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    reason(reply::accepts(&Linear::new(&ctx), &packet(places, what), &HASH_KEY, &HostFlows))
}

/// The same, of a packet that goes on in further buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn replied_far(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    reason(reply::accepts(&Far::new(&ctx), &packet(places, what), &HASH_KEY, &HostFlows))
}

/// Neither a decision's number nor a reason's.
pub const NONE: u32 = u32::MAX;

#[inline(always)]
const fn decision(decision: Option<Decision>) -> u32 {
    match decision {
        Some(decision) => decision.to_bits() as u32,
        None => NONE,
    }
}

#[inline(always)]
const fn reason(reason: Option<Reason>) -> u32 {
    match reason {
        Some(reason) => reason.code() as u32,
        None => NONE,
    }
}

/// A packet's headers as numbers: where its IP header begins, where what it carries does, and where it ends.
#[inline(always)]
pub const fn places(ip: &Ip) -> u64 {
    ip.offset as u64 | (ip.payload as u64) << 16 | (ip.end as u64) << 32
}

/// Its IP version and protocol, and what its transport header says.
#[inline(always)]
pub const fn what(ip: &Ip) -> u64 {
    let Transport { kind, number } = ip.transport;
    ip.family.index() as u64 | (ip.protocol as u64) << 8 | (number as u64) << 16 | (kind as u64) << 32
}

/// The packet of those numbers, as far as rules and flows ask: not what fragment it is.
#[inline(always)]
fn packet(places: u64, what: u64) -> Ip {
    const PORTS: u64 = Kind::Ports as u64;
    const ICMP: u64 = Kind::Icmp as u64;
    let kind = match what >> 32 {
        PORTS => Kind::Ports,
        ICMP => Kind::Icmp,
        _ => Kind::Opaque,
    };
    // The masks are for the verifier, which knows nothing of the arguments: VLAN tags and extension headers are bounded.
    Ip {
        family: family_of(what as u32 & 0xff),
        offset: places as usize & 0x1f,
        end: (places >> 32) as usize & 0x1_ffff,
        payload: (places >> 16) as usize & 0x1ff,
        vlans: 0,
        fragment: Fragment::WHOLE,
        protocol: (what >> 8) as u8,
        transport: Transport { kind, number: (what >> 16) as u16 },
    }
}
