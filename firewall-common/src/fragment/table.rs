//! The fragment table: set-associative, of fixed size, without a lock.
//!
//! A set is one cache line of four entries; an entry is two 64-bit words:
//!
//! ```text
//!  word 0: identity XOR word 1
//!  word 1: | time, 32 bits | decision, 16 bits | end of the first fragment, 16 bits |
//! ```
//!
//! CPUs write and read entries at once, each word by itself. An entry whose words come from two writers doesn't give
//! back the identity it's looked up by, so it is no entry at all: a half-written one can't be read, without any
//! ordering between the words (Hyatt and Mann, "A lock-less transposition table implementation", 2002).

use super::identity::Identity;
use crate::rules::Decision;

/// Entries in a set.
pub const WAYS: usize = 4;

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
    #[inline(always)]
    fn load(&self) -> u64 {
        // SAFETY: the pointer comes from a reference, and an aligned 64-bit BPF load is never torn.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    fn store(&self, value: u64) {
        // SAFETY: the pointer comes from a reference to a cell, and an aligned 64-bit BPF store is never torn.
        unsafe { self.0.get().write_volatile(value) }
    }
}

// SAFETY: each access is one whole machine access; see above.
#[cfg(target_arch = "bpf")]
unsafe impl Sync for Word {}

#[cfg(not(target_arch = "bpf"))]
impl Word {
    fn load(&self) -> u64 {
        self.0.load(core::sync::atomic::Ordering::Relaxed)
    }

    fn store(&self, value: u64) {
        self.0.store(value, core::sync::atomic::Ordering::Relaxed);
    }
}

/// One entry.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Entry {
    tag: Word,
    record: Word,
}

/// Entries that compete for room: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Set([Entry; WAYS]);

/// The sets of a table.
pub trait Sets {
    /// The set that identities with these upper bits share; `None` if the table is smaller than its shift says.
    fn set(&self, identity: Identity) -> Option<&Set>;
}

/// A time in ticks that wraps around. A tick is whatever the environment counts, a kernel jiffy or a step of a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tick(pub u32);

/// By how many ticks an entry may be younger than the reader's own "now", which it took a moment before it read the entry:
/// meanwhile another CPU may have written it.
const SKEW: u32 = 1 << 10;

impl Tick {
    /// How many ticks have gone by since `earlier`, and [`SKEW`] more: so an entry of a moment later isn't one of an age
    /// ago.
    #[inline(always)]
    const fn age_of(self, earlier: Self) -> u32 {
        self.0.wrapping_add(SKEW).wrapping_sub(earlier.0)
    }
}

/// What the table knows of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// The first fragment's verdict.
    pub decision: Decision,
    /// Where the first fragment ends in the datagram, in bytes.
    pub first_end: u16,
}

impl Record {
    #[inline(always)]
    const fn pack(self, now: Tick) -> u64 {
        (now.0 as u64) << 32 | (self.decision.to_bits() as u64) << 16 | self.first_end as u64
    }

    #[inline(always)]
    const fn unpack(word: u64) -> (Self, Tick) {
        let record = Self { decision: Decision::from_bits((word >> 16) as u16), first_end: word as u16 };
        (record, Tick((word >> 32) as u32))
    }
}

impl Set {
    /// What is known of a datagram since at most `timeout` ticks, which are at most half of their range.
    #[inline(always)]
    pub fn find(&self, identity: Identity, now: Tick, timeout: u32) -> Option<Record> {
        let mut found = 0;
        for entry in &self.0 {
            let word = entry.record.load();
            if entry.tag.load() ^ word == identity.0 {
                found = word;
                break;
            }
        }
        // All zeros is memory that nobody wrote. As an entry it could only be one of tick 0 that a first fragment of no
        // length was dropped for, and there is no such fragment.
        if found == 0 {
            return None;
        }
        let (record, time) = Record::unpack(found);
        (now.age_of(time) <= timeout + SKEW).then_some(record)
    }

    /// Remembers a first fragment's verdict, in place of the same datagram's earlier one or of the entry that is worth
    /// least: an expired one, else the oldest denied one, else, for an accepted datagram, the oldest accepted one.
    /// A denied datagram pushes out no accepted one; it goes unrecorded.
    #[inline(always)]
    pub fn insert(&self, identity: Identity, record: Record, now: Tick, timeout: u32) {
        let mut victim = 0;
        let mut least = 0;
        for (way, entry) in self.0.iter().enumerate() {
            let worth = worth(entry, identity, now, timeout);
            if way == 0 || worth < least {
                victim = way;
                least = worth;
            }
        }
        if least >= ACCEPTED && !record.decision.is_allow() {
            return;
        }
        let word = record.pack(now);
        let entry = &self.0[victim & (WAYS - 1)];
        entry.record.store(word);
        entry.tag.store(identity.0 ^ word);
    }
}

const EXPIRED: u64 = 1 << 32;
const DENIED: u64 = 2 << 32;
const ACCEPTED: u64 = 3 << 32;

/// What an entry is worth keeping for: more for an accepted datagram than for a denied one, more for a younger one.
#[inline(always)]
fn worth(entry: &Entry, identity: Identity, now: Tick, timeout: u32) -> u64 {
    let word = entry.record.load();
    if entry.tag.load() ^ word == identity.0 {
        return 0;
    }
    let (record, time) = Record::unpack(word);
    let age = now.age_of(time);
    let youth = u64::from(u32::MAX - age);
    if age > timeout + SKEW || word == 0 {
        EXPIRED
    } else if record.decision.is_allow() {
        ACCEPTED | youth
    } else {
        DENIED | youth
    }
}
