//! IP protocols, and the names this project gives them.

use std::fmt;

use firewall_common::{
    packet::extension::{DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING},
    rules::PROTOCOLS_WITH_PORTS,
};

/// An IP protocol number: IPv4's Protocol field, or the last Next Header field of IPv6's header chain.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Protocol(pub u8);

/// Every name that works on every machine, whatever its `/etc/protocols` says. Of several names for a number, the first
/// is the one that rules are written back with.
///
/// `ipip` is 4, as in the kernel's headers and `ip tunnel`; the assigned name of number 94, which nothing sends, is the
/// same. Likewise `sit` is 41, whose assigned name, `ipv6`, isn't what anybody who writes `allow ipv6` means.
pub(super) const PROTOCOL_NAMES: [(&str, u8); 44] = [
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("ipencap", 4),
    ("ip-encap", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("rdp", 27),
    ("dccp", 33),
    ("sit", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ipsec-esp", 50),
    ("ah", 51),
    ("ipsec-ah", 51),
    ("icmpv6", 58),
    ("icmp6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("etherip", 97),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("carp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("hip", 139),
    ("shim6", 140),
    ("ethernet", 143),
];

impl Protocol {
    /// ICMP, of IPv4.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMPv6, of IPv6.
    pub const ICMPV6: Self = Self(58);
    /// UDP-Lite.
    pub const UDPLITE: Self = Self(136);

    /// Whether its header begins with a source and a destination port.
    pub fn has_ports(self) -> bool {
        PROTOCOLS_WITH_PORTS.contains(&self.0)
    }

    /// Whether its messages have types and codes.
    pub fn has_types(self) -> bool {
        self == Self::ICMP || self == Self::ICMPV6
    }

    /// Whether it is an IPv6 extension header that packets are judged behind of: no IPv6 packet's protocol, so none that a
    /// rule names. What ends the chain of headers, such as ESP and AH, isn't one of these.
    pub fn is_followed(self) -> bool {
        [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS].contains(&self.0)
    }
}

impl fmt::Display for Protocol {
    /// The name, or the number where there is no built-in one: the text must mean the same on every machine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PROTOCOL_NAMES.iter().find(|&&(_, number)| number == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Names;

    #[test]
    fn every_protocol_is_read_back_as_itself() {
        let names = Names::parse("", "");
        for number in 0..=255 {
            let text = Protocol(number).to_string();
            let read = names.protocol(&text).or_else(|| text.parse().ok().map(Protocol));
            assert_eq!(read, Some(Protocol(number)), "{text}");
        }
    }

    #[test]
    fn no_name_stands_for_two_numbers() {
        for (n, (name, _)) in PROTOCOL_NAMES.iter().enumerate() {
            assert!(!PROTOCOL_NAMES[..n].iter().any(|(earlier, _)| earlier == name), "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn names_are_the_usual_ones() {
        let names = Names::parse("", "");
        for (name, number) in [
            ("UDP", 17),
            ("esp", 50),
            ("ipv6-icmp", 58),
            ("icmpv6", 58),
            ("icmp6", 58),
            ("sctp", 132),
            ("gre", 47),
        ] {
            assert_eq!(names.protocol(name), Some(Protocol(number)));
        }
        assert_eq!(Protocol(58).to_string(), "icmpv6");
        assert_eq!(Protocol(253).to_string(), "253");
        assert_eq!(
            PROTOCOLS_WITH_PORTS.map(|number| Protocol(number).to_string()),
            ["tcp", "udp", "dccp", "sctp", "udplite"]
        );
    }
}
