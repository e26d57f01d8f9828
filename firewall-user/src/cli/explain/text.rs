//! What is told of packets, for people.

use std::fmt::Write as _;

use firewall_common::packet::ethernet;

use crate::{
    observe::{
        explain::{Explanation, FragmentPlace},
        near::Near,
        stages::{Answer, FragmentTable, IcmpMessage, IpHeader, Link, Matched, Stages, TransportHeader},
    },
    ruleset::{Config, action},
};

/// A packet that the host sent.
pub(super) fn sent(number: u64) -> String {
    format!("{number:>6}  sent")
}

/// A packet that was judged, in a line, and behind it one for each stage that was asked for.
pub(super) fn explained(explanation: &Explanation, stages: Option<&Stages>, config: &Config) -> String {
    let Explanation { packet, verdict, reason, rule, class, fragment, slot: _ } = explanation;
    let mut text = format!("{packet:>6}  {}  {}", verdict.name(), reason.name());
    if let Some(number) = rule
        && let Some(rule) = config.rules.get(number - 1)
    {
        text += &format!("  rule {number}: {rule}");
    }
    text += &format!("  ({}", class.name());
    if let Some(FragmentPlace { id, offset, more }) = fragment {
        text += &format!(", id {id:#010x}, offset {offset}{}", if *more { ", more follow" } else { "" });
    }
    text += ")";
    if let Some(stages) = stages {
        for (stage, found) in lines(stages, config) {
            let _ = write!(text, "\n        {stage:<10}{found}");
        }
        let _ = write!(text, "\n        {:<10}{} [{}]", "reason", reason.describe(), reason.reference());
    }
    text
}

/// What each stage found that was asked, with its name.
fn lines(stages: &Stages, config: &Config) -> Vec<(&'static str, String)> {
    let Stages { link: on, ip, transport: header, malformed, fragment_table, essential, reply, rules } =
        stages;
    let mut lines = Vec::new();
    lines.extend(on.as_ref().map(|on| ("link", link(on))));
    lines.extend(ip.as_ref().map(|ip| ("network", network(ip))));
    lines.extend(header.as_ref().map(|header| ("transport", transport(header))));
    lines.extend(malformed.map(|reason| ("malformed", reason.to_owned())));
    lines.extend(fragment_table.map(|found| ("fragments", fragments(found).to_owned())));
    lines.extend(essential.map(|found| ("essential", answer(found))));
    lines.extend(reply.map(|found| ("reply", answer(found))));
    if let Some(Matched { rule, over_limit, nearly }) = rules {
        let of = |number: usize| config.rules.get(number - 1).map_or_else(String::new, ToString::to_string);
        lines.extend(over_limit.iter().map(|&n| ("rules", format!("rule {n} is over its limit: {}", of(n)))));
        let matched = match rule {
            Some(number) => format!("rule {number}: {}", of(*number)),
            None => format!("no rule matches; the default is {}", action::word(config.default)),
        };
        lines.push(("rules", matched));
        lines.extend(nearly.iter().map(|near| ("nearly", nearest(near, &of(near.rule)))));
    }
    lines
}

fn link(Link { ethertype, vlans }: &Link) -> String {
    let mut text = match *ethertype {
        ethernet::IPV4 => "IPv4".to_owned(),
        ethernet::IPV6 => "IPv6".to_owned(),
        ethernet::ARP => "ARP".to_owned(),
        other => format!("EtherType {other:#06x}"),
    };
    vlans.iter().for_each(|id| text += &format!(", VLAN {id}"));
    text
}

fn network(IpHeader { version: _, source, destination, extensions, protocol }: &IpHeader) -> String {
    let mut text = format!("{source} > {destination}");
    extensions.iter().for_each(|extension| text += &format!(", {extension}"));
    protocol.iter().for_each(|protocol| text += &format!(", {protocol}"));
    text
}

fn transport(header: &TransportHeader) -> String {
    let TransportHeader { source_port, destination_port, tcp_flags, icmp } = header;
    let ports = source_port.zip(*destination_port);
    let ports = ports.map(|(source, destination)| format!("port {source} > {destination}"));
    let flags = tcp_flags.as_ref().map(|flags| format!("flags {flags}"));
    let message =
        icmp.as_ref().map(|IcmpMessage { name, kind, code }| format!("{name}: type {kind}, code {code}"));
    [ports, flags, message].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

const fn fragments(found: FragmentTable) -> &'static str {
    match found {
        FragmentTable::Remembered => "the verdict is remembered for the trailing fragments",
        FragmentTable::LateDenial => {
            "trailing fragments have passed already; the verdict is remembered for others"
        }
        FragmentTable::Inherited => "the first fragment's verdict is inherited",
        FragmentTable::Early => "the first fragment hasn't been seen, or is forgotten",
        FragmentTable::Overlap => "it begins inside the first fragment",
        FragmentTable::Refused => "there's no room in the reassembly budget",
    }
}

fn answer(found: Answer) -> String {
    match found {
        Answer::No => "no".to_owned(),
        Answer::Settled(reason) => reason.name().to_owned(),
    }
}

fn nearest(Near { rule, field, packet, wanted }: &Near, text: &str) -> String {
    format!("rule {rule}: {text} ({} is {packet}, the rule says {wanted})", field.name())
}
