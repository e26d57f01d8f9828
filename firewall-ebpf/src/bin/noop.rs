//! A program that passes everything at once: the yardstick for what Fragwall's costs.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};

/// Passes the packet.
#[xdp(frags)]
pub fn noop(_: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics.
    loop {}
}
