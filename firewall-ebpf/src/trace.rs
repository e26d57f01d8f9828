//! The program's own trace (aya-log), for debugging it.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use firewall_common::verdict::Judgement;

/// Tells of a packet.
#[inline(always)]
pub fn tell(ctx: &XdpContext, length: usize, judgement: Judgement) {
    trace(ctx.ctx, judgement.to_bits(), length as u32);
}

/// The same, as a function that the verifier walks once, for whatever numbers: it writes names byte by byte.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn trace(ctx: *mut xdp_md, judgement: u32, length: u32) -> u32 {
    let ctx = XdpContext::new(ctx);
    let judgement = Judgement::from_bits(judgement);
    aya_log_ebpf::debug!(
        &ctx,
        "{} bytes on interface {}: {} because of {}, slot {}",
        length,
        ctx.ingress_ifindex(),
        judgement.verdict().name(),
        judgement.reason().name(),
        judgement.slot().index()
    );
    0
}
