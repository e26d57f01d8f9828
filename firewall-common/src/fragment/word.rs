//! Memory that CPUs share without a lock.

#[cfg(target_arch = "bpf")]
use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd, atomic_xchg};

#[cfg(target_arch = "bpf")]
use crate::opaque::opaque;

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

    /// Gives it another value and returns the one that it had, in one step. Whatever this CPU wrote before, others see
    /// before it reads anything else (`BPF_XCHG`, Linux 5.12).
    #[inline(always)]
    pub fn swap(&self, value: u64) -> u64 {
        // SAFETY: the pointer comes from a reference to a cell, aligned as the instruction wants it. The target has no
        // atomic type with this operation, since it lacks others.
        unsafe { atomic_xchg::<u64, { AtomicOrdering::SeqCst }>(self.0.get(), value) }
    }

    /// Makes it zero if it has that value, in one step; says whether it had (`BPF_CMPXCHG`, Linux 5.12).
    #[inline(always)]
    pub fn take(&self, value: u64) -> bool {
        // SAFETY: as above.
        unsafe {
            atomic_cxchg::<u64, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(
                self.0.get(),
                value,
                0,
            )
            .0 == value
        }
    }

    /// Adds to its value, which wraps around, in one step (`BPF_ADD`).
    #[inline(always)]
    pub fn add(&self, value: u64) {
        // SAFETY: as above.
        unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(self.0.get(), value) };
    }

    /// The same; and whatever this CPU wrote before, others see before it reads anything else, as with [`Word::swap`]. That
    /// takes the instruction that fetches the value before (`BPF_ADD | BPF_FETCH`, Linux 5.12): the other is in no order.
    #[inline(always)]
    pub fn add_in_order(&self, value: u64) {
        // SAFETY: as above.
        let before = unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(self.0.get(), value) };
        // Of a value that nobody asks for, the compiler would make the other instruction.
        opaque(before);
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

    /// Gives it another value and returns the one that it had, in one step. Whatever this CPU wrote before, others see
    /// before it reads anything else.
    pub fn swap(&self, value: u64) -> u64 {
        let before = self.0.swap(value, core::sync::atomic::Ordering::SeqCst);
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
        before
    }

    /// Makes it zero if it has that value, in one step; says whether it had.
    pub fn take(&self, value: u64) -> bool {
        let order = core::sync::atomic::Ordering::SeqCst;
        self.0.compare_exchange(value, 0, order, order).is_ok()
    }

    /// Adds to its value, which wraps around, in one step.
    pub fn add(&self, value: u64) {
        self.0.fetch_add(value, core::sync::atomic::Ordering::Relaxed);
    }

    /// The same; and whatever this CPU wrote before, others see before it reads anything else, as with [`Word::swap`].
    pub fn add_in_order(&self, value: u64) {
        self.0.fetch_add(value, core::sync::atomic::Ordering::SeqCst);
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    }
}
