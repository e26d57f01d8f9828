//! The iptables rules that Fragwall is measured against.

use anyhow::{Context, Result};

use super::hosts::Family;
use crate::harness::netns::Netns;
use crate::harness::process::run_ok;

/// Packets by what a filter did with them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Verdicts {
    /// Let through.
    pub accepted: u64,
    /// Dropped or rejected.
    pub dropped: u64,
}

/// Appends INPUT rules to a host: UDP 500 and 4500 and IPv6's neighbour discovery are accepted, all else is rejected. With
/// connection tracking, what belongs to an established flow is accepted first.
///
/// # Errors
/// iptables fails; the rule and what it said are named.
pub fn install(netns: &Netns, family: Family, tracked: bool) -> Result<()> {
    const TRACKED: &str = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    const IKE: [&str; 2] = ["-p udp --dport 500 -j ACCEPT", "-p udp --dport 4500 -j ACCEPT"];
    let last: &[&str] = match family {
        Family::V6 => &[
            "-p icmpv6 --icmpv6-type neighbour-solicitation -j ACCEPT",
            "-p icmpv6 --icmpv6-type neighbour-advertisement -j ACCEPT",
            "-j REJECT --reject-with icmp6-port-unreachable",
        ],
        Family::V4 => &["-j REJECT --reject-with icmp-port-unreachable"],
    };
    let tracked = tracked.then_some(TRACKED);
    for rule in tracked.iter().chain(&IKE).chain(last) {
        let mut command = netns.command(family.iptables())?;
        run_ok(command.args(["-w", "-A", "INPUT"]).args(rule.split(' ')))?;
    }
    Ok(())
}

/// What the rules of [`install`] have done with packets until now.
///
/// # Errors
/// iptables-save fails, or its counters can't be read.
pub fn verdicts(netns: &Netns, family: Family) -> Result<Verdicts> {
    let output = run_ok(netns.command(&format!("{}-save", family.iptables()))?.args(["-c", "-t", "filter"]))?;
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// Reads lines such as `[3:168] -A INPUT -p udp -m udp --dport 500 -j ACCEPT`.
fn parse(saved: &str) -> Result<Verdicts> {
    let mut verdicts = Verdicts::default();
    for line in saved.lines().filter(|line| line.contains(" -A INPUT ")) {
        let packets = line
            .strip_prefix('[')
            .and_then(|line| line.split_once(':'))
            .and_then(|(packets, _)| packets.parse::<u64>().ok())
            .with_context(|| format!("no counter in iptables-save's line {line:?}"))?;
        if line.contains("-j ACCEPT") {
            verdicts.accepted += packets;
        } else {
            verdicts.dropped += packets;
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_by_target() {
        let saved = "*filter\n:INPUT ACCEPT [9:9]\n\
            [3:168] -A INPUT -p udp -m udp --dport 500 -j ACCEPT\n\
            [4:5000] -A INPUT -p udp -m udp --dport 4500 -j ACCEPT\n\
            [12:800] -A INPUT -j REJECT --reject-with icmp6-port-unreachable\nCOMMIT\n";
        assert_eq!(parse(saved).unwrap(), Verdicts { accepted: 7, dropped: 12 });
    }

    #[test]
    fn a_line_without_a_counter_is_named() {
        let error = parse("x -A INPUT -j ACCEPT").unwrap_err();
        assert!(error.to_string().contains("x -A INPUT -j ACCEPT"), "{error}");
    }
}
