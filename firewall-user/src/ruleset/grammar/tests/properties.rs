//! What holds of every text and of every rule.

use proptest::prelude::*;

use super::names;
use crate::ruleset::{Match, Names, Rule, Term, strategies};

/// Texts that are nearly rules: words of the grammar, and others, in any order.
fn nearly() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "allow",
        "deny",
        "reject",
        "with",
        "tcp-reset",
        "no-route",
        "alow",
        "@ike",
        "@",
        "any",
        "ip4",
        "ip6",
        "tcp",
        "udp",
        "icmp",
        "icmpv6",
        "esp",
        "17",
        "300",
        "22",
        "500",
        "0",
        "65536",
        "8000-8100",
        "9-3",
        "-",
        "ssh",
        "isakmp",
        ",",
        ",",
        "syn",
        "flags",
        "fin",
        "ack/all",
        "none/",
        "/",
        "echo-request",
        "3/4",
        "port-unreachable/3",
        "200/",
        "from",
        "to",
        "on",
        "not",
        "port",
        "192.0.2.1",
        "192.0.2.0/24",
        "192.0.2.1/24",
        "2001:db8::/32",
        "::/0",
        "fe80::1%eth0",
        "eth0",
        "eth+",
        "\"a\\\"b\"",
        "\"",
        "\"\\x\"",
        "é",
        "\"é\"",
        "log",
        "limit",
        "10/s",
        "10/day",
        "burst",
        "per",
        "source",
        "comment",
        "\t",
        "dport",
        "proto",
    ];
    prop::collection::vec((prop::sample::select(WORDS), prop::sample::select(&[" ", " ", ""][..])), 0..14)
        .prop_map(|words| words.into_iter().map(|(word, blank)| format!("{word}{blank}")).collect())
}

proptest! {
    #[test]
    fn a_rule_is_read_back_from_its_canonical_text(rule in strategies::rule()) {
        let text = rule.to_string();
        let read = Rule::parse(&text, &Names::parse("", ""));
        prop_assert_eq!(read.as_ref(), Ok(&rule), "{}", text);
        prop_assert_eq!(Match::parse(&rule.matching.to_string(), &names()), Ok(rule.matching.clone()));
    }

    #[test]
    fn a_term_is_read_back_from_its_canonical_text(term in strategies::term()) {
        let text = term.to_string();
        prop_assert_eq!(Term::parse(&text, &names()), Ok(term), "{}", text);
    }

    #[test]
    fn no_text_panics_and_what_is_accepted_is_canonical_at_once(
        text in prop_oneof![1 => "\\PC{0,40}", 4 => nearly(), 4 => nearly().prop_map(|text| format!("allow {text}"))],
    ) {
        let _ = Term::parse(&text, &names());
        let _ = Match::parse(&text, &names());
        match Rule::parse(&text, &names()) {
            Ok(rule) => {
                let canonical = rule.to_string();
                prop_assert_eq!(Rule::parse(&canonical, &names()), Ok(rule));
            }
            Err(error) => {
                let span = error.span();
                prop_assert!(span.start <= span.end && span.end <= text.len());
                prop_assert!(text.get(span).is_some());
                prop_assert!(error.render(&text).lines().last().is_some_and(|line| line.trim_start().starts_with('^')));
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
