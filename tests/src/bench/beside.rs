//! Fragwall beside nftables: the same rules, at the ingress of the same interface, and the same packets, of which no rule matches
//! any. They're sent as fast as they can be made, and what is timed is the whole way: making them, a veth, and the filter.

use std::time::Duration;

use anyhow::{Context as _, Result};
use firewall_common::rules::Action;
use fragwall::ruleset::Rule;

use super::{
    Effort,
    flood::{Flood, HERE, SOURCE},
    live::LeftOut,
    report::{Row, Section},
    rules::{PORT, ruleset},
};
use crate::harness::{nft::Nft, process::run_ok, requirements};

/// The sizes of the rulesets; the least is what the others are compared with.
const SIZES: [usize; 4] = [0, 16, 256, 4096];
const FRAGWALL: &str = "Fragwall";
const NFTABLES: &str = "nftables";

/// Measures it.
///
/// # Errors
/// A filter refuses its rules, or sees nothing.
pub fn section(effort: Effort) -> Result<Section> {
    let mut flood = Flood::new("beside", PORT)?;
    let rulesets: Vec<Vec<Rule>> = SIZES
        .iter()
        .map(|&size| Ok(ruleset(size)?.into_iter().map(|(rule, _)| rule).collect()))
        .collect::<Result<_>>()?;

    let left_out = match load(&flood, &[]).and_then(|()| flush(&flood)) {
        Ok(()) => Vec::new(),
        Err(error) => vec![LeftOut { contender: NFTABLES.to_owned(), reason: format!("{error:#}") }],
    };
    let mut samples = vec![[Vec::new(), Vec::new()]; SIZES.len()];
    for _ in 0..effort.live_rounds {
        for (rules, [fragwall, nftables]) in rulesets.iter().zip(&mut samples) {
            flood.attach(rules)?;
            fragwall.push(flood.time(effort.live, Flood::dropped)?);
            flood.detach()?;
            if left_out.is_empty() {
                nftables.push(beside(&mut flood, rules, effort.live)?);
            }
        }
    }
    let yardstick = samples[0][0].clone();
    let mut rows = Vec::new();
    for (size, both) in SIZES.iter().zip(&samples) {
        let both = [FRAGWALL, NFTABLES].into_iter().zip(both).filter(|(_, samples)| !samples.is_empty());
        for (who, samples) in both {
            let pairs: Vec<(f64, f64)> = samples.iter().copied().zip(yardstick.iter().copied()).collect();
            rows.push(Row::new(format!("{who}, {size} rules, none matches"), &pairs, None)?);
        }
    }
    Ok(Section {
        name: "nftables",
        title: "beside nftables, over a veth",
        over: "Fragwall, 0",
        rows,
        left_out,
    })
}

/// Nanoseconds a packet, where nftables drops by default.
fn beside(flood: &mut Flood, rules: &[Rule], time: Duration) -> Result<f64> {
    load(flood, rules)?;
    let mut dropped = 0;
    let nanoseconds = flood.time(time, |flood| {
        // Asking resets it.
        let counts = Nft::in_force(&flood.host.netns, HERE, rules.len())?.take_counts()?;
        dropped += counts.last().context("there's a counter of the default")?.packets;
        Ok(dropped)
    })?;
    flush(flood)?;
    Ok(nanoseconds)
}

fn load(flood: &Flood, rules: &[Rule]) -> Result<()> {
    requirements::require(&["nft"])?;
    Nft::new(&flood.host.netns, HERE)?.load(rules, Action::Deny, SOURCE)
}

fn flush(flood: &Flood) -> Result<()> {
    run_ok(flood.host.netns.command("nft")?.args(["flush", "ruleset"])).map(drop)
}
