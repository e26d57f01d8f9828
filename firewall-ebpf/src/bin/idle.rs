//! A program on egress that does nothing, to measure the other one against.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the classifier macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

use aya_ebpf::{macros::classifier, programs::TcContext};

/// On with whatever comes next.
#[classifier]
pub fn idle(_: TcContext) -> i32 {
    -1
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
