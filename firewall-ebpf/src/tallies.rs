//! What became of the packets of each interface.

use aya_ebpf::{bindings::xdp_md, btf_maps::PerCpuArray, macros::btf_map};
use firewall_common::{
    stance::Stance,
    tally::{self, OTHERS, TALLIES, Tally},
};

use crate::maps;

/// The tallies. The loader gives a row of them to each interface.
#[btf_map]
static INTERFACES: PerCpuArray<Tally, TALLIES> = PerCpuArray::new();

/// Adds a packet to its interface's tally.
#[inline(always)]
pub fn count(ctx: *mut xdp_md, stance: Stance, verdict: u32, bytes: u64) {
    // SAFETY: the kernel keeps the context valid while the program runs.
    let interface = unsafe { (*ctx).ingress_ifindex };
    if !tally::rows(interface).next().is_some_and(|row| add(row, interface, stance, verdict, bytes)) {
        add_elsewhere(interface, verdict, bytes as u32);
    }
}

/// Adds a packet to the tally of a row if that is the interface's; says whether it is.
#[inline(always)]
fn add(row: u32, interface: u32, stance: Stance, verdict: u32, bytes: u64) -> bool {
    let Some(tally) = INTERFACES.get_ptr_mut(tally::place(row, stance, verdict)) else {
        return false;
    };
    // SAFETY: the tally is this CPU's own, and nothing interrupts the program to count on the same CPU.
    let tally = unsafe { &mut *tally };
    let is_own = tally.interface == u64::from(interface);
    if is_own {
        tally.packets += 1;
        tally.bytes += bytes;
    }
    is_own
}

/// Adds a packet to its interface's tally, which isn't in the first row that it could be in, or to that of all others.
///
/// A function that takes and returns nothing but numbers, so that the verifier walks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn add_elsewhere(interface: u32, verdict: u32, bytes: u32) -> u32 {
    let (stance, bytes) = (maps::mode().stance(), u64::from(bytes));
    let is_own = tally::rows(interface).skip(1).any(|row| add(row, interface, stance, verdict, bytes));
    // What is nobody's bears the index 0.
    u32::from(is_own || add(OTHERS, 0, stance, verdict, bytes))
}
