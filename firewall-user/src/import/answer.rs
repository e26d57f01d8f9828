//! What other tools call what a rejected packet is answered with.

use firewall_common::answer::Answer;

/// What iptables (`--reject-with`), ip6tables and nftables (`reject with icmp`, `icmpv6`, `icmpx` and `tcp`) call them.
const NAMES: &[(&str, Answer)] = &[
    ("icmp-net-unreachable", Answer::NetworkUnreachable),
    ("net-unreach", Answer::NetworkUnreachable),
    ("icmp-host-unreachable", Answer::HostUnreachable),
    ("host-unreach", Answer::HostUnreachable),
    ("icmp-proto-unreachable", Answer::ProtocolUnreachable),
    ("proto-unreach", Answer::ProtocolUnreachable),
    ("icmp-port-unreachable", Answer::PortUnreachable),
    ("icmp-net-prohibited", Answer::NetworkProhibited),
    ("net-prohib", Answer::NetworkProhibited),
    ("icmp-host-prohibited", Answer::HostProhibited),
    ("host-prohib", Answer::HostProhibited),
    ("icmp-admin-prohibited", Answer::AdminProhibited),
    ("admin-prohib", Answer::AdminProhibited),
    ("tcp-reset", Answer::TcpReset),
    ("tcp-rst", Answer::TcpReset),
    ("icmp6-no-route", Answer::NoRoute),
    ("no-route", Answer::NoRoute),
    ("icmp6-adm-prohibited", Answer::AdminProhibited),
    ("adm-prohibited", Answer::AdminProhibited),
    ("icmp6-addr-unreachable", Answer::AddressUnreachable),
    ("addr-unreach", Answer::AddressUnreachable),
    ("icmp6-port-unreachable", Answer::PortUnreachable),
    ("port-unreach", Answer::PortUnreachable),
    ("icmp6-policy-fail", Answer::PolicyFail),
    ("policy-fail", Answer::PolicyFail),
    ("icmp6-reject-route", Answer::RejectRoute),
    ("reject-route", Answer::RejectRoute),
    ("net-unreachable", Answer::NetworkUnreachable),
    ("host-unreachable", Answer::HostUnreachable),
    ("prot-unreachable", Answer::ProtocolUnreachable),
    ("port-unreachable", Answer::PortUnreachable),
    ("net-prohibited", Answer::NetworkProhibited),
    ("host-prohibited", Answer::HostProhibited),
    ("admin-prohibited", Answer::AdminProhibited),
    ("addr-unreachable", Answer::AddressUnreachable),
];

/// The answer that another tool calls `name`.
pub(super) fn named(name: &str) -> Option<Answer> {
    NAMES.iter().find(|(known, _)| *known == name).map(|&(_, answer)| answer)
}
