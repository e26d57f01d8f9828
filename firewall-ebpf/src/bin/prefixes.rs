//! Two ways to find a source's prefix side by side, for the benchmarks: the tries of Fragwall's rules, and the kernel's own
//! map for longest prefixes. Nothing else is done with the packet.
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
mod direct;
#[path = "../frame.rs"]
#[expect(dead_code, reason = "these packets are in one buffer")]
mod frame;
#[path = "../setting.rs"]
mod setting;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{Array, LpmTrie, lpm_trie::Key},
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use firewall_common::{
    packet::{Be64, Bytes},
    rules::prefix::{self, Address, Branch, Node, Tries},
};
use frame::Linear;
use setting::{MMAPABLE, setting};

/// Where the source lies in a frame without VLAN tags, in bytes.
const SOURCE: usize = 14 + 8;
/// The most prefixes.
const PREFIXES: usize = 4096;

/// Not 0: the kernel's map is used.
#[unsafe(no_mangle)]
static USES_LPM: u32 = 0;

/// How many nodes the tries have.
#[unsafe(no_mangle)]
static NODE_COUNT: u32 = 0;

/// How many branches they have.
#[unsafe(no_mangle)]
static BRANCH_COUNT: u32 = 0;

/// The root of the trie of sources.
#[unsafe(no_mangle)]
static ROOT: u32 = 0;

#[btf_map]
static LPM: LpmTrie<[u8; 16], u32, PREFIXES> = LpmTrie::new();

#[btf_map]
static NODES: Array<Node, 1, MMAPABLE> = Array::new();

#[btf_map]
static BRANCHES: Array<Branch, 1> = Array::new();

struct Own;

impl Tries for Own {
    #[inline(always)]
    fn node(&self, number: u32) -> Option<&Node> {
        direct::within(&NODES, number, setting(&NODE_COUNT))
    }

    #[inline(always)]
    fn branch(&self, number: u32) -> Option<Branch> {
        direct::within(&BRANCHES, number, setting(&BRANCH_COUNT)).copied()
    }
}

/// As in Fragwall, a function of its own.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find(root: u32, high: u64, low: u64) -> u32 {
    prefix::find(&Own, Branch::from_bits(root), Address { high, low }).unwrap_or(0)
}

/// Looks an IPv6 source up. `XDP_PASS` if it was found, `XDP_DROP` if it wasn't.
#[xdp(frags)]
pub fn prefixes(ctx: XdpContext) -> u32 {
    let (uses_lpm, root) = (setting(&USES_LPM), setting(&ROOT));
    let frame = Linear::new(&ctx);
    let found = if uses_lpm != 0 {
        let source: Option<[u8; 16]> = frame.read(SOURCE);
        source.is_some_and(|source| LPM.get(&Key::new(128, source)).is_some())
    } else {
        let source: Option<[Be64; 2]> = frame.read(SOURCE);
        source.is_some_and(|[high, low]| find(root, high.value(), low.value()) > 1)
    };
    if found { xdp_action::XDP_PASS } else { xdp_action::XDP_DROP }
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
