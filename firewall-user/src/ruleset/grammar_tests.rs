//! What is a rule and what isn't, and where the finger points.

use proptest::prelude::*;

use super::*;
use crate::ruleset::strategies;

fn names() -> Names {
    Names::parse("", "alt-http 8080/tcp\n")
}

fn canonical(text: &str) -> String {
    Rule::parse(text, &names()).unwrap_or_else(|error| panic!("{error}\n{}", error.render(text))).to_string()
}

/// The error's text, and what of the rule it points at.
fn error(text: &str) -> (String, &str) {
    let error = Rule::parse(text, &names()).expect_err(text);
    (error.to_string(), &text[error.span()])
}

/// Asserts that `text` is refused, that the error points at `at`, and that it says `says`.
#[track_caller]
fn refused(text: &str, at: &str, says: &str) {
    let (message, pointed) = error(text);
    assert_eq!(pointed, at, "{text}: {message}");
    assert!(message.contains(says), "{text}: {message}");
}

#[test]
fn rules_have_one_canonical_text() {
    for (text, wanted) in [
        ("allow @ike", "allow @ike"),
        ("ALLOW  @IKE ", "allow @ike"),
        ("allow udp 500,4500,8000-8100", "allow udp 500,4500,8000-8100"),
        ("allow udp 4500, 500", "allow udp 500,4500"),
        ("allow\tudp  500 ,\t4500", "allow udp 500,4500"),
        ("allow udp 500,500,499-501", "allow udp 499-501"),
        ("deny Udp isakmp,IPsec-NAT-t", "deny udp 500,4500"),
        ("deny tcp ssh-domain", "deny tcp 22-53"),
        ("deny tcp alt-http-9000", "deny tcp 8080-9000"),
        ("deny tcp 8000-alt-http", "deny tcp 8000-8080"),
        ("deny tcp 0022", "deny tcp 22"),
        ("deny tcp 1-65535", "deny tcp 1-65535"),
        ("allow 50", "allow esp"),
        ("allow 51", "allow ah"),
        ("allow 59", "allow ipv6-nonxt"),
        ("allow 135", "allow mobility-header"),
        ("allow 139", "allow hip"),
        ("allow 140", "allow shim6"),
        ("allow 255", "allow 255"),
        ("allow ipv6-icmp", "allow icmpv6"),
        ("allow 17 500", "allow udp 500"),
        ("deny udp", "deny udp"),
    ] {
        assert_eq!(canonical(text), wanted, "{text}");
    }
}

#[test]
fn nothing_is_no_rule() {
    refused("", "", "empty");
    refused("  \t", "", "empty");
    let error = Rule::parse("allow  ", &names()).unwrap_err();
    assert_eq!((error.problem(), error.span()), (&Problem::NoMatch, 5..5));
}

#[test]
fn an_unknown_word_is_pointed_at() {
    refused("alow udp", "alow", "did you mean `allow`?");
    refused("refuse udp", "refuse", "expected `allow`, `deny` or `reject`");
    refused(", udp", ",", "unknown action");
    refused("allow upd 500", "upd", "did you mean `udp`?");
    refused("allow qqqq", "qqqq", "unknown protocol `qqqq`");
    refused("allow ,", ",", "unknown protocol");
    refused("allow @ikke", "@ikke", "did you mean `@ike`?");
    refused("allow @", "@", "unknown service");
    refused("allow udp isakpm", "isakpm", "did you mean `isakmp`?");
    refused("allow udp 500,nonesuch", "nonesuch", "unknown udp port `nonesuch`");
    refused("allow tcp 22-nonesuch", "nonesuch", "unknown tcp port `nonesuch`");
    refused("allow tcp nonesuch-22", "nonesuch", "unknown tcp port `nonesuch`");
    refused("allow udp ssh", "ssh", "it is tcp port 22");
    refused("allow udp 500 from", "from", "unexpected `from`");
    refused("allow udp 500 4500", "4500", "expected a comma");
    refused("allow @ike 500", "500", "`@ike` brings its own ports");
}

#[test]
fn other_tools_ways_are_understood_well_enough_to_help() {
    refused("allow ike", "ike", "did you mean `@ike`?");
    refused("allow isakmp", "isakmp", "did you mean `udp isakmp`?");
    refused("allow udp/500", "udp/500", "did you mean `udp 500`?");
    refused("allow 500/udp", "500/udp", "did you mean `udp 500`?");
    refused("allow tcp 8000:8100", "8000:8100", "did you mean `8000-8100`?");
    refused("allow 500", "500", "as in `udp 500`");
    refused("allow 70000", "70000", "as in `udp 500`");
    for every in ["any", "ALL", "ip"] {
        refused(&format!("deny {every}"), every, "is no protocol");
    }
}

#[test]
fn ports_out_of_range_are_told_apart() {
    refused("allow udp 0", "0", "port 0 is reserved");
    refused("allow udp 22,0-9", "0", "port 0 is reserved");
    refused("allow udp 65536", "65536", "port 65536 is too large");
    refused("allow udp 9-99999999999999999999", "99999999999999999999", "too large");
    refused("allow udp 9-3", "9-3", "runs backwards: the lower port comes first, as in 3-9");
    refused("allow udp 5,8000-", "8000-", "lacks an end");
    refused("allow udp -5", "-5", "lacks an end");
    refused("allow udp -", "-", "lacks an end");
    refused("allow udp 1-2-3", "2-3", "unknown udp port");
    refused("allow udp +5", "+5", "unknown udp port");
}

#[test]
fn lists_have_no_holes() {
    refused("allow udp 500,", ",", "missing after this comma");
    refused("allow udp 500, ", ",", "missing after this comma");
    refused("allow udp ,500", ",", "missing before this comma");
    let error = Rule::parse("allow udp 500,,4500", &names()).unwrap_err();
    assert_eq!((error.problem(), error.span()), (&Problem::MissingPort, 14..15));
}

#[test]
fn only_some_protocols_have_ports() {
    refused("allow esp 500,4500", "500,4500", "esp has no ports");
    refused("allow 1 8", "8", "icmp has no ports");
    for name in ["tcp", "udp", "dccp", "sctp", "udplite"] {
        assert_eq!(canonical(&format!("allow {name} 7")), format!("allow {name} 7"));
    }
}

#[test]
fn an_extension_header_with_more_behind_it_is_no_protocol_of_a_rule() {
    for (number, name) in [(0, "hopopt"), (43, "ipv6-route"), (44, "ipv6-frag"), (60, "ipv6-opts")] {
        let says = format!("{name} (protocol {number}) is an IPv6 extension header");
        for word in [number.to_string(), name.to_owned(), name.to_ascii_uppercase(), format!("0{number}")] {
            refused(&format!("deny {word}"), &word, &says);
            refused(&format!("allow {word} 500"), &word, "judged by the protocol behind those");
        }
    }
    // A name from the machine's own files is a number all the same.
    let own = Names::parse("ownfrag 44\n", "");
    assert_eq!(
        Rule::parse("deny ownfrag", &own).unwrap_err().problem(),
        &Problem::ExtensionHeader(Protocol(44))
    );
    let (message, _) = error("allow ipv6-frga");
    assert!(!message.contains("ipv6-frag`"), "what is refused isn't suggested: {message}");
}

#[test]
fn other_characters_are_named() {
    refused("allow üdp", "ü", "'ü'");
    refused("allow udp 500\n", "\n", r"'\n'");
    refused("allow udp 500–600", "–", "'–'");
    refused("\u{1b}[2J", "\u{1b}", r"'\u{1b}'");
}

#[test]
fn the_carets_stand_under_what_is_wrong() {
    let text = "allow udp 500,99999";
    let error = Rule::parse(text, &names()).unwrap_err();
    assert_eq!(error.render(text), "allow udp 500,99999\n              ^^^^^");
}

#[test]
fn a_match_stands_alone_too() {
    assert_eq!(Match::parse("udp 500", &names()).unwrap().to_string(), "udp 500");
    assert_eq!(Match::parse("", &names()).unwrap_err().problem(), &Problem::NoMatch);
}

proptest! {
    #[test]
    fn a_rule_is_read_back_from_its_canonical_text(rule in strategies::rule()) {
        let text = rule.to_string();
        let read = Rule::parse(&text, &Names::parse("", ""));
        prop_assert_eq!(read.as_ref(), Ok(&rule), "{}", text);
        prop_assert_eq!(Match::parse(&rule.matching.to_string(), &names()), Ok(rule.matching));
    }

    #[test]
    fn no_text_panics_and_what_is_accepted_is_canonical_at_once(
        text in prop_oneof![
            "\\PC{0,40}",
            concat!(
                "(allow|deny|alow)? {0,2}(udp|tcp|esp|@ike|@|17|300|any|[a-z/:0-9]{1,4})?",
                "[ \t]{0,2}([0-9]{1,6}|[-,: ]|ssh|isakmp|[a-z]){0,9}",
            ),
        ],
    ) {
        match Rule::parse(&text, &names()) {
            Ok(rule) => {
                let canonical = rule.to_string();
                prop_assert_eq!(Rule::parse(&canonical, &names()).map(|rule| rule.to_string()), Ok(canonical));
            }
            Err(error) => {
                let span = error.span();
                prop_assert!(span.start <= span.end && span.end <= text.len());
                prop_assert!(text.get(span).is_some());
                prop_assert!(error.render(&text).lines().last().is_some_and(|line| line.trim_start().starts_with('^')));
            }
        }
    }
}
