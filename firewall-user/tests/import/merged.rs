//! Rules of both IP versions in one list.

use firewall_common::rules::Action;

use crate::{
    import::Import,
    small::{made, of, saved},
};

/// What is made of such lines of both.
fn both(four: &[&str], six: &[&str]) -> Import {
    of(&[("rules.v4", saved("iptables", four)), ("rules.v6", saved("ip6tables", six))])
}

/// What rules of IPv4 and of IPv6 say of the same packets, and what is made of them.
const PAIRS: &[(&str, &str, &[&str])] = &[
    ("-j ACCEPT", "-j ACCEPT", &["allow udp 53"]),
    ("-j DROP", "-j ACCEPT", &["deny ip4 udp 53", "allow ip6 udp 53"]),
    ("-j REJECT", "-j REJECT", &["reject udp 53"]),
    (
        "-j REJECT",
        "-j REJECT --reject-with icmp6-adm-prohibited",
        &["reject ip4 udp 53", "reject with admin-prohibited ip6 udp 53"],
    ),
    (
        "-m comment --comment a -j ACCEPT",
        "-m comment --comment b -j ACCEPT",
        &["allow ip4 udp 53 comment \"a\"", "allow ip6 udp 53 comment \"b\""],
    ),
    // Two limits are two, though they say the same; but of a source there are no packets of both versions.
    (
        "-m limit --limit 3/s -j ACCEPT",
        "-m limit --limit 3/s -j ACCEPT",
        &["allow ip4 udp 53 limit 3/s", "allow ip6 udp 53 limit 3/s"],
    ),
    (
        "-m hashlimit --hashlimit-upto 3/s --hashlimit-mode srcip --hashlimit-name x -j ACCEPT",
        "-m hashlimit --hashlimit-upto 3/s --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name x -j ACCEPT",
        &["allow udp 53 limit 3/s per source"],
    ),
    (
        "-m hashlimit --hashlimit-upto 3/s --hashlimit-mode srcip --hashlimit-name x -j ACCEPT",
        "-m hashlimit --hashlimit-upto 4/s --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name x -j ACCEPT",
        &["allow ip4 udp 53 limit 3/s per source", "allow ip6 udp 53 limit 4/s per source"],
    ),
];

fn rules(import: &Import) -> Vec<String> {
    made(import).into_iter().filter(|line| !line.starts_with("! note")).collect()
}

#[test]
fn what_both_versions_say_alike_becomes_one_rule() {
    for (four, six, expected) in PAIRS {
        let [four, six] = [four, six].map(|rule| format!("-A INPUT -p udp --dport 53 {rule}"));
        assert_eq!(rules(&both(&[&four], &[&six])), *expected, "{four} and {six}");
    }
    let logged = ["-A INPUT -p udp --dport 53 -j LOG", "-A INPUT -p udp --dport 53 -j ACCEPT"];
    assert_eq!(rules(&both(&logged, &logged[1..])), ["allow ip4 udp 53 log", "allow ip6 udp 53"]);
}

#[test]
fn the_policy_of_one_version_is_a_rule_where_they_differ() {
    let text = |program, policy: &str, line: &str| saved(program, &[line]).replace("INPUT DROP", policy);
    let import = |four, six| {
        of(&[
            ("rules.v4", text("iptables", four, "-A INPUT -p tcp -j DROP")),
            ("rules.v6", text("ip6tables", six, "-A INPUT -p tcp -j DROP")),
        ])
    };
    let (accept, drop) = ("INPUT ACCEPT", "INPUT DROP");
    for (four, six, default, expected) in [
        (accept, accept, Action::Allow, &["deny tcp"][..]),
        (drop, drop, Action::Deny, &["deny tcp"]),
        (accept, drop, Action::Deny, &["deny tcp", "allow ip4"]),
        (drop, accept, Action::Deny, &["deny tcp", "allow ip6"]),
    ] {
        let import = import(four, six);
        assert_eq!(
            (import.default, &*rules(&import)),
            (default, &*expected.iter().map(ToString::to_string).collect::<Vec<_>>())
        );
    }
}

#[test]
fn replies_of_one_version_are_told_to_be_those_of_both() {
    const ESTABLISHED: &str = "-A INPUT -m state --state ESTABLISHED -j ACCEPT";
    const DNS: &str = "-A INPUT -p udp --dport 53 -j ACCEPT";
    for (four, six, without) in [
        (ESTABLISHED, DNS, Some("no rule of IPv6 accepts ESTABLISHED")),
        (DNS, ESTABLISHED, Some("no rule of IPv4 accepts ESTABLISHED")),
        (ESTABLISHED, ESTABLISHED, None),
        (DNS, DNS, None),
    ] {
        let import = both(&[four], &[six]);
        let told =
            import.warnings.iter().find(|warning| warning.text.starts_with("replies = true is about both"));
        assert_eq!(told.is_some(), without.is_some(), "{four} and {six}");
        assert!(told.zip(without).is_none_or(|(told, without)| told.text.contains(without)), "{told:?}");
    }
}
