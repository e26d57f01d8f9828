//! A program that shares out an interface, as libxdp's and bpfman's dispatchers do: it calls functions of its own, in whose places others' programs
//! are put. Tests have it call Fragwall's entry.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

use aya_ebpf::{
    bindings::{xdp_action, xdp_md},
    helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    macros::xdp,
    programs::XdpContext,
};

/// What a place does as long as nobody's program is in it. Where the compiler knew that, it would leave the call out.
#[unsafe(no_mangle)]
static UNUSED: u32 = xdp_action::XDP_PASS;

/// Has one place have the packet, and then the other one, unless the first doesn't pass it.
#[xdp]
pub fn xdp_dispatcher(ctx: XdpContext) -> u32 {
    match prog0(ctx.ctx) {
        xdp_action::XDP_PASS => prog1(ctx.ctx),
        action => action,
    }
}

/// The first place.
///
/// It changes the packet by nothing: since Linux 6.13, and kernels that have it from there, programs that change a packet, or call others,
/// replace only a function that does so, too.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn prog0(ctx: *mut xdp_md) -> u32 {
    // SAFETY: the context is the packet's, and nothing points into it.
    unsafe { bpf_xdp_adjust_head(ctx, 0) };
    unused()
}

/// The second place.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn prog1(ctx: *mut xdp_md) -> u32 {
    // SAFETY: the context is the packet's, and nothing points into it.
    unsafe { bpf_xdp_adjust_tail(ctx, 0) };
    unused()
}

#[inline(always)]
fn unused() -> u32 {
    // SAFETY: a static is there to be read.
    unsafe { core::ptr::read_volatile(&UNUSED) }
}

/// The licence that the kernel asks for.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics.
    loop {}
}
