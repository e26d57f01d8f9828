//! What the program shares with the loader: its settings, which the loader writes before it loads the program and the
//! kernel then freezes, and its maps.

use aya_ebpf::{
    btf_maps::{Array, PerCpuArray},
    helpers::bpf_jiffies64,
    macros::btf_map,
};
use firewall_common::{
    fragment::{
        budget::Limits,
        identity::{HashKey, KEY_WORDS},
        progress::{BOUNDARIES, Boundaries},
        source::{Pool, SourceSet},
        table::Set,
    },
    packet::Family,
    record::{Count, Trace},
    stance::{COUNTERS as ALL_COUNTERS, Mode, Stance},
};

use crate::setting::{MMAPABLE, setting};

/// The secret of the fragment table.
#[unsafe(no_mangle)]
pub static HASH_KEY: HashKey = HashKey([0; KEY_WORDS]);

/// The numbers of boundaries between fragments, which go with that secret.
#[unsafe(no_mangle)]
pub static BOUNDARY_NUMBERS: Boundaries = [0; BOUNDARIES];

/// By how much an identity is shifted to the right to give its set's number: 64 less the logarithm of their count.
#[unsafe(no_mangle)]
pub static SET_SHIFT: u32 = 63;

/// The same for a source and its set.
#[unsafe(no_mangle)]
pub static SOURCE_SHIFT: u32 = 63;

/// What the host may be made to hold for reassembly, of IPv4 and of IPv6. As it stands here, hardly anything.
#[unsafe(no_mangle)]
pub static LIMITS: [Limits; Family::ALL.len()] = [Limits::new(1, 1, 1); Family::ALL.len()];

/// How long an entry of the fragment table lives, in jiffies.
#[unsafe(no_mangle)]
pub static TIMEOUT: u32 = 0;

/// For how many jiffies an entry tells what the kernel holds.
#[unsafe(no_mangle)]
pub static HELD: u32 = 0;

/// Not 0: trailing fragments whose first one hasn't been seen pass.
#[unsafe(no_mangle)]
pub static EARLY_PASSES: u32 = 0;

/// Not 0: what belongs to a flow that this host opened passes.
#[unsafe(no_mangle)]
pub static ACCEPTS_REPLIES: u32 = 0;

/// Not 0: ICMP errors that tell of a packet's fate pass.
#[unsafe(no_mangle)]
pub static ACCEPTS_ICMP_ERRORS: u32 = 0;

/// What is done with judgements; those that are explained are written to [`TRACE`].
#[unsafe(no_mangle)]
static MODE: Mode = Mode::USUAL;

/// The fragment table. The loader sets its size.
#[btf_map]
pub static FRAGMENTS: Array<Set, 1, MMAPABLE> = Array::new();

/// The source table. The loader sets its size.
#[btf_map]
pub static SOURCES: Array<SourceSet, 1, MMAPABLE> = Array::new();

/// What strangers have outstanding, of IPv4 and of IPv6.
#[btf_map]
pub static POOLS: Array<Pool, { Family::ALL.len() }, MMAPABLE> = Array::new();

/// The counters.
#[btf_map]
static COUNTERS: PerCpuArray<Count, ALL_COUNTERS> = PerCpuArray::new();

/// The last judgement, for who asks the program to explain itself.
#[btf_map]
static TRACE: Array<Trace, 1> = Array::new();

/// The source of the ruleset: the program doesn't read it, the loader finds it there again. The loader sets its size.
#[btf_map]
static SOURCE: Array<[u8; 4096], 1> = Array::new();

/// Adds a packet of `bytes` to the counter of a cell's place ([`Cell::index`](firewall_common::verdict::Cell::index)).
#[inline(always)]
pub fn count(stance: Stance, cell: u32, bytes: u64) {
    if let Some(count) = COUNTERS.get_ptr_mut(stance.first_counter() + cell) {
        // SAFETY: the counter is this CPU's own, and nothing interrupts the program to count on the same CPU.
        unsafe {
            (*count).packets += 1;
            (*count).bytes += bytes;
            (*count).last = bpf_jiffies64();
        }
    }
}

/// What is done with judgements.
#[inline(always)]
pub fn mode() -> Mode {
    setting(&MODE)
}

/// Writes down a judgement; `record` is given the packet's number, from 1.
#[inline(always)]
pub fn explain(record: impl FnOnce(u32) -> Trace) {
    if let Some(trace) = TRACE.get_ptr_mut(0) {
        // SAFETY: only one packet at a time is run through an instance that explains itself.
        unsafe { *trace = record((*trace).serial + 1) };
    }
}
