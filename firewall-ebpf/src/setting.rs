//! Settings: what the loader writes into the program before it loads it, and the kernel then freezes.

/// `BPF_F_MMAPABLE`: what the kernel can map starts on a page, so a set never straddles two cache lines.
pub const MMAPABLE: usize = 1 << 10;

/// Reads a setting as the loader wrote it: the compiler must not take the value above for granted, while the verifier,
/// which knows it to be frozen, drops the branches that it rules out.
#[inline(always)]
pub fn setting<T: Copy>(setting: &T) -> T {
    // SAFETY: a reference is valid to read from.
    unsafe { core::ptr::from_ref(setting).read_volatile() }
}
