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
    traffic::{KINDS, Kind},
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

/// Measures it.
///
/// # Errors
/// The kernel refuses a generator, or a contender that was there can't be put into force any more.
pub fn table(effort: Effort) -> Result<Table> {
    let cpus = cpu::two()?;
    // A sender's CPU, modulo the number of queues, is the queue.
    let link = Link { mtu: MTU, receive_queues: cpus[0].max(cpus[1]) + 1, takes_frames: true };
    let (calm, left_out) = stand::all("calm", link, &CONTENDERS)?;
    let there: Vec<_> = calm.iter().map(|stand| stand.contender).collect();
    let (flooded, _) = stand::all("flooded", link, &there)?;
    let [mut calm, mut flooded] = [lanes(&calm, cpus, false)?, lanes(&flooded, cpus, true)?];
    let mut packets = BTreeMap::new();
    let mut runs = Runs::new();
    for _ in 0..effort.live_rounds {
        for (number, kind) in KINDS.iter().enumerate() {
            let lanes = if kind.is_flood() { &mut flooded } else { &mut calm };
            for senders in 1..=kind.cpus {
                for (contender, lanes) in lanes.iter_mut().filter(|(contender, _)| kind.concerns(*contender))
                {
                    let key = (number, senders, *contender);
                    let packets = packets.entry(key).or_insert(PACKETS);
                    let run = lanes.run(number, senders, packets, effort.live);
                    let run = run.with_context(|| format!("{contender}: {}", kind.name))?;
                    runs.entry(key).or_default().push(run);
                }
            }
        }
    }
    Ok(Table { name: "throughput", rows: rows(&runs, &there)?, ratios: ratios(&runs), left_out })
}

/// What makes the traffic for each host: floods, or all else.
fn lanes(stands: &[Stand], cpus: [usize; 2], floods: bool) -> Result<Vec<(Contender, Lanes<'_>)>> {
    let mut all = Vec::new();
    for Stand { contender, host, .. } in stands {
        let wanted = |kind: &Kind| kind.is_flood() == floods && kind.concerns(*contender);
        all.push((*contender, Lanes::new(host, cpus, wanted)?));
    }
    Ok(all)
}
