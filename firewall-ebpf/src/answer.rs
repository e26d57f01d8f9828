//! Telling the senders of rejected packets, from the packets' own frames.

use aya_ebpf::{
    bindings::{xdp_action, xdp_md},
    btf_maps::HashMap,
    helpers::{bpf_get_prandom_u32, bpf_jiffies64, bpf_redirect, bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    macros::btf_map,
    programs::XdpContext,
};
use firewall_common::{
    answer::{
        self, Answer, BytesMut, Codes, Plan, Sender,
        checksum::{MAX_LENGTH, Sum, Sums},
        rate::{self, Rates},
    },
    fragment::{identity::Source, tick::Tick},
    packet::{
        Bytes, Family, Ip, Wire,
        ethernet::{HEADER, MAX_TAGS, TAG},
        ipv6,
    },
    rules::{SLOTS, Slot},
};

use crate::{
    frame::{self, Linear},
    maps::HASH_KEY,
    rules::Ruleset,
    setting::setting,
};

/// Not 0: some rule or the default rejects, and senders are told.
#[unsafe(no_mangle)]
static ANSWERS: u32 = 0;

/// What they are told, by slot.
#[unsafe(no_mangle)]
static ANSWER_CODES: [Codes; SLOTS] = [Answer::PortUnreachable.codes(); SLOTS];

/// How many answers are sent.
#[unsafe(no_mangle)]
static ANSWER_RATES: Rates = Rates::NONE;

/// The interfaces that are one end of a virtual link, by index; what they have here says nothing. The loader sets their number.
#[btf_map]
static VETHS: HashMap<u32, u32, 1> = HashMap::new();

/// From here on what becomes of a packet is no XDP action, but that the slot behind it rejects it and its sender is to know.
pub const DUE: u32 = 1 << 16;

/// Whether any are.
#[inline(always)]
pub fn are_sent() -> bool {
    setting(&ANSWERS) != 0
}

/// What becomes of a packet that a slot rejects: an XDP action, or from [`DUE`] on a number that [`send`] takes.
#[inline(always)]
pub fn due(slot: Slot) -> u32 {
    if are_sent() { DUE | slot.index() as u32 } else { xdp_action::XDP_DROP }
}

/// Sends the answer that is due; the XDP action. A packet that gets none is dropped.
///
/// A function that the verifier walks once, for whatever number; IPv4 and IPv6 have theirs, so that neither's stack lies below
/// the other's.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send(ctx: *mut xdp_md, due: u32) -> u32 {
    let frame = Front::new(XdpContext::new(ctx));
    let Some(codes) = ANSWER_CODES.get((due & (DUE - 1)) as usize).map(setting) else {
        return xdp_action::XDP_DROP;
    };
    let is_made = match answer::family(&frame) {
        Some(Family::V4) => make4(ctx, codes[0].0.into()),
        Some(Family::V6) => make6(ctx, codes[1].0.into()),
        None => 0,
    };
    if is_made == 0 { xdp_action::XDP_DROP } else { leave(&XdpContext::new(ctx)) }
}

/// How an answer leaves by the interface that its packet came in on.
///
/// What a veth sends back by `XDP_TX` lies with its peer until something else comes, unless the peer has an XDP program of
/// its own; what is redirected to it wakes a peer that has only receive offload, too.
#[inline(always)]
fn leave(ctx: &XdpContext) -> u32 {
    let interface = ctx.ingress_ifindex() as u32;
    if VETHS.get_ptr(interface).is_none() {
        return xdp_action::XDP_TX;
    }
    // SAFETY: the helper takes numbers only.
    unsafe { bpf_redirect(interface, 0) as u32 }
}

#[inline(never)]
fn make4(ctx: *mut xdp_md, code: u32) -> u32 {
    let frame = Front::new(XdpContext::new(ctx));
    u32::from(answer::v4(&frame, answer::Code(code as u8), &frame).is_some())
}

#[inline(never)]
fn make6(ctx: *mut xdp_md, code: u32) -> u32 {
    let frame = Front::new(XdpContext::new(ctx));
    u32::from(answer::v6(&frame, answer::Code(code as u8), &frame).is_some())
}

/// A packet whose first buffer holds all that its answer is made of.
struct Front {
    ctx: XdpContext,
    first: Linear,
    length: usize,
}

impl Front {
    #[inline(always)]
    fn new(ctx: XdpContext) -> Self {
        let first = Linear::new(&ctx);
        let length = frame::length(&ctx);
        Self { ctx, first, length }
    }
}

impl Bytes for Front {
    #[inline(always)]
    fn len(&self) -> usize {
        self.length
    }

    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        self.first.read(offset)
    }
}

impl Sums for Front {
    #[inline(always)]
    fn sum(&self, offset: usize, length: usize) -> Option<Sum> {
        let sum = sum(self.ctx.ctx, offset as u32, length as u32);
        if sum == NO_SUM { None } else { Some(Sum(sum)) }
    }
}

/// What [`sum`] returns of bytes that aren't there; no sum of so few words is as large.
const NO_SUM: u64 = u64::MAX;

/// [`Sums::sum`], as a function that the verifier walks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sum(ctx: *mut xdp_md, offset: u32, length: u32) -> u64 {
    // The bounds are for the verifier: all that is summed up begins in an IP header behind tags at most.
    if offset as usize > HEADER + MAX_TAGS * TAG + ipv6::HEADER || length as usize > MAX_LENGTH {
        return NO_SUM;
    }
    let first = Linear::new(&XdpContext::new(ctx));
    Sum::of(&first, offset as usize, length as usize).map_or(NO_SUM, |sum| sum.0)
}

/// [`rate::admits`], as a function that the verifier walks once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn may_answer(source: u64, now: u32) -> u32 {
    u32::from(rate::admits(&Ruleset, &setting(&ANSWER_RATES), source, Tick(now)))
}

impl Sender for Front {
    #[inline(always)]
    fn admits<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> bool {
        // SAFETY: the helper takes nothing and only reads the clock.
        let now = unsafe { bpf_jiffies64() } as u32;
        Source::of(bytes, ip, &HASH_KEY).is_some_and(|source| may_answer(source.0, now) != 0)
    }

    #[inline(always)]
    fn identification(&self) -> u16 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_get_prandom_u32() as u16 }
    }

    #[inline(always)]
    fn send<F: answer::Front, U: Wire>(&self, plan: &Plan<F, U>) -> Option<()> {
        let (cut, grown) = (plan.kept as i32 - self.length as i32, plan.grown as i32);
        // SAFETY: the context is the one that the program was called with; whatever pointed into the packet is not used again.
        let failed = unsafe {
            cut != 0 && bpf_xdp_adjust_tail(self.ctx.ctx, cut) != 0
                || grown != 0 && bpf_xdp_adjust_head(self.ctx.ctx, -grown) != 0
        };
        if failed { None } else { plan.write(&mut Linear::new(&self.ctx)) }
    }
}

impl BytesMut for Linear {
    #[inline(always)]
    fn write<T: Wire>(&mut self, offset: usize, header: T) -> Option<()> {
        let place = self.place::<T>(offset)?;
        // SAFETY: the bytes lie before the packet's end, and the packet is this program's alone.
        unsafe { place.cast_mut().write_unaligned(header) };
        Some(())
    }
}
