//! The flows that this host opened: what the program on egress remembers, and the one on ingress asks for.

use aya_ebpf::{btf_maps::Array, helpers::bpf_jiffies64, macros::btf_map};
use firewall_common::reply::{
    Flows,
    flow::Flow,
    table::{CLASSES, FlowSet, Lifetimes, Moment},
};

use crate::{
    direct,
    setting::{MMAPABLE, setting},
};

/// By how much a flow is shifted to the right to give its set's number: 64 less the logarithm of their count.
#[unsafe(no_mangle)]
static FLOW_SHIFT: u32 = 63;

/// How many jiffies, as a power of two, make a unit of a [`Moment`].
#[unsafe(no_mangle)]
static MOMENT_SHIFT: u32 = 0;

/// How long flows are remembered.
#[unsafe(no_mangle)]
static LIFETIMES: Lifetimes = Lifetimes([0; CLASSES]);

/// The flow table. The loader sets its size.
#[btf_map]
static FLOWS: Array<FlowSet, 1, MMAPABLE> = Array::new();

/// What the map and the settings say.
pub struct HostFlows;

impl Flows for HostFlows {
    #[inline(always)]
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet> {
        Some(direct::element(&FLOWS, flow.0 >> setting(&FLOW_SHIFT)))
    }

    #[inline(always)]
    fn lifetimes(&self) -> &Lifetimes {
        &LIFETIMES
    }

    #[inline(always)]
    fn moment(&self) -> Moment {
        // SAFETY: the helper takes nothing and only reads the clock.
        Moment((unsafe { bpf_jiffies64() } >> setting(&MOMENT_SHIFT)) as u32)
    }
}
