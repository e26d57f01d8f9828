//! A program that makes packets, for tests and benchmarks: each run writes the next frame of a plan over the one it was
//! run on, and hands that to another program, to an interface, or to whoever runs it.
//!
//! The plan's frames come in turn. Once each has had its turn, a round is over. All frames of a round bear the same
//! source, where it changes at all, and the same identification, unless each goes on from its own.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the xdp macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

use core::ptr;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{Array, ProgramArray},
    helpers::{bpf_redirect, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_store_bytes},
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use firewall_common::opaque::opaque;

/// The room for a frame, in bytes.
const ROOM: usize = 2044;

/// A frame of the plan. What changes is changed here, and then all of it is written into the packet: the kernel uses the
/// pages of packets again, and reassembly writes into them.
#[repr(C)]
struct Frame {
    length: u32,
    bytes: [u8; ROOM],
}

/// How far a generator has got; on a cache line of its own.
#[repr(C, align(64))]
struct Position {
    round: u64,
    turn: u32,
}

/// How many frames a round has.
#[unsafe(no_mangle)]
static TURNS: u32 = 1;

/// The round that the plan ends before.
#[unsafe(no_mangle)]
static END: u64 = u64::MAX;

/// Which of two generators this is, 0 or 1.
#[unsafe(no_mangle)]
static SIDE: u32 = 0;

/// By how many rounds this generator may be ahead of the other; the largest number if there's no other.
#[unsafe(no_mangle)]
static LEAD: u64 = u64::MAX;

/// Not 0: the frames are IPv4, whose header has a checksum.
#[unsafe(no_mangle)]
static IS_V4: u32 = 0;

/// Not 0: the frames are fragments, or IPv4: they have an identification.
#[unsafe(no_mangle)]
static HAS_ID: u32 = 1;

/// Not 0: identifications are random instead of the round's number.
#[unsafe(no_mangle)]
static RANDOM_IDS: u32 = 0;

/// By how much a round's identifications are above those of the round before, which the frames themselves keep; 0 if they aren't counted so.
#[unsafe(no_mangle)]
static STEP: u32 = 0;

/// How many bytes of VLAN tags are ahead of the IP header: 0 or 4.
#[unsafe(no_mangle)]
static TAG: u32 = 0;

/// Which bits of the identification may be set.
#[unsafe(no_mangle)]
static ID_MASK: u32 = u32::MAX;

/// Which bits of the source are random: of an IPv4 address, or of the second 32 bits of an IPv6 address; network byte order.
#[unsafe(no_mangle)]
static SOURCES: u32 = 0;

/// What the random bits are drawn from.
#[unsafe(no_mangle)]
static SEED: u64 = 0;

/// Not 0: the program in [`NEXT`] is given the frame.
#[unsafe(no_mangle)]
static CALLS: u32 = 0;

/// The index of the interface that the frame is sent to, if it's not 0.
#[unsafe(no_mangle)]
static INTERFACE: u32 = 0;

/// What is returned, if nothing else is done with the frame.
#[unsafe(no_mangle)]
static ACTION: u32 = 0;

/// The plan's frames. The loader sets their number.
#[btf_map]
static FRAMES: Array<Frame, 1> = Array::new();

/// How far the two sides have got.
#[btf_map]
static POSITIONS: Array<Position, 2> = Array::new();

/// The program that is given the frames.
#[btf_map]
static NEXT: ProgramArray<1> = ProgramArray::new();

/// Where fields are behind the start of the IP header, in bytes: the Fragment header, if there's one, comes right behind the IPv6 header.
mod offset {
    pub const V4_ID: usize = 4;
    pub const V4_CHECKSUM: usize = 10;
    pub const V4_SOURCE: usize = 12;
    pub const V6_SOURCE: usize = 8 + 4;
    pub const V6_ID: usize = 40 + 4;
}

/// Where the IP header is, in bytes.
#[inline(always)]
fn ip() -> usize {
    14 + (setting(&TAG) & 4) as usize
}

/// Reads a setting as the loader wrote it and the kernel froze it.
#[inline(always)]
fn setting<T: Copy>(setting: &T) -> T {
    // SAFETY: a reference is valid to read from.
    unsafe { ptr::from_ref(setting).read_volatile() }
}

/// Writes the next frame over the packet and passes it on. `XDP_ABORTED` if there's none to write yet, or any more.
#[xdp(frags)]
pub fn generate(ctx: XdpContext) -> u32 {
    if write_next(&ctx).is_none() {
        return xdp_action::XDP_ABORTED;
    }
    if setting(&CALLS) != 0 {
        // SAFETY: nothing here needs dropping. The call doesn't return, unless there's no program to call.
        unsafe { NEXT.tail_call(&ctx, 0) };
        return xdp_action::XDP_ABORTED;
    }
    match setting(&INTERFACE) {
        0 => setting(&ACTION),
        // SAFETY: the helper takes numbers only.
        interface => unsafe { bpf_redirect(interface, 0) as u32 },
    }
}

#[inline(always)]
fn write_next(ctx: &XdpContext) -> Option<()> {
    let (round, turn) = advance()?;
    let frame = FRAMES.get_ptr_mut(turn)?;
    // SAFETY: a generator is run by one thread at a time, so nobody else has the frame.
    let Frame { length, bytes } = unsafe { &mut *frame };
    patch(bytes, round);
    let length = *length;
    if length == 0 || length > ROOM as u32 {
        return None;
    }
    // Linux 6.1's verifier doesn't see that what isn't 0 is 1 at least, nor that half a register's copy is bound by what the register is
    // compared with.
    let written = opaque(u64::from(length)).min(ROOM as u64).max(opaque(1)) as u32;
    // SAFETY: the context is the one that the program was called with, and the frame has as many bytes.
    let result = unsafe {
        let change = length as i32 - bpf_xdp_get_buff_len(ctx.ctx) as i32;
        if change != 0 && bpf_xdp_adjust_tail(ctx.ctx, change) != 0 {
            return None;
        }
        bpf_xdp_store_bytes(ctx.ctx, 0, bytes.as_mut_ptr().cast(), written)
    };
    (result == 0).then_some(())
}

/// The round and turn that it is, if it's time for one.
#[inline(always)]
fn advance() -> Option<(u64, u32)> {
    let side = setting(&SIDE) & 1;
    let own = POSITIONS.get_ptr_mut(side)?;
    // SAFETY: this side's position is written by the one thread that runs the generator.
    let Position { round, turn } = unsafe { &mut *own };
    let now = (*round, *turn);
    if now.0 >= setting(&END) {
        return None;
    }
    let lead = setting(&LEAD);
    if lead != u64::MAX {
        let other = POSITIONS.get_ptr(side ^ 1)?;
        // SAFETY: the other side writes it at any time, by whole words.
        let other = unsafe { ptr::addr_of!((*other).round).read_volatile() };
        if now.0 >= other + lead {
            return None;
        }
    }
    *turn += 1;
    if *turn >= setting(&TURNS) {
        *turn = 0;
        // SAFETY: a reference is valid to write to; the other side reads it at any time.
        unsafe { ptr::from_mut(round).write_volatile(now.0 + 1) };
    }
    Some(now)
}

/// Gives a frame the identification and the source of a round.
#[inline(always)]
fn patch(bytes: &mut [u8; ROOM], round: u64) {
    let random = mix(setting(&SEED) ^ round);
    let id = if setting(&RANDOM_IDS) != 0 { random as u32 } else { round as u32 } & setting(&ID_MASK);
    let step = setting(&STEP);
    let mask = setting(&SOURCES);
    let source = (random >> 32) as u32 & mask;
    if setting(&IS_V4) == 0 {
        if setting(&HAS_ID) != 0 {
            let at = ip() + offset::V6_ID;
            let next = u32::from_be(get(bytes, at)).wrapping_add(step);
            put(bytes, at, if step != 0 { next } else { id }.to_be());
        }
        let at = ip() + offset::V6_SOURCE;
        put(bytes, at, get::<u32>(bytes, at) & !mask | source);
    } else {
        let at = ip() + offset::V4_ID;
        let next = u16::from_be(get(bytes, at)).wrapping_add(step as u16);
        put(bytes, at, if step != 0 { next } else { id as u16 }.to_be());
        let at = ip() + offset::V4_SOURCE;
        put(bytes, at, get::<u32>(bytes, at) & !mask | source);
        let at = ip() + offset::V4_CHECKSUM;
        put(bytes, at, 0_u16);
        put(bytes, at, checksum(bytes));
    }
}

/// SplitMix64's output function (Steele, Lea and Flood 2014): one number to one that looks random.
#[inline(always)]
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// The checksum of an IPv4 header without options (RFC 1071; it's the same in either byte order).
#[inline(always)]
fn checksum(bytes: &[u8; ROOM]) -> u16 {
    let mut sum = 0;
    let mut at = ip();
    let end = at + 20;
    while at < end {
        sum += u32::from(get::<u16>(bytes, at));
        at += 2;
    }
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    !(sum as u16)
}

#[inline(always)]
fn get<T: Copy>(bytes: &[u8; ROOM], at: usize) -> T {
    // SAFETY: all offsets lie in an IP header at the frame's start, far from its end; T is an integer here.
    unsafe { bytes.as_ptr().add(at).cast::<T>().read_unaligned() }
}

#[inline(always)]
fn put<T: Copy>(bytes: &mut [u8; ROOM], at: usize, value: T) {
    // SAFETY: as above.
    unsafe { bytes.as_mut_ptr().add(at).cast::<T>().write_unaligned(value) };
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
