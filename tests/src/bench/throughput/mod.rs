//! How many packets a second each contender takes, of each kind of traffic, as fast as the kernel makes them on one CPU or two. They come in by
//! a veth, whoever sends also receives, and a CPU does nothing else meanwhile: so a CPU's time is that of making packets, of the veth and of
//! what is done with them.
//!
//! Contenders come in turn for each kind of traffic, round after round, each on a host of its own; and on another one for floods, which fill the
//! memory that the kernel's stack has for reassembly.

mod figures;
mod lanes;
mod socket;
mod traffic;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

pub use self::figures::RATE;
use self::{
    figures::{ratios, rows},
    lanes::{Lanes, Run},
    traffic::{KINDS, Kind, PAIRS_ACCEPTED, PAIRS_DENIED},
};
use super::{
    Effort,
    contenders::{
        Contender,
        stand::{self, Link, Stand},
    },
    live::Table,
};
use crate::harness::{cpu, host::MTU};

/// The contenders, in the order of their rows.
const CONTENDERS: [Contender; 11] = [
    Contender::BareDrop,
    Contender::Unfiltered,
    Contender::BarePass,
    Contender::Fragwall,
    Contender::FragwallReplies,
    Contender::XdpFilter,
    Contender::NftIngress,
    Contender::NftPrerouting,
    Contender::NftInput,
    Contender::Iptables,
    Contender::Conntrack,
];
/// How many packets are sent at first, before it's known how fast they come.
const PACKETS: u32 = 60_000;
/// A kind of traffic by its number, from so many CPUs, and who filters it.
type Key = (usize, usize, Contender);

/// What was measured, round by round.
type Runs = BTreeMap<Key, Vec<Run>>;

/// The name of the section on fragment tables of several sizes.
pub const SIZES: &str = "table-sizes";

/// What is measured beside each other.
struct Comparison {
    name: &'static str,
    contenders: &'static [Contender],
    /// Which kinds of traffic.
    wants: fn(&Kind) -> bool,
    /// From how many CPUs at most.
    cpus: usize,
}

/// Each contender and each kind of traffic.
const ALL: Comparison =
    Comparison { name: "throughput", contenders: &CONTENDERS, wants: |_| true, cpus: usize::MAX };

/// Fragment tables of several sizes. What is in flight is the same whatever the size, but in a larger table it lies at more places, and
/// what the kernel's stack does meanwhile takes them out of the caches that are near.
const OF_SIZES: Comparison = Comparison {
    name: SIZES,
    contenders: &[
        Contender::BareDrop,
        Contender::Unfiltered,
        Contender::BarePass,
        Contender::FragwallOf(1),
        Contender::FragwallOf(4),
        Contender::FragwallOf(16),
        Contender::FragwallOf(64),
        Contender::FragwallOf(256),
        Contender::FragwallOf(1024),
    ],
    wants: |kind| [PAIRS_DENIED, PAIRS_ACCEPTED].contains(&kind.name),
    cpus: 1,
};

/// Measures each contender with each kind of traffic.
///
/// # Errors
/// The kernel refuses a generator, or a contender that was there can't be put into force any more.
pub fn table(effort: Effort) -> Result<Table> {
    ALL.measure(effort)
}

/// Measures what the size of the fragment table costs.
///
/// # Errors
/// As [`table`].
pub fn table_sizes(effort: Effort) -> Result<Table> {
    OF_SIZES.measure(effort)
}

impl Comparison {
    fn measure(&self, effort: Effort) -> Result<Table> {
        let cpus = cpu::two()?;
        // A sender's CPU, modulo the number of queues, is the queue.
        let link = Link { mtu: MTU, receive_queues: cpus[0].max(cpus[1]) + 1, takes_frames: true };
        let (calm, left_out) = stand::all("calm", link, self.contenders)?;
        let there: Vec<_> = calm.iter().map(|stand| stand.contender).collect();
        let for_floods: &[_] = if self.kinds().any(|(_, kind)| kind.is_flood()) { &there } else { &[] };
        let (flooded, _) = stand::all("flooded", link, for_floods)?;
        let [mut calm, mut flooded] = [self.lanes(&calm, cpus, false)?, self.lanes(&flooded, cpus, true)?];
        let mut packets = BTreeMap::new();
        let mut runs = Runs::new();
        for _ in 0..effort.live_rounds {
            for (number, kind) in self.kinds() {
                let lanes = if kind.is_flood() { &mut flooded } else { &mut calm };
                for senders in 1..=self.cpus_of(kind) {
                    let concerned = lanes.iter_mut().filter(|(contender, _)| kind.concerns(*contender));
                    for (contender, lanes) in concerned {
                        let key = (number, senders, *contender);
                        let packets = packets.entry(key).or_insert(PACKETS);
                        let run = lanes.run(number, senders, packets, effort.live);
                        let run = run.with_context(|| format!("{contender}: {}", kind.name))?;
                        runs.entry(key).or_default().push(run);
                    }
                }
            }
        }
        Ok(Table { name: self.name, rows: rows(self, &runs, &there)?, ratios: ratios(&runs), left_out })
    }

    /// The kinds of traffic, by their numbers.
    fn kinds(&self) -> impl Iterator<Item = (usize, &'static Kind)> {
        KINDS.iter().enumerate().filter(|(_, kind)| (self.wants)(kind))
    }

    /// From how many CPUs one is sent, from one on.
    fn cpus_of(&self, kind: &Kind) -> usize {
        kind.cpus.min(self.cpus)
    }

    /// What makes the traffic for each host: floods, or all else.
    fn lanes<'a>(
        &self,
        stands: &'a [Stand],
        cpus: [usize; 2],
        floods: bool,
    ) -> Result<Vec<(Contender, Lanes<'a>)>> {
        let mut all = Vec::new();
        for Stand { contender, host, .. } in stands {
            let wanted =
                |kind: &Kind| (self.wants)(kind) && kind.is_flood() == floods && kind.concerns(*contender);
            all.push((*contender, Lanes::new(host, cpus, wanted)?));
        }
        Ok(all)
    }
}
