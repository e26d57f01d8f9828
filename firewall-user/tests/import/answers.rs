//! What rejected packets are answered with.

use crate::small::{made, nft, v4, v6};

/// Answers of iptables, and what rules have in their place.
const V4: &[(&str, &str)] = &[
    ("icmp-net-unreachable", "with network-unreachable "),
    ("icmp-host-unreachable", "with host-unreachable "),
    ("icmp-proto-unreachable", "with protocol-unreachable "),
    ("icmp-port-unreachable", ""),
    ("icmp-net-prohibited", "with network-prohibited "),
    ("icmp-host-prohibited", "with host-prohibited "),
    ("icmp-admin-prohibited", "with admin-prohibited "),
    ("tcp-reset", "with tcp-reset "),
    ("tcp-rst", "with tcp-reset "),
    ("net-unreach", "with network-unreachable "),
    ("host-unreach", "with host-unreachable "),
    ("proto-unreach", "with protocol-unreachable "),
    ("port-unreach", ""),
    ("net-prohib", "with network-prohibited "),
    ("host-prohib", "with host-prohibited "),
    ("admin-prohib", "with admin-prohibited "),
];

/// The same of ip6tables: its own names, and those that it takes for them, too.
const V6: &[(&str, &str)] = &[
    ("icmp6-no-route", "with no-route "),
    ("no-route", "with no-route "),
    ("icmp6-adm-prohibited", "with admin-prohibited "),
    ("adm-prohibited", "with admin-prohibited "),
    ("icmp6-addr-unreachable", "with address-unreachable "),
    ("addr-unreach", "with address-unreachable "),
    ("icmp6-port-unreachable", ""),
    ("port-unreach", ""),
    ("icmp6-policy-fail", "with policy-fail "),
    ("policy-fail", "with policy-fail "),
    ("icmp6-reject-route", "with reject-route "),
    ("reject-route", "with reject-route "),
    ("tcp-reset", "with tcp-reset "),
];

/// The same of nftables.
const NFT: &[(&str, &str)] = &[
    ("icmp type net-unreachable", "with network-unreachable "),
    ("icmp type host-unreachable", "with host-unreachable "),
    ("icmp type prot-unreachable", "with protocol-unreachable "),
    ("icmp type port-unreachable", ""),
    ("icmp type net-prohibited", "with network-prohibited "),
    ("icmp type host-prohibited", "with host-prohibited "),
    ("icmp type admin-prohibited", "with admin-prohibited "),
    ("icmpv6 type no-route", "with no-route "),
    ("icmpv6 type admin-prohibited", "with admin-prohibited "),
    ("icmpv6 type addr-unreachable", "with address-unreachable "),
    ("icmpv6 type port-unreachable", ""),
    ("icmpv6 type policy-fail", "with policy-fail "),
    ("icmpv6 type reject-route", "with reject-route "),
    ("icmpx type no-route", "with no-route "),
    ("icmpx type port-unreachable", ""),
    ("icmpx type host-unreachable", "with host-unreachable "),
    ("icmpx type admin-prohibited", "with admin-prohibited "),
    ("tcp reset", "with tcp-reset "),
];

#[test]
fn each_answer_has_one_in_its_place() {
    for (name, with) in V4 {
        let line = format!("-A INPUT -p tcp -j REJECT --reject-with {name}");
        assert_eq!(made(&v4(&[&line])), [format!("reject {with}ip4 tcp")], "{name}");
    }
    for (name, with) in V6 {
        let line = format!("-A INPUT -p tcp -j REJECT --reject-with {name}");
        assert_eq!(made(&v6(&[&line])), [format!("reject {with}ip6 tcp")], "{name}");
    }
    for (name, with) in NFT {
        let rule = format!("meta l4proto tcp reject with {name}");
        assert_eq!(made(&nft(&[&rule])), [format!("reject {with}tcp")], "{name}");
    }
}

#[test]
fn whoever_names_none_answers_that_the_port_is_unreachable() {
    assert_eq!(made(&v4(&["-A INPUT -p udp -j REJECT"])), ["reject ip4 udp"]);
    assert_eq!(made(&nft(&["udp dport 53 reject"])), ["reject udp 53"]);
}

/// Nothing but TCP has resets.
#[test]
fn what_isnt_tcp_is_not_reset() {
    let line = "-A INPUT -p udp -j REJECT --reject-with tcp-reset";
    assert_eq!(made(&v4(&[line])), ["reject ip4 udp"]);
}
