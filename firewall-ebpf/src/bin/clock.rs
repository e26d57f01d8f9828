//! A program that tells the kernel's clock, in which the others measure time: user space can't read it.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

use aya_ebpf::{bindings::xdp_action, helpers::bpf_jiffies64, macros::xdp, programs::XdpContext};

/// Writes the clock's 64 bits to where the frame begins, in host byte order.
#[xdp(frags)]
pub fn clock(ctx: XdpContext) -> u32 {
    let place = ctx.data() as *mut u64;
    if ctx.data() + size_of::<u64>() > ctx.data_end() {
        return xdp_action::XDP_ABORTED;
    }
    // SAFETY: the helper takes nothing and only reads the clock; the frame has room for what it returns.
    unsafe { place.write_unaligned(bpf_jiffies64()) };
    xdp_action::XDP_PASS
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics.
    loop {}
}
