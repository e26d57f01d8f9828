//! The program on egress: it remembers the flows that this host opens, so that the one on ingress knows replies to them. It
//! changes no packet and holds none up, and others that are attached behind it see them as well.
#![no_std]
#![no_main]
#![expect(
    missing_docs,
    reason = "the classifier macro leaves the documentation on the function inside the one it makes"
)]

// On the host, where it's only linted, the panic handler is std's.
#[cfg(not(target_arch = "bpf"))]
extern crate std as _;

#[path = "../direct.rs"]
#[expect(dead_code, reason = "each set is there for certain")]
mod direct;
#[path = "../flows.rs"]
mod flows;
#[path = "../setting.rs"]
mod setting;

use aya_ebpf::{bindings::__sk_buff, helpers::bpf_skb_pull_data, macros::classifier, programs::TcContext};
use firewall_common::{
    fragment::identity::{HashKey, KEY_WORDS},
    opaque::opaque,
    packet::{Bytes, Wire},
    reply::{
        self, Flows,
        flow::Flow,
        segment::Step,
        table::{Class, FlowSet, Lifetimes, Moment},
    },
};
use flows::HostFlows;

/// The secret that flows are hashed with: the other program's.
#[unsafe(no_mangle)]
static HASH_KEY: HashKey = HashKey([0; KEY_WORDS]);

/// `TC_ACT_UNSPEC` of `linux/pkt_cls.h`, and `TCX_NEXT`: on with whatever comes next.
const NEXT: i32 = -1;

/// As much of a packet as its headers take, but for those that nobody sends: all of it is read directly.
const HEADERS: u32 = 128;

/// Remembers the flow of a packet that goes out.
#[classifier]
pub fn egress(ctx: TcContext) -> i32 {
    let skb = ctx.skb.skb;
    let packet = Sent::new(skb);
    if packet.end - packet.start < HEADERS as usize && packet.length > packet.end - packet.start {
        // SAFETY: the context is the one that the program was called with. If it fails, less can be read.
        unsafe {
            bpf_skb_pull_data(
                skb,
                if (packet.length as u32) < HEADERS { packet.length as u32 } else { HEADERS },
            )
        };
    }
    let _ = reply::sent(&Sent::new(skb), &HASH_KEY, &HostFlows, &Called);
    NEXT
}

/// [`HostFlows`], where flows are remembered by call: of packets that aren't as most are. Many ways lead there, and the verifier would walk it
/// for each.
struct Called;

impl Flows for Called {
    #[inline(always)]
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet> {
        HostFlows.flow_set(flow)
    }

    #[inline(always)]
    fn lifetimes(&self) -> &Lifetimes {
        HostFlows.lifetimes()
    }

    #[inline(always)]
    fn moment(&self) -> Moment {
        HostFlows.moment()
    }

    #[inline(always)]
    fn remember(&self, flow: Flow, fresh: Class, step: Step) {
        remember(flow.0, fresh as u32, step as u32);
    }
}

/// [`reply::remember`], as a function that takes and returns nothing but numbers, so that the verifier walks it once, for any. The kernel
/// wants such a function to return something.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn remember(flow: u64, fresh: u32, step: u32) -> u32 {
    reply::remember(&HostFlows, Flow(flow), Class::from_bits(fresh.into()), Step::from_code(step));
    0
}

/// A packet that goes out: the part of it that can be read directly.
struct Sent {
    start: usize,
    end: usize,
    length: usize,
}

impl Sent {
    #[inline(always)]
    fn new(skb: *mut __sk_buff) -> Self {
        // SAFETY: the context is the one that the program was called with.
        let (start, end, length) = unsafe { ((*skb).data, (*skb).data_end, (*skb).len) };
        Self { start: start as usize, end: end as usize, length: length as usize }
    }
}

impl Bytes for Sent {
    #[inline(always)]
    fn len(&self) -> usize {
        self.length
    }

    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        // The mask is for the verifier, which in Linux 6.12 goes astray where it finds that only one offset is possible. All
        // headers that are read begin well before it.
        let header = self.start + (opaque(offset as u64) as usize & 0x7fff);
        // The compiler would compare the header of a single byte itself, by `>=`, which doesn't tell the verifier enough.
        if opaque((header + size_of::<T>()) as u64) as usize > self.end {
            return None;
        }
        // SAFETY: the bytes lie before the packet's end, and any bytes make a T (its contract).
        Some(unsafe { (header as *const T).read_unaligned() })
    }
}

/// The licence that the kernel asks for: GPL-compatible, since the program is MIT or Apache-2.0 and GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // Nothing in the program panics.
    loop {}
}
