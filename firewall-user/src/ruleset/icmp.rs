//! Types and codes of ICMP and ICMPv6 messages, and their names.

use super::{PortRange, Protocol};

/// Messages of one type, or of one type and code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IcmpType {
    /// The type.
    pub kind: u8,
    /// The code; `None` for every code.
    pub code: Option<u8>,
}

/// Some types of messages, sorted; at least one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IcmpTypes(Vec<IcmpType>);

/// Names of messages.
type Names = [(&'static str, IcmpType)];

/// Every code of a type.
const fn all(kind: u8) -> IcmpType {
    IcmpType { kind, code: None }
}

/// One code of a type.
const fn one(kind: u8, code: u8) -> IcmpType {
    IcmpType { kind, code: Some(code) }
}

/// The names of ICMP messages: those of iptables and nftables among them. Of several names for the same, the first is the
/// one that rules are written back with.
const ICMP: &Names = &[
    ("echo-reply", all(0)),
    ("pong", all(0)),
    ("destination-unreachable", all(3)),
    ("network-unreachable", one(3, 0)),
    ("host-unreachable", one(3, 1)),
    ("protocol-unreachable", one(3, 2)),
    ("port-unreachable", one(3, 3)),
    ("fragmentation-needed", one(3, 4)),
    ("source-route-failed", one(3, 5)),
    ("network-unknown", one(3, 6)),
    ("host-unknown", one(3, 7)),
    ("network-prohibited", one(3, 9)),
    ("host-prohibited", one(3, 10)),
    ("communication-prohibited", one(3, 13)),
    ("admin-prohibited", one(3, 13)),
    ("source-quench", all(4)),
    ("redirect", all(5)),
    ("network-redirect", one(5, 0)),
    ("host-redirect", one(5, 1)),
    ("echo-request", all(8)),
    ("ping", all(8)),
    ("router-advertisement", all(9)),
    ("router-solicitation", all(10)),
    ("time-exceeded", all(11)),
    ("ttl-exceeded", all(11)),
    ("ttl-zero-during-transit", one(11, 0)),
    ("ttl-zero-during-reassembly", one(11, 1)),
    ("parameter-problem", all(12)),
    ("ip-header-bad", one(12, 0)),
    ("required-option-missing", one(12, 1)),
    ("timestamp-request", all(13)),
    ("timestamp-reply", all(14)),
    ("info-request", all(15)),
    ("info-reply", all(16)),
    ("address-mask-request", all(17)),
    ("address-mask-reply", all(18)),
    ("extended-echo-request", all(42)),
    ("extended-echo-reply", all(43)),
];

/// The names of ICMPv6 messages, as above.
const ICMPV6: &Names = &[
    ("destination-unreachable", all(1)),
    ("no-route", one(1, 0)),
    ("communication-prohibited", one(1, 1)),
    ("admin-prohibited", one(1, 1)),
    ("beyond-scope", one(1, 2)),
    ("address-unreachable", one(1, 3)),
    ("port-unreachable", one(1, 4)),
    ("failed-policy", one(1, 5)),
    ("reject-route", one(1, 6)),
    ("packet-too-big", all(2)),
    ("time-exceeded", all(3)),
    ("ttl-exceeded", all(3)),
    ("ttl-zero-during-transit", one(3, 0)),
    ("ttl-zero-during-reassembly", one(3, 1)),
    ("parameter-problem", all(4)),
    ("bad-header", one(4, 0)),
    ("unknown-header-type", one(4, 1)),
    ("unknown-option", one(4, 2)),
    ("echo-request", all(128)),
    ("ping", all(128)),
    ("echo-reply", all(129)),
    ("pong", all(129)),
    ("mld-listener-query", all(130)),
    ("mld-query", all(130)),
    ("mld-listener-report", all(131)),
    ("mld-report", all(131)),
    ("mld-listener-done", all(132)),
    ("mld-listener-reduction", all(132)),
    ("mld-done", all(132)),
    ("router-solicitation", all(133)),
    ("nd-router-solicit", all(133)),
    ("router-advertisement", all(134)),
    ("nd-router-advert", all(134)),
    ("neighbour-solicitation", all(135)),
    ("neighbor-solicitation", all(135)),
    ("nd-neighbor-solicit", all(135)),
    ("neighbour-advertisement", all(136)),
    ("neighbor-advertisement", all(136)),
    ("nd-neighbor-advert", all(136)),
    ("redirect", all(137)),
    ("nd-redirect", all(137)),
    ("router-renumbering", all(138)),
    ("inverse-neighbour-solicitation", all(141)),
    ("ind-neighbor-solicit", all(141)),
    ("inverse-neighbour-advertisement", all(142)),
    ("ind-neighbor-advert", all(142)),
    ("mld2-listener-report", all(143)),
    ("mld2-report", all(143)),
    ("extended-echo-request", all(160)),
    ("extended-echo-reply", all(161)),
];

/// The names of the messages of `protocol`; none for a protocol without types.
pub fn names(protocol: Protocol) -> &'static Names {
    match protocol {
        Protocol::ICMP => ICMP,
        Protocol::ICMPV6 => ICMPV6,
        _ => &[],
    }
}

impl IcmpType {
    /// The messages of `protocol` called `name`, in upper or lower case.
    pub fn named(protocol: Protocol, name: &str) -> Option<Self> {
        names(protocol)
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, messages)| messages)
    }

    /// The canonical text, as it stands behind `protocol`.
    fn text(self, protocol: Protocol) -> String {
        let name =
            |wanted| names(protocol).iter().find(|&&(_, known)| known == wanted).map(|&(name, _)| name);
        let kind = || name(all(self.kind)).map_or_else(|| self.kind.to_string(), str::to_owned);
        match (name(self), self.code) {
            (Some(name), _) => name.to_owned(),
            (None, Some(code)) => format!("{}/{code}", kind()),
            (None, None) => kind(),
        }
    }

    /// The first two bytes of these messages, type and code, as big-endian numbers.
    pub(super) fn numbers(self) -> PortRange {
        let of = |code| u16::from_be_bytes([self.kind, code]);
        PortRange::of_numbers(of(self.code.unwrap_or(0)), of(self.code.unwrap_or(u8::MAX)))
    }

    /// Whether all of `other`'s messages are among these.
    pub(super) fn covers(self, other: Self) -> bool {
        self.kind == other.kind && self.code.is_none_or(|code| other.code == Some(code))
    }
}

impl IcmpTypes {
    /// Messages of any of these types; `None` if there's none.
    pub fn new(mut types: Vec<IcmpType>) -> Option<Self> {
        types.sort_unstable();
        // A type with every code comes right before its codes.
        types.dedup_by(|messages, before| before.covers(*messages));
        (!types.is_empty()).then_some(Self(types))
    }

    /// The types, sorted, none of them part of another.
    pub fn types(&self) -> &[IcmpType] {
        &self.0
    }

    /// The canonical text, as it stands behind `protocol`.
    pub fn text(&self, protocol: Protocol) -> String {
        self.0.iter().map(|messages| messages.text(protocol)).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_read_back_as_itself() {
        for protocol in [Protocol::ICMP, Protocol::ICMPV6] {
            for (n, &(name, messages)) in names(protocol).iter().enumerate() {
                assert_eq!(IcmpType::named(protocol, &name.to_uppercase()), Some(messages), "{name}");
                assert!(!names(protocol)[..n].iter().any(|&(earlier, _)| earlier == name), "{name}");
                let text = messages.text(protocol);
                assert_eq!(IcmpType::named(protocol, &text), Some(messages), "{text}");
            }
        }
        assert_eq!(IcmpType::named(Protocol::TCP, "ping"), None);
    }

    #[test]
    fn what_has_no_name_is_written_in_numbers() {
        let types = IcmpTypes::new(vec![one(3, 4), one(3, 99), all(200), one(200, 0), one(8, 1), all(0)]);
        assert_eq!(
            types.unwrap().text(Protocol::ICMP),
            "echo-reply,fragmentation-needed,destination-unreachable/99,echo-request/1,200"
        );
        assert_eq!(IcmpTypes::new(Vec::new()), None);
        assert_eq!(IcmpTypes::new(vec![one(3, 4), all(3)]).unwrap().types(), [all(3)]);
    }
}
