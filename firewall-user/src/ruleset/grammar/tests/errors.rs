//! How a wrong rule is told so.

use super::{canonical, error, names, refused};
use crate::ruleset::{Contradiction, Match, Names, Problem, Protocol, Rule, Term};

#[test]
fn nothing_is_no_rule() {
    refused("", "", "empty");
    refused("  \t", "", "empty");
    let error = Rule::parse("allow  ", &names()).unwrap_err();
    assert_eq!((error.problem(), error.span()), (&Problem::NoMatch, 5..5));
    refused("deny log", "log", "which packets?");
    refused("deny comment \"all\"", "comment", "`any`");
}

#[test]
fn an_unknown_word_is_pointed_at() {
    refused("alow udp", "alow", "did you mean `allow`?");
    refused("refuse udp", "refuse", "expected `allow`, `deny` or `reject`");
    refused(", udp", ",", "unknown action");
    refused("allow upd 500", "upd", "did you mean `udp`?");
    refused("allow qqqq", "qqqq", "unknown protocol `qqqq`");
    refused("allow ,", ",", "unknown protocol");
    refused("allow form 192.0.2.1", "form", "did you mean `from`?");
    refused("allow ip4 upd", "upd", "did you mean `udp`?");
    refused("allow @ikke", "@ikke", "did you mean `@ike`?");
    refused("allow @", "@", "unknown service");
    refused("allow udp isakpm", "isakpm", "did you mean `isakmp`?");
    refused("allow udp form 192.0.2.1", "form", "did you mean `from`?");
    refused("allow udp 500,nonesuch", "nonesuch", "unknown udp port `nonesuch`");
    refused("allow tcp 22-nonesuch", "nonesuch", "unknown tcp port `nonesuch`");
    refused("allow tcp nonesuch-22", "nonesuch", "unknown tcp port `nonesuch`");
    refused("allow udp ssh", "ssh", "it is tcp port 22");
    refused("allow udp 500 4500", "4500", "expected a comma and another port, `from`, `to`, `on`");
    refused("allow udp 500 form ::1", "form", "did you mean `from`?");
    refused("allow tcp 500 sny", "sny", "did you mean `syn`?");
    refused("allow esp lgo", "lgo", "did you mean `log`?");
    refused("allow esp \"log\"", "\"log\"", "unexpected");
    refused("allow esp log limt 1/s", "limt", "did you mean `limit`?");
    refused("allow @ike 500", "500", "`@ike` brings its own ports");
    refused("allow @ike from port 500", "port", "`@ike` brings its own ports");
}

#[test]
fn what_comes_once_does_not_come_twice() {
    refused("allow udp from ::1 from ::2", "from", "this is the second");
    let second = Rule::parse("allow udp log log", &names()).unwrap_err();
    assert_eq!((second.problem(), second.span()), (&Problem::Twice("log"), 14..17));
    refused("allow tcp syn flags syn", "flags", "unexpected");
}

#[test]
fn options_come_last() {
    refused("allow udp log from ::1", "from", "belongs before");
    refused("allow udp comment \"x\" to ::1", "to", "belongs before");
    let error = Match::parse("udp 53 Log", &names()).unwrap_err();
    assert_eq!((error.problem(), error.span()), (&Problem::OptionOfMatch("log".to_owned()), 7..10));
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
    refused("allow udp from port 0", "0", "port 0 is reserved");
}

#[test]
fn lists_have_no_holes() {
    refused("allow udp 500,", ",", "a port is missing after this comma");
    refused("allow udp 500, ", ",", "missing after this comma");
    refused("allow udp 500, from ::1", ",", "missing after this comma");
    refused("allow udp ,500", ",", "missing before this comma");
    refused("allow udp from ::1,", ",", "an address is missing after this comma");
    refused("allow udp from ,::1", ",", "an address is missing before this comma");
    refused("allow icmp 3,", ",", "a type is missing after");
    refused("allow tcp flags syn,", ",", "a flag is missing after");
    let error = Rule::parse("allow udp 500,,4500", &names()).unwrap_err();
    assert_eq!((error.problem(), error.span()), (&Problem::MissingBefore("port"), 14..15));
}

#[test]
fn only_some_protocols_have_ports_types_and_flags() {
    refused("allow esp 500,4500", "500", "esp has no ports");
    refused("allow esp ssh", "ssh", "esp has no ports");
    refused("allow esp from port 500", "port", "source ports go with a protocol that has ports");
    refused("allow from port 500", "port", "source ports go with a protocol that has ports");
    refused("allow icmp from ::1 port 500", "port", "source ports go with a protocol");
    refused("allow udp syn", "syn", "only tcp has flags");
    refused("allow icmp 8 flags syn", "flags", "only tcp has flags");
    for name in ["tcp", "udp", "dccp", "sctp", "udplite"] {
        assert_eq!(canonical(&format!("allow {name} 7")), format!("allow {name} 7"));
    }
}

#[test]
fn types_are_named_or_numbered() {
    refused("allow icmp ecoh-request", "ecoh-request", "did you mean `echo-request`?");
    refused("allow icmp packet-too-big", "packet-too-big", "icmpv6 has it");
    refused("allow icmpv6 8,host-unreachable", "host-unreachable", "icmp has it");
    refused("allow icmp 256", "256", "no icmp type");
    refused("allow icmp 3/256", "256", "is no code");
    refused("allow icmp 3/", "3/", "is no code");
    refused("allow icmp 3/x", "x", "as in `3/0`");
    refused("allow icmp 3/4/5", "4/5", "is no code");
    refused("allow icmp 3/+4", "+4", "is no code");
    refused("allow icmp /4", "/4", "unknown icmp type");
    refused("allow icmp port-unreachable/3", "port-unreachable/3", "of one code alone");
    refused("allow icmp 8 0", "0", "a comma and another type");
}

#[test]
fn flags_are_set_among_those_looked_at() {
    refused("allow tcp flags", "", "expected a TCP flag");
    refused("allow tcp flags sny", "sny", "did you mean `syn`?");
    refused("allow tcp flags syn/", "syn/", "unknown TCP flag");
    refused("allow tcp flags /syn", "/syn", "unknown TCP flag");
    refused("allow tcp flags syn,ack/syn,fin log", "syn,ack/syn,fin", "missing among those");
    refused("allow tcp flags none", "none", "as in `flags none/all`");
    refused("allow tcp flags syn/syn/ack", "syn/syn/ack", "one `/` is enough");
    refused("allow tcp flags syn/syn,ack/fin", "ack/fin", "one `/` is enough");
}

#[test]
fn answers_are_known_and_go_with_what_is_rejected() {
    refused("reject with", "", "what the sender is told");
    refused("reject with udp", "udp", "expected `port-unreachable`, ");
    refused("reject with udp", "udp", " or `tcp-reset`");
    refused("reject with icmp-adm-prohibited udp", "icmp-adm-prohibited", "did you mean `admin-prohibited`?");
    refused("reject with \"tcp-reset\" tcp", "\"tcp-reset\"", "unknown answer");
    refused("reject with tcp reset", "tcp", "did you mean `tcp-reset`?");
    refused("reject with tcp-reset", "", "which packets?");
    for matching in ["udp", "any", "ip4", "@dns", "from 192.0.2.1", "6 from not ::1,192.0.2.1"] {
        let text = format!("reject with tcp-reset {matching}");
        if matching.starts_with('6') {
            assert_eq!(canonical(&text), "reject with tcp-reset tcp from not 192.0.2.1,::1");
        } else {
            refused(&text, "tcp-reset", "as in `reject with tcp-reset tcp 23`");
        }
    }
    refused("deny with tcp-reset tcp", "with", "right behind `reject`");
    refused("reject tcp 23 with tcp-reset", "with", "right behind `reject`");
    refused("reject tcp --reject-with tcp-reset", "--reject-with", "right behind `reject`");
}

#[test]
fn addresses_are_whole() {
    refused("allow udp from", "", "expected an address");
    refused("allow udp from not", "", "expected an address");
    refused("allow udp from to ::1", "to", "expected an address");
    refused(
        "allow udp from 192.0.2.1/24",
        "192.0.2.1/24",
        "the prefix 192.0.2.0/24, or the address 192.0.2.1",
    );
    refused("allow udp from ::1,2001:db8::1/32", "2001:db8::1/32", "the prefix 2001:db8::/32");
    refused(
        "allow udp from 192.0.2.0/33",
        "33",
        "is no length of an IPv4 prefix: expected a number from 1 to 32",
    );
    refused("allow udp from 2001:db8::/129", "129", "from 1 to 128");
    refused("allow udp from 192.0.2.0/", "192.0.2.0/", "is no length");
    refused("allow udp from 192.0.2.0/+8", "+8", "is no length");
    refused("allow udp from 192.0.2.256", "192.0.2.256", "is no address");
    refused("allow udp from 192.0.2.1 192.0.2.2", "192.0.2.2", "a comma and another address");
    refused("allow udp to 2001:db8:::1", "2001:db8:::1", "is no address");
    refused("allow udp from \"::1\"", "\"::1\"", "is no address");
}

#[test]
fn interfaces_are_named() {
    refused("allow udp on", "", "the name of an interface");
    refused("allow udp on ,", ",", "the name of an interface");
    refused("allow udp on a/b", "a/b", "can't be an interface's name");
    refused("allow udp on \"\"", "\"\"", "can't be an interface's name");
    refused("allow udp on \"a b\"", "\"a b\"", "can't be an interface's name");
    refused("allow udp on eth0 eth1", "eth1", "unexpected");
}

#[test]
fn versions_go_together() {
    refused("allow ip6 icmp", "icmp", "icmp isn't IPv6's: that has icmpv6");
    refused("allow ip4 icmpv6 128", "icmpv6", "icmpv6 isn't IPv4's: that has icmp");
    refused("allow ip4 udp from ::1", "::1", "IPv4 alone");
    refused("allow icmp to 192.0.2.1,2001:db8::1", "2001:db8::1", "IPv4 alone");
    refused("allow icmpv6 from not 192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24 is an IPv4 address");
    refused("allow @ospf from 192.0.2.1 to ::1", "::1", "no packet is from an IPv4 address to an IPv6 one");
    assert_eq!(canonical("allow udp from ::1 to ::2,192.0.2.1"), "allow udp from ::1 to 192.0.2.1,::2");
}

#[test]
fn an_extension_header_with_more_behind_it_is_no_protocol_of_a_rule() {
    for (number, name) in [(0, "hopopt"), (43, "ipv6-route"), (44, "ipv6-frag"), (60, "ipv6-opts")] {
        let says = format!("{name} (protocol {number}) is an IPv6 extension header");
        for word in [number.to_string(), name.to_owned(), name.to_ascii_uppercase(), format!("0{number}")] {
            refused(&format!("deny {word}"), &word, &says);
            refused(&format!("allow ip6 {word} 500"), &word, "judged by the protocol behind those");
        }
    }
    // A name from the machine's own files is a number all the same.
    let own = Names::parse("ownfrag 44\n", "");
    assert_eq!(
        Rule::parse("deny ownfrag", &own).unwrap_err().problem(),
        &Problem::Contradiction(Contradiction::ExtensionHeader(Protocol(44)))
    );
    let (message, _) = error("allow ipv6-frga");
    assert!(!message.contains("ipv6-frag`"), "what is refused isn't suggested: {message}");
}

#[test]
fn limits_are_so_many_in_a_while() {
    for rate in ["10", "/s", "x/s", "10/", "-1/s", "s/10", "\"10/s\""] {
        refused(&format!("deny udp limit {rate}"), rate, "as in `10/s`");
    }
    refused("deny udp limit", "", "as in `10/s`");
    refused("deny udp limit 10/secnd", "secnd", "did you mean `second`?");
    refused("deny udp limit 10/day", "day", "expected s, m or h");
    refused("deny udp limit 0/s", "0", "from 1 to 1000000");
    refused("deny udp limit 1000001/s", "1000001", "from 1 to 1000000");
    refused("deny udp limit 10/s burst 0", "0", "from 1 to 1000000");
    refused("deny udp limit 1/h burst 278", "278", "expected at most 277");
    refused("deny udp limit 10/s burst", "", "as in `burst 20`");
    refused("deny udp limit 10/s burst +5", "+5", "from 1 to 1000000");
    refused("deny udp limit 10/s per", "per", "expected `source`");
    refused("deny udp limit 10/s per destination", "per", "expected `source`");
}

#[test]
fn comments_are_quoted() {
    refused("deny udp comment", "", "in double quotes");
    refused("deny udp comment for us", "for", "single quotes around the whole rule");
    refused("deny udp comment \"\"", "\"\"", "is empty");
    refused("deny udp comment \"x", "\"x", "is missing");
    refused(r#"deny udp comment "a\nb""#, "\\", "a backslash stands before");
    let long = format!("\"{}\"", "é".repeat(128));
    refused(&format!("deny udp comment {long}"), &long, "256 bytes: expected 255 at most");
}

#[test]
fn other_characters_are_named() {
    refused("allow üdp", "ü", "'ü'");
    refused("allow udp 500\n", "\n", r"'\n'");
    refused("allow udp 500–600", "–", "'–'");
    refused("\u{1b}[2J", "\u{1b}", r"'\u{1b}'");
    refused("allow udp comment \"\u{1b}[2J\"", "\u{1b}", r"'\u{1b}'");
}

#[test]
fn the_carets_stand_under_what_is_wrong() {
    let text = "allow udp 500,99999";
    let error = Rule::parse(text, &names()).unwrap_err();
    assert_eq!(error.render(text), "allow udp 500,99999\n              ^^^^^");
}

#[test]
fn a_match_stands_alone_too() {
    assert_eq!(Match::parse("udp 500 on eth0", &names()).unwrap().to_string(), "udp 500 on eth0");
    assert_eq!(Match::parse("", &names()).unwrap_err().problem(), &Problem::NoMatch);
}

#[test]
fn a_service_is_made_of_terms() {
    let parse = |text: &str| Term::parse(text, &names());
    assert_eq!(parse("ip6 udp 546 from port 547").unwrap().to_string(), "ip6 udp 546 from port 547");
    for (text, span, says) in [
        ("", 0..0, "which packets?"),
        ("@ike", 0..4, "not of services"),
        ("udp 53 from ::1", 7..11, "belong to the rules"),
        ("udp 53 from", 7..11, "belong to the rules"),
        ("udp 53 on eth0", 7..9, "belong to the rules"),
        ("udp 53 LOG", 7..10, "belong to the rules"),
        ("udp 53 54", 7..9, "expected a comma and another port, `from`"),
        ("ip6 icmp", 4..8, "isn't IPv6's"),
        ("esp from port 5", 9..13, "a protocol that has ports"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.span(), span, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}
