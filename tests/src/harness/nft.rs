//! Rules as nftables has them, in a namespace of their own.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use firewall_common::{packet::Family, record::Count, rules::Action};
use fragwall::ruleset::{Addresses, Ports, Rule, Term, icmp::IcmpTypes};
use ipnet::IpNet;
use serde_json::Value;
use tempfile::TempDir;

use super::netns::Netns;
use super::process::{run, succeeded};
use super::temporary_directory;

/// The table that the rules are in.
const TABLE: &str = "oracle";
/// How long `nft` may take for some thousand rules.
const LIMIT: Duration = Duration::from_secs(60);

/// A ruleset in nftables, at the ingress hook of an interface: each rule with a counter of its own. Whatever it says, packets
/// go no further than they would without it, since none is for this host.
#[derive(Debug)]
pub struct Nft<'a> {
    netns: &'a Netns,
    interface: &'a str,
    directory: TempDir,
    rules: usize,
}

impl<'a> Nft<'a> {
    /// One without rules.
    ///
    /// # Errors
    /// A temporary directory can't be made.
    pub fn new(netns: &'a Netns, interface: &'a str) -> Result<Self> {
        Ok(Self { netns, interface, directory: temporary_directory("nft")?, rules: 0 })
    }

    /// One that has so many rules already, by another's hand.
    ///
    /// # Errors
    /// A temporary directory can't be made.
    pub fn in_force(netns: &'a Netns, interface: &'a str, rules: usize) -> Result<Self> {
        Ok(Self { rules, ..Self::new(netns, interface)? })
    }

    /// Has these rules instead of those before, all at zero, for the frames that come from an Ethernet address.
    ///
    /// # Errors
    /// `nft` fails: what it said is named.
    pub fn load(&mut self, rules: &[Rule], default: Action, sender: [u8; 6]) -> Result<()> {
        let path = self.directory.path().join("rules");
        fs::write(&path, render(rules, default, self.interface, sender))?;
        let path = path.to_str().context("a temporary directory whose name isn't UTF-8")?;
        self.nft(&["-f", path])?;
        self.rules = rules.len();
        Ok(())
    }

    /// What each rule has counted, and behind them the default, since this was last asked.
    ///
    /// # Errors
    /// `nft` fails, or prints what isn't understood.
    pub fn take_counts(&self) -> Result<Vec<Count>> {
        let output = self.nft(&["-j", "reset", "counters", "table", "netdev", TABLE])?;
        let all: Value = serde_json::from_slice(&output).context("`nft -j` prints no JSON")?;
        let mut counts = vec![Count::default(); self.rules + 1];
        let mut seen = 0;
        for counter in all["nftables"].as_array().into_iter().flatten().map(|object| &object["counter"]) {
            let Some(name) = counter["name"].as_str() else { continue };
            let number: usize = name.trim_start_matches('r').parse().context("a counter of no rule")?;
            let value = |key: &str| counter[key].as_u64().with_context(|| format!("a counter without {key}"));
            let count = counts.get_mut(number).context("a counter of a rule that isn't there")?;
            *count = Count { packets: value("packets")?, bytes: value("bytes")?, last: 0 };
            seen += 1;
        }
        ensure!(seen == counts.len(), "{seen} of {} counters", counts.len());
        Ok(counts)
    }

    fn nft(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.netns.command("nft")?;
        command.args(arguments);
        let output = run(&mut command, LIMIT)?;
        let output = succeeded(&command, output)?;
        if !output.stderr.is_empty() {
            bail!("nft says {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }
}

/// The file that replaces the table.
fn render(rules: &[Rule], default: Action, interface: &str, sender: [u8; 6]) -> String {
    let mut text = format!("table netdev {TABLE}\ndelete table netdev {TABLE}\ntable netdev {TABLE} {{\n");
    for n in 0..=rules.len() {
        let _ = writeln!(text, "counter r{n} {{ }}");
    }
    let sender = sender.map(|byte| format!("{byte:02x}")).join(":");
    let hook = format!("type filter hook ingress device \"{interface}\" priority 0; policy accept;");
    let _ = writeln!(text, "chain rules {{\n{hook}\nether saddr != {sender} accept");
    for (n, rule) in rules.iter().enumerate() {
        for line in alternatives(rule) {
            let _ = writeln!(text, "{line}counter name r{n} {}", verdict(rule.action));
        }
    }
    let _ = writeln!(text, "counter name r{} {}\n}}\n}}", rules.len(), verdict(default));
    text
}

const fn verdict(action: Action) -> &'static str {
    match action {
        Action::Allow => "accept",
        // There's no `reject` at the ingress hook of a device, and none that counts more than it drops.
        Action::Deny | Action::Reject => "drop",
    }
}

/// What a packet must be for a rule to match: any of these. Each ends in a blank, or is empty.
fn alternatives(rule: &Rule) -> Vec<String> {
    let (from, to) = (rule.matching.from(), rule.matching.to());
    let mut lines = Vec::new();
    for term in rule.matching.terms() {
        let families: Vec<Option<Family>> = if from.is_none() && to.is_none() {
            vec![term.family]
        } else {
            let is_meant = |family: &Family| {
                term.family.is_none_or(|own| own == *family)
                    && [from, to].into_iter().flatten().all(|addresses| addresses.are_of(*family))
            };
            Family::ALL.into_iter().filter(is_meant).map(Some).collect()
        };
        for family in families {
            for head in heads(term, family) {
                let mut line = head;
                if let Some(family) = family {
                    line += &from.map_or_else(String::new, |from| addresses(from, family, "saddr"));
                    line += &to.map_or_else(String::new, |to| addresses(to, family, "daddr"));
                }
                if let Some(name) = rule.matching.interface() {
                    let _ = write!(line, "iifname \"{name}\" ");
                }
                lines.push(line);
            }
        }
    }
    lines
}

/// What the headers must say: any of these.
fn heads(term: &Term, family: Option<Family>) -> Vec<String> {
    let Term { family: _, protocol, ports, source_ports, icmp, flags } = term;
    let mut head = String::new();
    if let Some(family) = family {
        let _ = write!(head, "meta protocol {} ", word(family));
    }
    if let Some(protocol) = protocol {
        let _ = write!(head, "meta l4proto {} ", protocol.0);
    }
    if let Some(ports) = ports {
        let _ = write!(head, "th dport {} ", set(ports));
    }
    if let Some(ports) = source_ports {
        let _ = write!(head, "th sport {} ", set(ports));
    }
    if let Some(flags) = flags {
        let _ = write!(head, "tcp flags & {:#x} == {:#x} ", flags.mask(), flags.set());
    }
    let types = icmp.as_ref().map_or(&[][..], IcmpTypes::types);
    if types.is_empty() {
        return vec![head];
    }
    // As bytes of the header: `icmp type` would be about IPv4 alone.
    let with = |of: &fragwall::ruleset::icmp::IcmpType| {
        let code = of.code.map_or_else(String::new, |code| format!("@th,8,8 {code} "));
        format!("{head}@th,0,8 {} {code}", of.kind)
    };
    types.iter().map(with).collect()
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn set(ports: &Ports) -> String {
    let ranges: Vec<String> = ports.ranges().iter().map(ToString::to_string).collect();
    format!("{{ {} }}", ranges.join(", "))
}

fn addresses(addresses: &Addresses, family: Family, side: &str) -> String {
    let is_own = |prefix: &&IpNet| prefix.addr().is_ipv4() == (family == Family::V4);
    let prefixes: Vec<String> = addresses.prefixes().iter().filter(is_own).map(ToString::to_string).collect();
    let not = if addresses.is_not() { "!= " } else { "" };
    format!("{} {side} {not}{{ {} }} ", word(family), prefixes.join(", "))
}
