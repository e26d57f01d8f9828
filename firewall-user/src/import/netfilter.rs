//! The rules of iptables and nftables, in one form.

use std::{fmt, net::IpAddr};

use firewall_common::{answer::Answer, packet::Family};

use super::{ranges::Ranges, source::SourceId};
use crate::ruleset::{Limit, Match, Protocol, Term, What, rule::MAX_COMMENT};

/// The place of a chain among [`Netfilter::chains`].
pub(super) type ChainId = usize;

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Netfilter {
    pub(super) chains: Vec<Chain>,
    pub(super) bases: Vec<Base>,
    /// Whether something of that IP version makes the kernel track connections, and so reassemble before the filter.
    pub(super) tracks: [bool; 2],
    /// What isn't about packets that come in to the host itself, or is nothing that a filter does.
    pub(super) aside: Vec<Aside>,
    /// What isn't understood well enough to be carried over, apart from rules: named as it is.
    pub(super) remarks: Vec<(SourceId, String)>,
}

/// A chain, with its rules in order.
#[derive(Debug)]
pub(super) struct Chain {
    /// Its name, for messages.
    pub(super) name: String,
    /// Where it's begun.
    pub(super) source: Option<SourceId>,
    pub(super) rules: Vec<Rule>,
}

/// A chain that packets come to by themselves.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) chain: ChainId,
    /// The IP versions whose packets come to it.
    pub(super) families: Vec<Family>,
    pub(super) hook: Hook,
    pub(super) priority: i64,
    /// The interface at whose ingress hook it is.
    pub(super) device: Option<Vec<String>>,
    /// Whether packets that it doesn't decide on are accepted.
    pub(super) accepts: bool,
    /// Where that is said.
    pub(super) policy: Option<SourceId>,
}

/// Where packets meet a base chain, in the order in which they do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Hook {
    Ingress,
    Prerouting,
    Input,
}

/// A part of the source that is none of Fragwall's business.
#[derive(Debug)]
pub(super) struct Aside {
    /// What it is.
    pub(super) what: String,
    /// Its rules, or where it's declared.
    pub(super) sources: Vec<SourceId>,
    /// What there's to be said of it, beside that it isn't carried over.
    pub(super) remark: Option<&'static str>,
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) source: SourceId,
    /// All of these must hold.
    pub(super) conditions: Vec<Condition>,
    pub(super) limit: Option<RuleLimit>,
    /// Whether what matches is logged.
    pub(super) log: bool,
    pub(super) comment: Option<String>,
    pub(super) verdict: Verdict,
    /// What else it does, which isn't carried over, such as `MARK`.
    pub(super) effects: Vec<String>,
}

/// A limit on how often a rule matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RuleLimit {
    pub(super) limit: Limit,
    /// Whether it's packets beyond the limit that match.
    pub(super) over: bool,
}

/// Something that must hold of a packet, or must not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Condition {
    pub(super) test: Test,
    pub(super) not: bool,
}

impl Condition {
    pub(super) const fn is(test: Test) -> Self {
        Self { test, not: false }
    }
}

/// What is asked about a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Test {
    Family(Family),
    Protocol(Ranges),
    /// The destination port, of protocols that have ports.
    Ports(Ranges),
    SourcePorts(Ranges),
    /// Messages: 256 times the type and the code.
    Messages(Protocol, Ranges),
    /// Flags of TCP: those of the mask that must be set.
    Flags {
        mask: u8,
        set: u8,
    },
    From(Family, Ranges),
    To(Family, Ranges),
    Interface(Vec<String>),
    /// The state of its connection.
    State(States),
    /// The hop limit, or TTL.
    HopLimit(u8),
    /// That it's a fragment.
    Fragment(Fragments),
    /// Addresses that the host takes for its own, in INPUT.
    Local,
    /// Broadcast addresses of IPv4, in INPUT.
    Broadcast,
    /// Something that Fragwall doesn't ask, as it's written.
    Unknown(String),
}

/// Which fragments are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fragments {
    /// All but the first.
    Trailing,
    /// The first, too.
    All,
}

/// States of connections.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct States(u8);

impl States {
    pub(super) const INVALID: Self = Self(1);
    pub(super) const NEW: Self = Self(2);
    pub(super) const ESTABLISHED: Self = Self(4);
    pub(super) const RELATED: Self = Self(8);
    pub(super) const UNTRACKED: Self = Self(16);
    const ALL: Self = Self(31);

    /// The state called that, in upper or lower case.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "invalid" => Self::INVALID,
            "new" => Self::NEW,
            "established" => Self::ESTABLISHED,
            "related" => Self::RELATED,
            "untracked" => Self::UNTRACKED,
            _ => return None,
        })
    }

    /// Whether one of `other` is among them.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn others(self) -> Self {
        Self(Self::ALL.0 & !self.0)
    }

    pub(super) const fn all() -> Self {
        Self::ALL
    }

    /// Whether there are none.
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What becomes of a packet that a rule matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The next rule is tried.
    Continue,
    Accept,
    Drop,
    Reject(Answer),
    Return,
    Jump(ChainId),
    Goto(ChainId),
    /// Something else decides, as it's written.
    Unknown(String),
}

impl Verdict {
    /// Whether packets don't get in by it.
    pub(super) const fn denies(&self) -> bool {
        matches!(self, Self::Drop | Self::Reject(_) | Self::Unknown(_))
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
        })
    }
}

/// A comment as a rule may have it; `None` if nothing is left of it.
pub(super) fn comment(text: &str) -> Option<String> {
    let mut comment = text.replace(char::is_control, " ");
    comment.truncate(comment.floor_char_boundary(MAX_COMMENT));
    (!comment.trim().is_empty()).then_some(comment)
}

/// Whether an interface can have that name.
pub(super) fn is_interface(name: &str) -> bool {
    Match::new(What::Term(Term::default()), None, None, Some(name.to_owned())).is_ok()
}

/// The addresses that a text names: one, a prefix of a length or a mask of bits at its beginning, or a range.
pub(super) fn addresses(text: &str) -> Option<(Family, (u128, u128))> {
    use super::ranges::{family, number, of_prefix};
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        let (of, range) = (family(first), (number(first), number(last)));
        return (of == family(last) && range.0 <= range.1).then_some((of, range));
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => bits,
        Some(length) => match length.parse::<u8>() {
            Ok(length) => length,
            Err(_) => length_of_mask(length.parse().ok()?, address.is_ipv4())?,
        },
    };
    let prefix = ipnet::IpNet::new(address, length).ok()?;
    Some((family(address), of_prefix(prefix)))
}

/// How many bits a mask has, if they are all at its beginning.
fn length_of_mask(mask: IpAddr, is_v4: bool) -> Option<u8> {
    (mask.is_ipv4() == is_v4).then(|| ipnet::ip_mask_to_prefix(mask).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        let read = |text| addresses(text).map(|(_, range)| range);
        assert_eq!(read("192.0.2.0/24"), read("192.0.2.9/255.255.255.0"));
        assert_eq!(read("192.0.2.0/24"), read("192.0.2.0-192.0.2.255"));
        assert_eq!(read("0.0.0.0/0"), Some((0, u32::MAX.into())));
        assert_eq!(addresses("fe80::/10").unwrap().0, Family::V6);
        for text in
            ["", "192.0.2.0/33", "192.0.2.0/255.0.255.0", "192.0.2.9-192.0.2.1", "192.0.2.1-::1", "eth0"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn comments_and_interfaces_are_what_rules_take() {
        assert_eq!(comment("a\tb"), Some("a b".to_owned()));
        assert_eq!(comment(" \u{1b}"), None);
        assert_eq!(comment(&"é".repeat(200)).unwrap().len(), 254);
        assert!(is_interface("eth0") && !is_interface("a b") && !is_interface(""));
    }

    #[test]
    fn states_are_sets() {
        let both = States::NEW.and(States::ESTABLISHED);
        assert!(both.has(States::NEW) && !both.has(States::INVALID));
        assert_eq!(both.others().others(), both);
        assert!(both.both(States::RELATED).is_empty());
        assert_eq!(States::named("Related"), Some(States::RELATED));
        assert_eq!(States::named("DNAT"), None);
    }
}
