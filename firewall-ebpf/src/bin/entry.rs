//! What others load on an interface that they have already: it hands each packet to the filter that is put into its array.
//!
//! Whoever shares out an interface (libxdp's dispatcher, bpfman) loads this once, in a place among its other programs. `fragwall attach` finds
//! it there, and puts its own program into the array; each change of rules exchanges that, and nothing of others' is touched.
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
    bindings::xdp_action,
    btf_maps::ProgramArray,
    macros::{btf_map, xdp},
    programs::XdpContext,
};

/// The filter. The loader finds the array by this name, and by its program's.
#[btf_map]
static FRAGWALL_ENTRY: ProgramArray<1> = ProgramArray::new();

/// Lets the filter have the packet. Without one all pass, as on an interface that isn't filtered.
#[xdp(frags)]
pub fn fragwall_entry(ctx: XdpContext) -> u32 {
    // SAFETY: nothing on the stack has anything to do when it's left.
    unsafe { FRAGWALL_ENTRY.tail_call(&ctx, 0) };
    xdp_action::XDP_PASS
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
