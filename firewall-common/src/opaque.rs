//! Hiding from the compiler what it knows of a number.
//!
//! The kernel's verifier doesn't know it, and needs the masks and comparisons that the compiler would leave out.
//! [`core::hint::black_box`] does that, too, but takes the number to the stack and back, of which there is little.

/// The same number, of which the compiler knows nothing: neither what it may be, nor that it was the same before.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub fn opaque(mut number: u64) -> u64 {
    // SAFETY: it only moves a register to itself. (Without any instruction, the one that follows would have two lines in the
    // debug information, which the kernel refuses.)
    unsafe { core::arch::asm!("{0} = {0}", inlateout(reg) number, options(nomem, nostack, preserves_flags)) };
    number
}

/// The same number: natively, nobody minds what the compiler leaves out.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub const fn opaque(number: u64) -> u64 {
    number
}

/// The same number, of which the verifier knows nothing either: what follows it walks once for any, and not once for each that the
/// number may be. `unknown` is something that it knows nothing of.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub fn any_of(mut number: u64, unknown: u64) -> u64 {
    // SAFETY: it changes nothing but its own register, to what that was before in the end.
    unsafe {
        core::arch::asm!("{0} ^= {1}", "{0} ^= {1}", inlateout(reg) number, in(reg) unknown, options(pure, nomem, nostack));
    }
    number
}

/// The same number.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub const fn any_of(number: u64, _unknown: u64) -> u64 {
    number
}
