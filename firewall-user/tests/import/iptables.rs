//! What a rule of iptables asks, and what is made of it.

use crate::small::{made, v4, v6};

/// What rules ask, and what is made of one that accepts it where everything else is dropped.
type Asked = &'static [(&'static str, &'static [&'static str])];

const V4: Asked = &[
    ("! -s 192.0.2.0/24", &["allow any from not 192.0.2.0/24"]),
    ("-s ! 192.0.2.0/24", &["allow any from not 192.0.2.0/24"]),
    ("! -p tcp", &["deny ip4 tcp", "allow ip4"]),
    ("-p ! tcp", &["deny ip4 tcp", "allow ip4"]),
    ("-p 44", &["! narrower: no rule can ask for -p 44"]),
    ("-m iprange --src-range 192.0.2.4-192.0.2.7", &["allow any from 192.0.2.4/30"]),
    ("-i +", &["allow ip4"]),
    ("-i eth+", &["! narrower: no rule can ask for -i eth+"]),
    ("! -i eth0", &["deny ip4 on eth0", "allow ip4"]),
    ("-o eth1", &["! narrower: no rule can ask for -o eth1"]),
    ("-p tcp -m multiport --dports 22,80:90", &["allow ip4 tcp 22,80-90"]),
    ("-p udp -m multiport --sports :3,65000:", &["deny ip4 udp from port 4-64999", "allow ip4 udp"]),
    ("-p tcp --syn", &["allow ip4 tcp syn"]),
    ("-p tcp ! --syn", &["deny ip4 tcp syn", "allow ip4 tcp"]),
    ("-p tcp --tcp-flags NONE NONE", &["allow ip4 tcp"]),
    ("-p tcp ! --tcp-flags NONE NONE", &["deny ip4 tcp", "allow ip4 tcp"]),
    ("-p tcp --tcp-flags ALL NONE", &["allow ip4 tcp flags none/fin,syn,rst,psh,ack,urg"]),
    ("-p icmp --icmp-type any", &["allow ip4 icmp"]),
    ("-p icmp --icmp-type 255", &["allow ip4 icmp"]),
    ("-p icmp --icmp-type 3/4", &[]),
    ("-p icmp --icmp-type 3/4 -m ttl --ttl-eq 5", &["! narrower: no rule can ask for hop limit 5"]),
    ("-m ttl --ttl-eq 64", &["! narrower: no rule can ask for hop limit 64"]),
    ("-m ttl ! --ttl-eq 64", &["! narrower: no rule can ask for ! hop limit 64"]),
    (
        "-m addrtype --dst-type LOCAL",
        &[
            "allow any to not 224.0.0.0/4,255.255.255.255",
            "! note: every address but multicast and 255.255.255.255 is taken for the host's own",
        ],
    ),
    (
        "-m addrtype ! --dst-type LOCAL",
        &[
            "allow any to 224.0.0.0/4,255.255.255.255",
            "! note: every address but multicast and 255.255.255.255 is taken for the host's own",
        ],
    ),
    (
        "-m addrtype --dst-type BROADCAST",
        &[
            "allow any to 255.255.255.255",
            "! note: every address but multicast and 255.255.255.255 is taken for the host's own",
        ],
    ),
    ("-m addrtype ! --dst-type BROADCAST", &["! narrower: no rule can ask for ! a broadcast address"]),
    ("-m addrtype --dst-type MULTICAST", &["allow any to 224.0.0.0/4"]),
    ("-f", &["! narrower: accepts all trailing fragments"]),
    ("! -f", &["allow ip4"]),
    ("-m limit", &["allow ip4 limit 3/h"]),
    ("-m limit --limit-burst 3", &["allow ip4 limit 3/h burst 3"]),
    ("-m limit --limit 7", &["allow ip4 limit 7/s"]),
    (
        "-m hashlimit --hashlimit-upto 9/s --hashlimit-mode srcip --hashlimit-name x",
        &["allow ip4 limit 9/s per source"],
    ),
    (
        "-m hashlimit --hashlimit-upto 9/s --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name x",
        &["! narrower: no rule can ask for --hashlimit-upto 9/s by srcip"],
    ),
    (
        "-m limit --limit 1/s -m hashlimit --hashlimit-upto 1/s --hashlimit-mode srcip --hashlimit-name x",
        &["! narrower: no rule can ask for a second limit"],
    ),
];

const V6: Asked = &[
    ("-p icmpv6 --icmpv6-type 2", &[]),
    ("-p icmpv6 --icmpv6-type 2 -m hl --hl-eq 9", &["! narrower: no rule can ask for hop limit 9"]),
    ("-p icmpv6 --icmpv6-type 135 -m hl --hl-eq 255", &[]),
    ("-p icmpv6 --icmpv6-type 135", &["allow ip6 icmpv6 neighbour-solicitation"]),
    ("-m addrtype --dst-type MULTICAST", &["allow any to ff00::/8"]),
    ("-m addrtype --dst-type BROADCAST", &["! narrower: no rule can ask for --dst-type BROADCAST"]),
    ("-m frag", &["! narrower: accepts all fragments"]),
    ("-m frag --fragid 1 --fragmore", &["! narrower: no rule can ask for a certain fragment (-m frag)"]),
    (
        "-m hashlimit --hashlimit-upto 9/s --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name x",
        &["allow ip6 limit 9/s per source"],
    ),
    (
        "-m hashlimit --hashlimit-upto 9/s --hashlimit-mode srcip --hashlimit-name x",
        &[
            "allow ip6 limit 9/s per source",
            "! narrower: one limit for each IPv6 /64 takes the place of one for each address",
        ],
    ),
];

#[test]
fn each_match_is_carried_over_or_left_out_with_a_word() {
    for (asked, expected) in V4 {
        assert_eq!(made(&v4(&[&format!("-A INPUT {asked} -j ACCEPT")])), *expected, "{asked}");
    }
    for (asked, expected) in V6 {
        assert_eq!(made(&v6(&[&format!("-A INPUT {asked} -j ACCEPT")])), *expected, "{asked}");
    }
}

#[test]
fn what_becomes_of_fragments_is_said_of_whoever_decides_on_them() {
    for (target, expected) in [
        ("ACCEPT", "! narrower: accepts all trailing fragments"),
        ("DROP", "! wider: drops all trailing fragments"),
        ("REJECT", "! wider: drops all trailing fragments"),
        ("other", "! other: is about trailing fragments alone"),
    ] {
        let lines = [&*format!("-A INPUT -f -j {target}"), "-A other -s 192.0.2.1 -j ACCEPT"];
        assert_eq!(made(&v4(&lines)), [expected], "{target}");
    }
}
