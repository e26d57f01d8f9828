//! What a rule of nftables asks, and what is made of it.

use crate::small::{made, nft};

/// What rules ask, and what is made of one that accepts it where everything else is dropped.
const ASKED: &[(&str, &[&str])] = &[
    ("tcp dport < 22", &["deny tcp 22-65535", "allow tcp"]),
    ("tcp dport <= 22", &["deny tcp 23-65535", "allow tcp"]),
    ("tcp dport > 1023", &["allow tcp 1024-65535"]),
    ("tcp dport >= 1024", &["allow tcp 1024-65535"]),
    ("tcp dport != 22", &["deny tcp 22", "allow tcp"]),
    ("th dport 53", &["! narrower: no rule can ask for dport th == 53"]),
    ("meta l4proto tcp th dport 53", &["allow tcp 53"]),
    ("meta l4proto { tcp, icmp } th dport 53", &["allow tcp 53"]),
    ("meta l4proto != tcp th dport 53", &["! narrower: no rule can ask for dport th == 53"]),
    ("meta l4proto 44", &["! narrower: no rule can ask for meta l4proto == 44"]),
    ("ip6 nexthdr udp", &["allow ip6 udp", "! note: the next header is taken for the protocol"]),
    ("meta nfproto ipv4", &["allow ip4"]),
    ("meta nfproto != ipv4", &["allow ip6"]),
    ("meta nfproto { ipv4, ipv6 }", &["allow any"]),
    ("ip saddr 192.0.2.1", &["allow any from 192.0.2.1"]),
    ("ip daddr 192.0.2.1", &["allow any to 192.0.2.1"]),
    ("ip saddr . tcp dport { 192.0.2.1 . 22 }", &["allow tcp 22 from 192.0.2.1"]),
    ("ip saddr . tcp dport != { 192.0.2.1 . 22 }", &["! narrower: no rule can ask for concat saddr ip"]),
    ("iifname \"eth0\"", &["allow any on eth0"]),
    ("iifname != \"eth0\"", &["deny any on eth0", "allow any"]),
    ("iifname \"eth*\"", &["! narrower: no rule can ask for meta iifname == eth*"]),
    ("exthdr frag exists", &["! narrower: accepts all fragments"]),
    ("exthdr frag missing", &["! narrower: no rule can ask for ! a fragment"]),
    ("ip frag-off & 0x1fff != 0", &["! narrower: accepts all trailing fragments"]),
    ("ip frag-off & 0x3fff != 0", &["! narrower: accepts all fragments"]),
    ("ip frag-off & 0x1fff == 0", &["allow ip4"]),
    ("ip frag-off & 0x3fff == 0", &["! narrower: no rule can ask for ! a fragment"]),
    ("tcp flags syn,ack", &["deny tcp flags none/syn,ack", "allow tcp"]),
    ("tcp flags == syn", &["allow tcp flags syn/all"]),
    ("tcp flags != syn", &["deny tcp flags syn/all", "allow tcp"]),
    ("tcp flags & (fin | syn) == syn", &["allow tcp flags syn/fin,syn"]),
    ("tcp flags & (fin | syn) != syn", &["deny tcp flags syn/fin,syn", "allow tcp"]),
    ("icmp type 3", &["allow ip4 icmp destination-unreachable"]),
    ("icmp type 3 icmp code 3", &["allow ip4 icmp port-unreachable"]),
    ("icmpv6 type 1 icmpv6 code 1", &["allow ip6 icmpv6 communication-prohibited"]),
    (
        "fib daddr type local",
        &[
            "allow any to not 224.0.0.0/4,255.255.255.255",
            "allow any to not ff00::/8",
            "! note: every address but multicast and 255.255.255.255 is taken for the host's own",
        ],
    ),
    (
        "fib daddr type != local",
        &[
            "allow any to 224.0.0.0/4,255.255.255.255",
            "allow any to ff00::/8",
            "! note: every address but multicast and 255.255.255.255 is taken for the host's own",
        ],
    ),
    ("fib saddr type local", &["! narrower: no rule can ask for fib saddr type == local"]),
    ("fib daddr type broadcast", &["! narrower: no rule can ask for fib daddr type == broadcast"]),
    ("ip ttl 5", &["! narrower: no rule can ask for hop limit 5"]),
    ("ct state != invalid", &["allow any"]),
    ("limit rate 3/second", &["allow any limit 3/s"]),
    ("limit rate over 3/second", &["deny any limit 3/s", "allow any"]),
    ("limit rate 3 mbytes/second", &["! narrower: no rule can ask for such a limit"]),
    ("limit rate 3/second limit rate 4/minute", &["! narrower: no rule can ask for such a limit"]),
];

/// Rules with what they decide, and what is made of each.
const RULES: &[(&str, &[&str])] = &[
    ("tcp dport vmap { 22 : accept, 23 : drop }", &["allow tcp 22", "deny tcp 23"]),
    ("tcp dport vmap { 22 : accept, * : drop }", &["allow tcp 22", "deny any"]),
    (
        "limit rate 3/second tcp dport vmap { 22 : accept, 23 : drop }",
        &[
            "! narrower: no rule can ask for a limit before a map",
            "! wider: no rule can ask for a limit before a map",
        ],
    ),
    ("tcp dport 22 queue num 1", &["! other: queue decides elsewhere"]),
];

#[test]
fn each_match_is_carried_over_or_left_out_with_a_word() {
    for (asked, expected) in ASKED {
        assert_eq!(made(&nft(&[&format!("{asked} accept")])), *expected, "{asked}");
    }
    for (rule, expected) in RULES {
        assert_eq!(made(&nft(&[rule])), *expected, "{rule}");
    }
}

/// What is left out is said of the packets of its IP version alone.
#[test]
fn a_field_of_one_version_is_about_its_packets() {
    for (asked, about) in [("ip ttl 5", "ip4"), ("ip6 hoplimit 5", "ip6")] {
        let import = nft(&[&format!("{asked} accept")]);
        let said: Vec<String> =
            import.warnings.iter().flat_map(|warning| &warning.about).map(ToString::to_string).collect();
        assert_eq!(said, [about], "{asked}");
    }
}
