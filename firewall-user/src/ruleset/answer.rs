//! The words for what the sender of a rejected packet is told.

use firewall_common::answer::Answer;

use super::spelling::nearest;

/// Every answer's word, in the order in which help texts list them.
pub const ANSWERS: [(&str, Answer); Answer::ALL.len()] = [
    ("port-unreachable", Answer::PortUnreachable),
    ("admin-prohibited", Answer::AdminProhibited),
    ("host-unreachable", Answer::HostUnreachable),
    ("network-unreachable", Answer::NetworkUnreachable),
    ("protocol-unreachable", Answer::ProtocolUnreachable),
    ("host-prohibited", Answer::HostProhibited),
    ("network-prohibited", Answer::NetworkProhibited),
    ("no-route", Answer::NoRoute),
    ("address-unreachable", Answer::AddressUnreachable),
    ("policy-fail", Answer::PolicyFail),
    ("reject-route", Answer::RejectRoute),
    ("tcp-reset", Answer::TcpReset),
];

/// The answer that `word` names, in upper or lower case.
pub fn named(word: &str) -> Option<Answer> {
    ANSWERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, answer)| answer)
}

/// The word for `answer`.
pub fn word(answer: Answer) -> &'static str {
    let found = ANSWERS.iter().find(|&&(_, known)| known == answer);
    found.map_or("port-unreachable", |(name, _)| name)
}

/// All words, as an error lists them.
pub(super) fn expected() -> String {
    let words = ANSWERS.map(|(word, _)| format!("`{word}`"));
    let (last, others) = words.split_last().expect("there are answers");
    format!("{} or {last}", others.join(", "))
}

/// The answer's word that was meant by `word`, which is none: one that it resembles, or what iptables and nftables call it.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let bare = ["icmp6-", "icmpx-", "icmp-"].iter().find_map(|prefix| word.strip_prefix(prefix));
    match bare.unwrap_or(&word) {
        "tcp" | "reset" | "rst" | "tcp-rst" => Some("tcp-reset"),
        "adm-prohibited" => Some("admin-prohibited"),
        "net-unreachable" | "net-unreach" => Some("network-unreachable"),
        "net-prohibited" => Some("network-prohibited"),
        "proto-unreachable" | "prot-unreachable" => Some("protocol-unreachable"),
        "addr-unreachable" => Some("address-unreachable"),
        "icmp" | "icmpv6" | "icmpx" | "port" => Some("port-unreachable"),
        bare => nearest(bare, ANSWERS.map(|(name, _)| name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_answers_agree() {
        for answer in Answer::ALL {
            assert_eq!(named(word(answer)), Some(answer));
            assert_eq!(named(&word(answer).to_uppercase()), Some(answer));
        }
        assert_eq!(named("refused"), None);
        assert_eq!(word(Answer::default()), ANSWERS[0].0);
    }

    #[test]
    fn other_tools_answers_are_known() {
        // Every `--reject-with` of iptables and ip6tables.
        for (theirs, ours) in [
            ("icmp-net-unreachable", "network-unreachable"),
            ("icmp-host-unreachable", "host-unreachable"),
            ("icmp-proto-unreachable", "protocol-unreachable"),
            ("icmp-port-unreachable", "port-unreachable"),
            ("icmp-net-prohibited", "network-prohibited"),
            ("icmp-host-prohibited", "host-prohibited"),
            ("icmp-admin-prohibited", "admin-prohibited"),
            ("icmp6-no-route", "no-route"),
            ("icmp6-adm-prohibited", "admin-prohibited"),
            ("icmp6-addr-unreachable", "address-unreachable"),
            ("ICMP6-PORT-UNREACHABLE", "port-unreachable"),
            ("icmp6-policy-fail", "policy-fail"),
            ("icmp6-reject-route", "reject-route"),
            ("tcp-rst", "tcp-reset"),
            ("port-unreachble", "port-unreachable"),
        ] {
            assert_eq!(meant(theirs), Some(ours), "{theirs}");
        }
        assert_eq!(meant("nothing"), None);
    }
}
