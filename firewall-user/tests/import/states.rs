//! Rules that ask what is known of connections, which Fragwall knows none of.

use crate::small::{made, v4};

const ESTABLISHED: &str = "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT";

/// A ruleset, whether replies are accepted, and what is made of it.
type Case = (&'static [&'static str], bool, &'static [&'static str]);

const CASES: &[Case] = &[
    (&[ESTABLISHED], true, &[]),
    (&["-A INPUT -m state --state INVALID -j ACCEPT"], false, &["! narrower: left out"]),
    (&["-A INPUT -m state --state INVALID -j DROP"], false, &[]),
    (&["-A INPUT -m state ! --state INVALID -j ACCEPT"], false, &["allow ip4"]),
    (&["-A INPUT -m state --state ESTABLISHED -j DROP"], false, &["! wider: left out"]),
    (
        &["-A INPUT -m conntrack --ctstate DNAT -j ACCEPT"],
        false,
        &["! narrower: no rule can ask for --ctstate DNAT"],
    ),
    // What comes to a service of the host's own is no reply.
    (
        &["-A INPUT -p tcp --dport 22 -m state --state NEW,ESTABLISHED -j ACCEPT"],
        false,
        &["allow ip4 tcp 22"],
    ),
    (&["-A INPUT -p tcp --dport 22 -m state --state ESTABLISHED -j ACCEPT"], false, &[]),
    (
        &["-A INPUT -p udp --dport 53 -m state --state NEW -j ACCEPT"],
        false,
        &["allow ip4 udp 53", "! wider: only the first packet of a connection was accepted"],
    ),
    // What a first segment has to be isn't asked of those behind it.
    (
        &[ESTABLISHED, "-A INPUT -p tcp -m tcp --syn -j ACCEPT"],
        true,
        &["allow ip4 tcp", "! wider: allowed with whatever flags"],
    ),
    (
        &[ESTABLISHED, "-A INPUT -p tcp -m tcp ! --tcp-flags ALL NONE -j ACCEPT"],
        true,
        &["allow ip4 tcp", "! wider: allowed with whatever flags"],
    ),
    (
        &[ESTABLISHED, "-A INPUT -p tcp -m tcp ! --syn -j ACCEPT"],
        true,
        &["deny ip4 tcp syn", "allow ip4 tcp"],
    ),
    (
        &[ESTABLISHED, "-A INPUT -p tcp -m tcp ! --syn -j DROP", "-A INPUT -p tcp --dport 22 -j ACCEPT"],
        true,
        &["allow ip4 tcp 22", "! wider: left out"],
    ),
    // That some segments of a connection are accepted says nothing of the others.
    (
        &[
            "-A INPUT -p tcp -m tcp --sport 80 -m state --state ESTABLISHED -j ACCEPT",
            "-A INPUT -p tcp -m tcp --syn -j ACCEPT",
        ],
        true,
        &["allow ip4 tcp syn", "! wider: replies = true accepts replies of every kind"],
    ),
    // What is accepted further on isn't yet where some packets have gone on already.
    (
        &[
            "-A INPUT -s 198.51.100.0/24 ! -p tcp -j DROP",
            "-A INPUT -p tcp -m tcp --dport 22 --syn -j ACCEPT",
            ESTABLISHED,
        ],
        true,
        &[
            "allow tcp 22 syn from 198.51.100.0/24",
            "deny tcp from 198.51.100.0/24",
            "deny any from 198.51.100.0/24",
            "allow ip4 tcp 22 syn",
        ],
    ),
];

#[test]
fn states_become_replies_or_are_left_out_with_a_word() {
    for (lines, replies, expected) in CASES {
        let import = v4(lines);
        assert_eq!(import.replies, *replies, "{lines:?}");
        assert_eq!(made(&import), *expected, "{lines:?}");
    }
}
