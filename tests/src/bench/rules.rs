//! What rulesets cost: rules with prefixes and ranges of ports, of which one packet matches the first, the last, or none.

use std::time::Instant;

use anyhow::{Context as _, Result};
use firewall_common::{
    fragment::{budget::Limits, tick::Tick},
    rules::{Action, Slot},
    stance::Stance,
};
use fragwall::{
    kernel::{
        form::Form,
        instance::{Instance, Settings, host, new_hash_key},
    },
    ruleset::{Addresses, Compiled, Match, PortRange, Ports, Protocol, Rule, Term, What},
};

use ipnet::{IpNet, Ipv6Net};

use super::cases::{Case, DROP, PASS, frame};
use crate::harness::packet::{Internet as _, ip6, pattern, random::Random};

/// The sizes of the rulesets.
const SIZES: [usize; 4] = [1, 16, 256, 4096];
/// A port that each rule's range includes.
pub(super) const PORT: u16 = 4500;

/// Rules that differ in their source prefixes, of which half lie within one /32, their destinations and their ranges of ports.
///
/// # Errors
/// There are more than a ruleset may have.
pub fn ruleset(size: usize) -> Result<Vec<(Rule, Slot)>> {
    let mut random = Random::new(7);
    (0..size)
        .map(|n| {
            let (first, last) = (PORT - random.below(4000) as u16, PORT + random.below(4000) as u16);
            let ports =
                Ports::new(vec![PortRange::new(first, last).context("a range")?]).context("a list")?;
            // The number of the rule is in each prefix, so that no two are the same.
            let from = match n % 4 {
                0 => format!("2001:db8:{n:x}::/48"),
                1 => format!("2001:db8:{:x}:{n:x}::/64", random.below(1 << 16)),
                2 => format!("2{:03x}:{n:x}::/32", random.below(1 << 12)),
                _ => format!("{}.{}.{}.0/24", 1 + random.below(200), n / 256, n % 256),
            };
            let to = if n % 4 == 3 { "0.0.0.0/1".to_owned() } else { "2001:db8:f::/48".to_owned() };
            let addresses = |text: String| {
                let prefix = text.parse().with_context(|| format!("the prefix {text:?}"))?;
                Addresses::new(false, vec![prefix]).context("a prefix")
            };
            let term = What::Term(Term::ports(Protocol::UDP, ports));
            let matching = Match::new(term, Some(addresses(from)?), Some(addresses(to)?), None)?;
            let action = if n % 2 == 0 { Action::Allow } else { Action::Deny };
            Ok((Rule::new(action, matching), Slot::rule(n).context("too many rules")?))
        })
        .collect()
}

/// The program with some rules, by which all else is denied.
pub(super) fn program(rules: &[(Rule, Slot)]) -> Result<Instance> {
    let compiled = Compiled::new(rules, Action::Deny, &host()?)?;
    let settings = Settings {
        rules: &compiled,
        early: Action::Allow,
        timeout: Tick::MAX_AGE,
        limits: [Limits::new(Tick::MAX_AGE, 1, 1); 2],
        table: super::flows::TABLE,
        hash_key: new_hash_key()?,
        flows: None,
        icmp_errors: true,
        stance: Stance::Enforcing,
        pending: None,
        form: Form::USUAL,
        explains: false,
    };
    Ok(Instance::load(&settings)?)
}

/// Every case.
///
/// # Errors
/// The kernel refuses the program.
pub fn all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for size in SIZES {
        let mut rules = ruleset(size)?;
        let source = |rule: &Rule| {
            let from = rule.matching.from().context("the rule has a source")?;
            anyhow::Ok(from.prefixes()[0].addr().to_string())
        };
        // The last one has to be one that a packet like the others can match.
        let last = (0..size).rev().find(|n| n % 4 != 3).context("no rule")?;
        rules.truncate(last + 1);
        let (first, last) = (source(&rules[0].0)?, source(&rules[last].0)?);
        let action = |rule: &Rule| if rule.action == Action::Allow { PASS } else { DROP };
        let sources = [
            ("the first matches", first, action(&rules[0].0)),
            ("the last matches", last, action(&rules[rules.len() - 1].0)),
            ("none matches", "2001:db8:ffff:ffff::1".to_owned(), DROP),
        ];
        for (what, source, expected) in sources {
            let packet = ip6(&source, "2001:db8:f:608::2").udp(4500, PORT, &pattern(100));
            let name = format!("{size} rule{}, {what}", if size == 1 { "" } else { "s" });
            cases.push(Case::new(name, program(&rules)?, frame(packet), expected)?);
        }
    }
    Ok(cases)
}

/// What it takes to compile and load the largest of the rulesets, and the memory of its tables: in words.
///
/// # Errors
/// The kernel refuses the program.
pub fn effort() -> Result<String> {
    let size = SIZES[SIZES.len() - 1];
    let rules = ruleset(size)?;
    let start = Instant::now();
    let Compiled { ports, nodes, branches, words, .. } = Compiled::new(&rules, Action::Deny, &host()?)?;
    let compiled = start.elapsed();
    let start = Instant::now();
    program(&rules)?;
    let loaded = start.elapsed();
    let bytes = ports.iter().map(|table| size_of_val(table.as_ref())).sum::<usize>()
        + size_of_val(nodes.as_slice())
        + size_of_val(branches.as_slice())
        + size_of_val(words.as_slice());
    Ok(format!(
        "{size} rules: compiled in {} ms, compiled and loaded in {} ms, {} KiB of tables",
        compiled.as_millis(),
        loaded.as_millis(),
        bytes >> 10
    ))
}

/// What it takes to find the prefix of a source among those of a ruleset: in Fragwall's trie, and in the kernel's own.
///
/// # Errors
/// The kernel refuses the program.
pub fn prefixes() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for size in [16, 4096] {
        let rules = ruleset(size)?;
        let compiled = Compiled::new(&rules, Action::Deny, &host()?)?;
        let nets: Vec<Ipv6Net> = rules
            .iter()
            .filter_map(|(rule, _)| rule.matching.from())
            .flat_map(Addresses::prefixes)
            .filter_map(|prefix| if let IpNet::V6(prefix) = prefix { Some(*prefix) } else { None })
            .collect();
        let longest = nets.iter().max_by_key(|net| net.prefix_len()).context("no prefix")?;
        let packet = ip6(&longest.addr().to_string(), "2001:db8:f:608::2").udp(4500, PORT, &pattern(100));
        let frame = frame(packet);
        for (table, lpm) in [("Fragwall's trie", false), ("LPM trie map", true)] {
            let name = format!("one of {} prefixes, {table}", nets.len());
            cases.push(Case::new(name, Instance::prefixes(&compiled, &nets, lpm)?, frame.clone(), PASS)?);
        }
    }
    Ok(cases)
}
