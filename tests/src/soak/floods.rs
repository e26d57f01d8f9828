//! Floods, of another kind in each cycle.

use std::time::Duration;

use anyhow::Result;

use super::scene::{RULES, Scene};
use crate::harness::flood::attack::{Attack, Effort};
use crate::harness::flood::kind::{Kind, Sources};
use crate::harness::fragwall::Statistics;
use crate::harness::host::HOST;

/// A flood leaves room for all else that goes on.
const EFFORT: Effort = Effort::Bursts { frames: BURST, pause: Duration::from_millis(50) };
/// How many frames a burst has.
const BURST: u32 = 1024;

const KINDS: [Kind; 5] =
    [Kind::AcceptedFirsts, Kind::DeniedFirsts, Kind::Orphans, Kind::Overlapping, Kind::Stragglers];

/// One that lasts until it's ended.
pub(super) struct Flood {
    attack: Attack,
    before: u64,
}

impl Flood {
    /// Begins that of a cycle, and waits until it has arrived.
    pub(super) fn begin(scene: &Scene, cycle: usize) -> Result<Self> {
        let to = HOST[cycle % HOST.len()];
        let kind = KINDS[cycle % KINDS.len()];
        // Whoever sends whole datagrams is known, and may have more of the host's memory than strangers: not anyone.
        let is_random = kind != Kind::Stragglers && (cycle / KINDS.len()).is_multiple_of(2);
        let sources = if is_random { Sources::Random } else { Sources::One };
        let ethernet = scene.host.netns.interface("eth0")?.address;
        let ammunition = kind.plan(to, &ethernet, sources);
        let before = judged(scene)?;
        let attack = Attack::begin(&scene.host.neighbour, "eth0", &ammunition, EFFORT, scene.flood_cpu)?;
        let flood = Self { attack, before };
        flood.attack.wait_until(|| Ok(judged(scene)? >= before + u64::from(BURST)))?;
        Ok(flood)
    }

    /// Ends it. How many of its packets the filter has judged.
    pub(super) fn end(self, scene: &Scene) -> Result<u64> {
        self.attack.check()?;
        self.attack.end()?;
        Ok(judged(scene)? - self.before)
    }
}

/// How many packets the filter has judged that are nobody's but a flood's, but for some of neighbour discovery.
fn judged(scene: &Scene) -> Result<u64> {
    let statistics = scene.host.fragwall().statistics()?;
    let all = statistics.passed() + statistics.dropped();
    Ok(all.saturating_sub(others(&statistics)))
}

/// Packets of the streams, and of those who try what is denied.
fn others(statistics: &Statistics) -> u64 {
    const { assert!(RULES.len() == 4) };
    let denied = statistics.json()["default"]["packets"].as_u64().unwrap_or(0);
    statistics.rule_packets(1) + statistics.rule_packets(2) + denied
}
