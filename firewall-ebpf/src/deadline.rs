//! A program that awaits confirmation, and lets the one before it have the packets when its time is over. The kernel's side
//! does that alone: it needs no process, which could be killed.

use aya_ebpf::{btf_maps::ProgramArray, helpers::bpf_jiffies64, macros::btf_map, programs::XdpContext};

use crate::setting::setting;

/// When this program's time is over unless it was confirmed, in jiffies; 0 is never. Then the verifier drops all of this.
#[unsafe(no_mangle)]
static DEADLINE: u64 = 0;

/// Not 0: before this program there was none, so past the deadline all packets pass.
#[unsafe(no_mangle)]
static WAS_UNFILTERED: u32 = 0;

/// The program before this one.
#[btf_map]
static PREVIOUS: ProgramArray<1> = ProgramArray::new();

/// Whether this program's time is over.
#[inline(always)]
pub fn is_over() -> bool {
    let deadline = setting(&DEADLINE);
    // SAFETY: the helper takes nothing and only reads the clock.
    deadline != 0 && unsafe { bpf_jiffies64() } >= deadline
}

/// Whether there was no program before this one.
#[inline(always)]
pub fn was_unfiltered() -> bool {
    setting(&WAS_UNFILTERED) != 0
}

/// Lets the program before this one have the packet. Returns only if it isn't there.
#[inline(always)]
pub fn go_back(ctx: &XdpContext) {
    // SAFETY: nothing on the stack has anything to do when it's left.
    unsafe { PREVIOUS.tail_call(ctx, 0) };
}
