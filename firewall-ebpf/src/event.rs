//! Telling whoever watches of packets that are dropped or rejected, and of those that a rule with `log` lets in.

use aya_ebpf::{
    bindings::xdp_md,
    btf_maps::{Array, PerCpuArray, RingBuf},
    helpers::{bpf_jiffies64, bpf_ktime_get_ns, bpf_xdp_load_bytes},
    macros::btf_map,
    programs::XdpContext,
};
use firewall_common::{
    event::{
        Event, HEAD, Kind, LOGGED_WORDS, Logged,
        watch::{Buckets, LeftOut, Watch},
    },
    fragment::{Class, tick::Tick},
    opaque::opaque,
    verdict::{Judgement, Verdict},
};

use crate::{direct, maps, setting::setting};

/// Not 0: some rule has `log`.
#[unsafe(no_mangle)]
static LOGS: u32 = 0;

/// Which slots' rules have `log`.
#[unsafe(no_mangle)]
static LOGGED: Logged = [0; LOGGED_WORDS];

/// What is asked for, by whoever watches.
#[btf_map]
static WATCH: Array<Watch, 1> = Array::new();

/// How much has been told.
#[btf_map]
static EVENT_BUCKETS: Array<Buckets, 1> = Array::new();

/// How many packets were asked for and not told of.
#[btf_map]
static LEFT_OUT: PerCpuArray<LeftOut, 1> = PerCpuArray::new();

/// What is told, for whoever watches to read. Its size in bytes is a power of two, in pages.
#[btf_map]
static EVENTS: RingBuf<Event, { 1 << 19 }> = RingBuf::new();

/// Tells of a packet, if it's one to be told of and somebody watches.
#[inline(always)]
pub fn tell(ctx: &XdpContext, length: usize, judgement: Judgement, class: Class) {
    if judgement.verdict() == Verdict::Pass && !is_logged(judgement) {
        return;
    }
    if is_watched(direct::element(&WATCH, 0)) {
        tell_watcher(ctx.ctx, judgement.to_bits(), class.code().into(), length as u32);
    }
}

/// Whether it's by a rule that has `log`.
#[inline(always)]
fn is_logged(judgement: Judgement) -> bool {
    if setting(&LOGS) == 0 {
        return false;
    }
    // The mask is for the verifier, which in Linux 6.1 forgets what a slot was compared with once it was kept on the stack.
    let slot = opaque(judgement.slot().index() as u64) as usize;
    setting(&LOGGED[(slot / 64) & (LOGGED_WORDS - 1)]) >> (slot % 64) & 1 != 0
}

/// Whether somebody watches, or did and died.
#[inline(always)]
fn is_watched(watch: &Watch) -> bool {
    setting(&watch.until) != 0
}

/// Tells of a packet if it's asked for and there's room, or counts that it doesn't.
///
/// A function that the verifier walks once, for whatever numbers. The kernel wants such a function to return something.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_watcher(ctx: *mut xdp_md, judgement: u32, class: u32, length: u32) -> u32 {
    let class = Class::from_code(class as u8).unwrap_or_default();
    let kind = Kind::new(Judgement::from_bits(judgement), class, maps::mode().stance());
    // SAFETY: the helper takes nothing and only reads the clock.
    let now = unsafe { bpf_jiffies64() };
    let watch = direct::element(&WATCH, 0);
    let Some(left_out) = LEFT_OUT.get_ptr_mut(0) else { return 0 };
    // SAFETY: it's this CPU's own, and nothing interrupts the program to count on the same CPU.
    let left_out = unsafe { &mut *left_out };
    let until = setting(&watch.until);
    if left_out.is_again(kind, now, until) {
        left_out.packets += 1;
        return 0;
    }
    if now >= until || !watch.wants(kind) {
        return 0;
    }
    let Some(buckets) = EVENT_BUCKETS.get(0) else { return 0 };
    let has_room = buckets.take(watch, kind, Tick(now as u32));
    if !has_room {
        left_out.remember(kind, now, until);
    }
    if !(has_room && write(ctx, kind, length)) {
        left_out.packets += 1;
    }
    0
}

/// Writes a record, if there's room for one.
#[inline(always)]
fn write(ctx: *mut xdp_md, kind: Kind, length: u32) -> bool {
    let Some(mut entry) = EVENTS.reserve(0) else { return false };
    let event: *mut Event = entry.as_mut_ptr();
    // What the compiler knows nothing of stays in 64 bits, and is compared as it's written here: Linux 6.1's verifier neither
    // sees that half a register's copy is bound by what the register is compared with, nor that what isn't 0 is 1 at least.
    let captured = opaque(u64::from(length)).min(HEAD as u64).max(opaque(1)) as u32;
    // SAFETY: the record is the program's own until it's submitted, and as large as an event; all of it is written, but
    // for what of its head isn't the packet's, which readers don't look at. The kernel writes no more than it is told to.
    unsafe {
        let is_read = bpf_xdp_load_bytes(ctx, 0, (&raw mut (*event).head).cast(), captured) == 0;
        (*event).time = bpf_ktime_get_ns();
        (*event).interface = (*ctx).ingress_ifindex;
        (*event).length = length;
        (*event).captured = if is_read { captured } else { 0 };
        (*event).kind = kind;
    }
    entry.submit(0);
    true
}
