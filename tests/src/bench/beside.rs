//! Fragwall beside nftables: the same rules, at the ingress of the same interface, and the same packets, of which no rule matches
//! any. They're sent as fast as they can be made, and what is timed is the whole way: making them, a veth, and the filter.

use anyhow::{Context as _, Result};
use firewall_common::rules::Action;
use fragwall::ruleset::Rule;

use super::{
    flood::{Flood, HERE, SOURCE},
    report::{Row, Section},
    rules::{PORT, ruleset},
};
use crate::harness::nft::Nft;

/// The sizes of the rulesets; the least is what the others are compared with.
const SIZES: [usize; 4] = [0, 16, 256, 4096];
/// How often each is measured.
const ROUNDS: usize = 5;
/// How many packets a measurement has: nftables tries some thousand rules on each.
const PACKETS: u32 = 20_000;
const FRAGWALL: &str = "Fragwall";
const NFTABLES: &str = "nftables";

/// Measures it.
///
/// # Errors
/// A filter refuses its rules, or sees nothing.
pub fn section() -> Result<Section> {
    let mut flood = Flood::new("beside", PORT)?;
    let rulesets: Vec<Vec<Rule>> = SIZES
        .iter()
        .map(|&size| Ok(ruleset(size)?.into_iter().map(|(rule, _)| rule).collect()))
        .collect::<Result<_>>()?;

    let mut samples = vec![[Vec::new(), Vec::new()]; SIZES.len()];
    for _ in 0..ROUNDS {
        for (rules, [fragwall, nftables]) in rulesets.iter().zip(&mut samples) {
            flood.attach(rules)?;
            fragwall.push(flood.time(PACKETS, Flood::dropped)?);
            flood.detach()?;
            nftables.push(beside(&mut flood, rules)?);
        }
    }
    let yardstick = samples[0][0].clone();
    let mut rows = Vec::new();
    for (size, both) in SIZES.iter().zip(&samples) {
        for (who, samples) in [FRAGWALL, NFTABLES].into_iter().zip(both) {
            let pairs: Vec<(f64, f64)> = samples.iter().copied().zip(yardstick.iter().copied()).collect();
            rows.push(Row::new(format!("{who}, {size} rules, none matches"), &pairs, None)?);
        }
    }
    Ok(Section { name: "beside nftables, over a veth", over: "Fragwall, 0", rows })
}

/// Nanoseconds a packet that nftables has dropped by default.
fn beside(flood: &mut Flood, rules: &[Rule]) -> Result<f64> {
    let load = |flood: &Flood| {
        let mut nft = Nft::new(&flood.host.netns, HERE)?;
        nft.load(rules, Action::Deny, SOURCE)?;
        Ok::<_, anyhow::Error>(())
    };
    load(flood)?;
    let mut dropped = 0;
    let nanoseconds = flood.time(PACKETS, |flood| {
        // Asking resets it.
        let counts = Nft::new(&flood.host.netns, HERE)?.take_counts()?;
        dropped += counts.last().context("there's a counter of the default")?.packets;
        Ok(dropped)
    })?;
    flood.host.netns.command("nft")?.args(["flush", "ruleset"]).status().context("running nft")?;
    Ok(nanoseconds)
}
