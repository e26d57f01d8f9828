//! The kernel's own filter with the rules that all contenders have: by `nft` at one of its hooks, and by `ip6tables`.

use std::fs;

use anyhow::{Context as _, Result};

use super::{ALLOWED, INTERFACE};
use crate::harness::{netns::Netns, process::run_ok, requirements, temporary_directory};

/// Where packets are filtered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hook {
    /// Where the interface hands them over.
    Ingress,
    /// Before routing, and before anything else there.
    Prerouting,
    /// Where they go to the host's own sockets.
    Input,
    /// The same, and connection tracking has seen them before, for which it reassembles.
    Tracked,
    /// The same without tracking, by ip6tables.
    Iptables,
}

/// Puts the rules into force at a hook.
///
/// # Errors
/// A command isn't installed, or fails: what it said is named.
pub(super) fn load(netns: &Netns, hook: Hook) -> Result<()> {
    let (program, text) = match hook {
        Hook::Iptables => ("ip6tables-nft-restore", iptables()),
        _ => ("nft", nft(hook)),
    };
    requirements::require(&[program])?;
    let directory = temporary_directory("rules")?;
    let path = directory.path().join("rules");
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    let mut command = netns.command(program)?;
    if hook != Hook::Iptables {
        command.arg("-f");
    }
    run_ok(command.arg(&path)).map(drop)
}

fn nft(hook: Hook) -> String {
    let (family, place, before) = match hook {
        Hook::Ingress => (
            "netdev",
            format!("ingress device \"{INTERFACE}\" priority 0"),
            "meta protocol != { ip, ip6 } accept",
        ),
        Hook::Prerouting => ("inet", "prerouting priority -300".to_owned(), ""),
        Hook::Input | Hook::Iptables => ("inet", "input priority 0".to_owned(), ""),
        Hook::Tracked => (
            "inet",
            "input priority 0".to_owned(),
            "ct state established,related accept\nct state invalid drop",
        ),
    };
    let [one, other] = ALLOWED;
    format!(
        "table {family} bench {{\nchain rules {{\ntype filter hook {place}; policy drop;\n{before}\n\
         meta l4proto ipv6-icmp accept\nudp dport {{ {one}, {other} }} accept\n}}\n}}\n"
    )
}

fn iptables() -> String {
    let [one, other] = ALLOWED;
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p ipv6-icmp -j ACCEPT\n\
         -A INPUT -p udp -m multiport --dports {one},{other} -j ACCEPT\nCOMMIT\n"
    )
}
