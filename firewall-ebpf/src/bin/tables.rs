//! Two fragment tables side by side, for the benchmarks: Fragwall's own, and the LRU hash map of the kernel that would be
//! the obvious one. First fragments are inserted, trailing ones looked up; nothing else is done with them.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

#[path = "../direct.rs"]
#[expect(dead_code, reason = "each set is there for certain")]
mod direct;
#[path = "../frame.rs"]
#[expect(dead_code, reason = "these packets are in one buffer")]
mod frame;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{Array, LruHashMap},
    helpers::bpf_jiffies64,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use firewall_common::{
    fragment::{
        Fragment,
        entry::Record,
        identity::{HashKey, KEY_WORDS, Keys},
        progress::Progress,
        table::{Set, WAYS},
        tick::Tick,
    },
    packet::{Be16, Be32, Bytes, Family, Ip, transport::Transport},
    rules::{Action, Decision},
};
use frame::Linear;

/// The entries of either table: Fragwall's default.
const ENTRIES: usize = 65536;
/// Where an IPv6 header begins in a frame without VLAN tags, in bytes.
const IP: usize = 14;
/// How long entries live, in jiffies: longer than any measurement.
const TIMEOUT: u32 = Tick::MAX_AGE;

/// Not 0: the LRU hash map is used.
#[unsafe(no_mangle)]
static USES_LRU: u32 = 0;

/// What the kernel's own reassembly joins fragments by.
#[derive(Clone, Copy)]
#[repr(C)]
struct Key {
    addresses: [u32; 8],
    id: u32,
}

#[btf_map]
static LRU: LruHashMap<Key, u64, ENTRIES> = LruHashMap::new();

/// `BPF_F_MMAPABLE`, as for Fragwall's own. The loader makes it as long as the other.
#[btf_map]
static SETS: Array<Set, 1, 1024> = Array::new();

/// Any odd constants: nobody attacks a benchmark.
#[unsafe(no_mangle)]
static HASH_KEY: HashKey = HashKey([0x9e37_79b9_7f4a_7c15; KEY_WORDS]);

/// Inserts or looks up an IPv6 fragment. `XDP_PASS` if it was inserted or found, `XDP_DROP` if it wasn't.
#[xdp(frags)]
pub fn tables(ctx: XdpContext) -> u32 {
    // SAFETY: a reference is valid to read from.
    let uses_lru = unsafe { core::ptr::from_ref(&USES_LRU).read_volatile() } != 0;
    let frame = Linear::new(&ctx);
    match if uses_lru { lru(&frame) } else { sets(&frame) } {
        Some(true) => xdp_action::XDP_PASS,
        _ => xdp_action::XDP_DROP,
    }
}

/// What the Fragment header says that comes right behind the IPv6 header: whether it's a first one, and the identification.
#[inline(always)]
fn fragment(frame: &Linear) -> Option<(bool, u32)> {
    let offset: Be16 = frame.read(IP + 40 + 2)?;
    let id: Be32 = frame.read(IP + 40 + 4)?;
    Some((offset.value() & !7 == 0, id.value()))
}

#[inline(always)]
fn now() -> Tick {
    // SAFETY: the helper takes nothing and only reads the clock.
    Tick(unsafe { bpf_jiffies64() } as u32)
}

#[inline(always)]
fn lru(frame: &Linear) -> Option<bool> {
    let (is_first, id) = fragment(frame)?;
    let addresses: [Be32; 8] = frame.read(IP + 8)?;
    let key = Key { addresses: addresses.map(Be32::value), id };
    if is_first {
        return Some(LRU.insert(key, u64::from(now().0), 0).is_ok());
    }
    // SAFETY: a 64-bit value is read whole.
    Some(LRU.get_ptr(key).is_some_and(|time| unsafe { time.read_volatile() } != 0))
}

#[inline(always)]
fn sets(frame: &Linear) -> Option<bool> {
    let (is_first, id) = fragment(frame)?;
    let ip = Ip {
        family: Family::V6,
        offset: IP,
        end: 0,
        payload: 0,
        vlans: 0,
        fragment: Fragment::WHOLE,
        protocol: 17,
        transport: Transport::OPAQUE,
    };
    let Keys { identity, .. } = Keys::of(frame, &ip, id, &HASH_KEY, 1)?;
    let set = direct::element(&SETS, identity.0 >> (u64::BITS - (ENTRIES / WAYS).ilog2()));
    if is_first {
        let decision = Decision::default_of(Action::Allow);
        let record = Record { decision, first_end: 64, progress: Progress::NONE };
        set.insert(identity, record, now().stored(), now(), TIMEOUT, TIMEOUT);
        return Some(true);
    }
    Some(set.find(identity, now(), TIMEOUT).decision().is_allow())
}

/// The licence that the kernel asks for: GPL-compatible, since the program is MIT or Apache-2.0 and GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics; were a panic compiled in, the verifier would refuse this loop.
    loop {}
}
