//! Fragwall's XDP program: the packet's path through the kernel, from top to bottom.
//!
//! It is thin on purpose. What a packet says and what becomes of it is decided by `firewall-common`, which also runs
//! natively; here are the packet's bytes ([`frame`]), the maps ([`maps`], [`rules`]) and the glue between.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

mod answer;
mod deadline;
mod direct;
mod event;
mod flows;
mod frame;
mod headers;
mod kernel;
mod maps;
mod rules;
mod setting;
mod tables;
mod tallies;
#[cfg(feature = "trace")]
mod trace;

use aya_ebpf::{
    bindings::{xdp_action, xdp_md},
    macros::xdp,
    programs::XdpContext,
};
use firewall_common::{
    fragment::{Class, Fragment},
    judge::{Outcome, Settle, judge, judge_behind, judge_plain},
    packet::{
        Bytes, ethernet,
        plain::{self, Kind},
    },
    record::Trace,
    stance::{Mode, Stance},
    verdict::{Judgement, Verdict},
};
use frame::{Far, Linear};
use kernel::Kernel;

/// Judges a packet, counts it, and passes or drops it, or sends its sender an answer.
#[xdp(frags)]
pub fn fragwall(ctx: XdpContext) -> u32 {
    if deadline::is_over() {
        if deadline::was_unfiltered() {
            return xdp_action::XDP_PASS;
        }
        deadline::go_back(&ctx);
        // The loader sees to it that the program before is there. Were it not, to pass everything would fail open, and to
        // drop everything would lock out whom the deadline is to let in again: this program's own rules are left.
    }
    let action = plain_or_any(&ctx);
    // Asked first: where none are sent, the verifier leaves out all that sends them (from Linux 6.8 on).
    if answer::are_sent() && action >= answer::DUE { answer::send(ctx.ctx, action) } else { action }
}

/// What becomes of a packet: an XDP action, or from [`answer::DUE`] on an answer.
#[inline(always)]
fn plain_or_any(ctx: &XdpContext) -> u32 {
    let judged = match plain::kind(&Linear::new(ctx)) {
        Some(kind @ (Kind::Whole6 | Kind::Whole4)) => plain(kind, ctx),
        Some(Kind::Fragment6) => fragment6(ctx.ctx),
        Some(Kind::Fragment4) => fragment4(ctx.ctx),
        None => OTHER,
    };
    match judged {
        OTHER => match any(ctx.ctx) {
            OTHER => far(ctx.ctx),
            action => action,
        },
        action => action,
    }
}

/// What [`plain`] returns of a packet that isn't, and [`any`] of one that goes on in further buffers.
const OTHER: u32 = u32::MAX;

/// What becomes of a packet as most are.
#[inline(always)]
fn plain(kind: Kind, ctx: &XdpContext) -> u32 {
    let kernel = Kernel::<{ kernel::PLAIN }>::new(ctx);
    judge_plain(kind, &Linear::new(ctx), &kernel, &Packet { ctx }).unwrap_or(OTHER)
}

/// The same of an IPv6 fragment.
///
/// A function of its own, as those below are, so that neither's stack lies below another's, nor is needed on the common path:
/// all that are nested at one moment share 512 bytes.
#[inline(never)]
fn fragment6(ctx: *mut xdp_md) -> u32 {
    plain(Kind::Fragment6, &XdpContext::new(ctx))
}

/// The same of an IPv4 fragment.
#[inline(never)]
fn fragment4(ctx: *mut xdp_md) -> u32 {
    plain(Kind::Fragment4, &XdpContext::new(ctx))
}

/// A packet whose judgement is to be settled.
struct Packet<'a> {
    ctx: &'a XdpContext,
}

impl Settle<u32> for Packet<'_> {
    #[inline(always)]
    fn settle(&self, judgement: Judgement, fragment: Fragment) -> u32 {
        // What is plain is in one buffer.
        settle(self.ctx, frame::length_again(self.ctx), judgement, fragment)
    }
}

/// What becomes of a packet that isn't as most are.
#[inline(never)]
fn any(ctx: *mut xdp_md) -> u32 {
    let ctx = XdpContext::new(ctx);
    let ethernet = ethernet::parse(&Linear::new(&ctx));
    // Anew, so that the verifier doesn't walk what follows once for each number of VLAN tags, by what it knows of the old one.
    let frame = Linear::again(&ctx);
    let Outcome { judgement, fragment, end } =
        judge_behind(ethernet, &frame, &Kernel::<{ kernel::NEAR }>::new(&ctx));
    let mut length = frame.len();
    // Only a packet that ended too soon, or a frame that goes on behind its packet, can have more buffers than were looked
    // at: all others are spared the call. Padding up to the least length of a frame is no such case.
    let past_end = judgement.is_past_end();
    if past_end || (length > end && length > ethernet::MIN_FRAME) {
        length = frame::length(&ctx);
        if past_end && length > frame.len() {
            return OTHER;
        }
    }
    settled_of(&ctx, length, judgement, fragment)
}

/// The same for a packet that goes on in further buffers (jumbo frames): its bytes cost a call each.
#[inline(never)]
fn far(ctx: *mut xdp_md) -> u32 {
    let ctx = XdpContext::new(ctx);
    let frame = Far::new(&ctx);
    let Outcome { judgement, fragment, end: _ } = judge(&frame, &Kernel::<{ kernel::FAR }>::new(&ctx));
    settled_of(&ctx, frame.len(), judgement, fragment)
}

/// [`settle`], called, for want of stack.
#[inline(always)]
fn settled_of(ctx: &XdpContext, length: usize, judgement: Judgement, fragment: Fragment) -> u32 {
    let what = u64::from(judgement.to_bits()) | u64::from(fragment.class.code()) << 32;
    settled(ctx.ctx, what, fragment.to_bits(), fragment.id, length as u32)
}

/// [`settle`], as a function that takes and returns nothing but numbers, so that the verifier walks it for any: a judgement below a
/// class.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn settled(ctx: *mut xdp_md, what: u64, fragment: u64, id: u32, length: u32) -> u32 {
    let judgement = Judgement::from_bits(what as u32);
    let class = Class::from_code((what >> 32) as u8).unwrap_or_default();
    let fragment = Fragment { class, id, ..Fragment::from_bits(fragment) };
    settle_in(maps::mode(), &XdpContext::new(ctx), length as usize, judgement, fragment)
}

/// Counts a packet, explains it if asked to, tells of it to whoever watches, and says how its verdict is carried out: see [`plain_or_any`].
#[inline(always)]
fn settle(ctx: &XdpContext, length: usize, judgement: Judgement, fragment: Fragment) -> u32 {
    // The verifier, which knows the mode, drops one of the two: in the usual mode nothing of the others is asked on the way.
    match maps::mode() {
        Mode::USUAL => settle_in(Mode::USUAL, ctx, length, judgement, fragment),
        _ => settled_of(ctx, length, judgement, fragment),
    }
}

#[inline(always)]
fn settle_in(mode: Mode, ctx: &XdpContext, length: usize, judgement: Judgement, fragment: Fragment) -> u32 {
    if !mode.explains() {
        event::tell(ctx, length, judgement, fragment.class);
    }
    let stance = mode.stance();
    maps::count(stance, judgement.cell(), length as u64);
    tallies::count(ctx.ctx, stance, judgement.verdict_code(), length as u64);
    if mode.explains() {
        maps::explain(|serial| Trace::new(judgement, fragment, serial));
    }
    #[cfg(feature = "trace")]
    trace::tell(ctx, length, judgement);
    match judgement.verdict() {
        Verdict::Pass => xdp_action::XDP_PASS,
        _ if stance == Stance::Observing => xdp_action::XDP_PASS,
        Verdict::Drop => xdp_action::XDP_DROP,
        Verdict::Reject => answer::due(judgement.slot()),
    }
}

/// The licence that the kernel asks for: GPL-compatible, since the program is MIT or Apache-2.0 and GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics; were a panic compiled in, the verifier would refuse this loop.
    loop {}
}
