//! Memory that CPUs share without a lock.

/// A 64-bit word that CPUs share: reads and writes are whole, in no order.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Word(
    #[cfg(target_arch = "bpf")] core::cell::UnsafeCell<u64>,
    #[cfg(not(target_arch = "bpf"))] core::sync::atomic::AtomicU64,
);

// The BPF backend compiles no atomic load below CPU v4; there, an aligned 64-bit access is whole by the instruction set.
#[cfg(target_arch = "bpf")]
impl Word {
    /// Its value.
    #[inline(always)]
    pub fn load(&self) -> u64 {
        // SAFETY: the pointer comes from a reference, and an aligned 64-bit BPF load is never torn.
        unsafe { self.0.get().read_volatile() }
    }

    /// Gives it another value.
    #[inline(always)]
    pub fn store(&self, value: u64) {
        // SAFETY: the pointer comes from a reference to a cell, and an aligned 64-bit BPF store is never torn.
        unsafe { self.0.get().write_volatile(value) }
    }
}

// SAFETY: each access is one whole machine access; see above.
#[cfg(target_arch = "bpf")]
unsafe impl Sync for Word {}

#[cfg(not(target_arch = "bpf"))]
impl Word {
    /// Its value.
    pub fn load(&self) -> u64 {
        self.0.load(core::sync::atomic::Ordering::Relaxed)
    }

    /// Gives it another value.
    pub fn store(&self, value: u64) {
        self.0.store(value, core::sync::atomic::Ordering::Relaxed);
    }
}
