//! How other tools write rules, and how that is written here.

/// Where the action belongs.
pub(super) const ACTION: &str =
    "a rule begins with what it does, `allow`, `deny` or `reject`, and says it once";

/// Words of iptables, nftables, ufw and pf that stand for themselves nowhere, and what to do instead.
const HABITS: &[(&[&str], &str)] = &[
    (
        &["proto", "protocol", "-p", "meta", "l4proto", "nexthdr"],
        "a protocol stands by itself, as in `udp 53`",
    ),
    (
        &["dport", "dports", "destination-port", "port", "ports"],
        "ports stand right behind their protocol, as in `udp 53`; source ports behind `from`, as in `udp from port 53`",
    ),
    (&["sport", "sports", "source-port"], "source ports stand behind `from`, as in `udp from port 53`"),
    (
        &["type", "icmp-type", "icmpv6-type"],
        "types stand right behind their protocol, as in `icmpv6 echo-request`",
    ),
    (&["code"], "a code stands behind its type and a `/`, as in `icmp 3/4`"),
    (&["tcp-flags"], "flags are written `tcp flags syn/syn,ack`, and the start of a connection `tcp syn`"),
    (&["saddr", "source", "src", "-s"], "source addresses stand behind `from`, as in `from 192.0.2.0/24`"),
    (&["daddr", "destination", "dst", "-d"], "destination addresses stand behind `to`, as in `to 192.0.2.1`"),
    (
        &["in", "input", "incoming", "-a", "-i"],
        "all that is filtered comes in: leave it out; one interface is named as in `on eth0`",
    ),
    (&["out", "output", "outgoing", "-o", "oif", "oifname", "forward"], "only what comes in is filtered"),
    (&["iif", "iifname", "in-interface", "interface", "dev", "via"], "an interface is named as in `on eth0`"),
    (&["accept", "drop", "-j", "jump", "allow", "deny", "reject", "pass", "block"], ACTION),
    (
        &["with", "reject-with"],
        "what the sender is told stands right behind `reject`, as in `reject with tcp-reset tcp`",
    ),
    (&["not", "!"], "only addresses can be excluded, as in `from not 192.0.2.0/24`"),
    (&["-m", "match", "multiport"], "what a rule matches stands by itself, as in `udp 500,4500`"),
    (
        &["ct", "ctstate", "state", "established", "related", "new", "keep"],
        "rules know no connections; the first packet of a TCP connection is `tcp syn`",
    ),
    (&["counter", "quick"], "that goes for every rule: leave it out"),
    (
        &["burst", "per", "rate", "limit-burst"],
        "that belongs to a limit, as in `limit 10/s burst 20 per source`",
    ),
    (&["prefix", "log-prefix"], "what a rule logs has no prefix; a rule can have a `comment \"…\"`"),
    (&["and", "&&", "or"], "conditions stand side by side, and the items of a list have commas between them"),
    (&["any", "all", "anywhere"], "what may be anything is left out"),
];

/// What to do instead of writing `word`, if that is how other tools write something.
pub(super) fn hint(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    // `--dport` is `dport`; `-p` stays as it is.
    let word = word.strip_prefix("--").unwrap_or(&word);
    HABITS.iter().find(|(words, _)| words.contains(&word)).map(|&(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Names;

    #[test]
    fn a_habit_is_no_word_of_the_grammar_and_stands_once() {
        let words: Vec<&str> = HABITS.iter().flat_map(|(words, _)| *words).copied().collect();
        for (n, word) in words.iter().enumerate() {
            assert!(!words[..n].contains(word), "{word}");
            assert_eq!(*word, word.to_ascii_lowercase());
            assert!(
                !["from", "to", "on", "log", "limit", "comment", "syn", "flags"].contains(word),
                "{word}"
            );
            assert_eq!(Names::parse("", "").protocol(word), None, "{word}");
        }
    }

    #[test]
    fn options_of_iptables_are_known_by_their_words() {
        assert_eq!(hint("--DPORT"), hint("dport"));
        assert!(hint("-p").is_some() && hint("p").is_none() && hint("eth0").is_none());
    }
}
