//! Sets of packets, as rules name them.

use std::{collections::BTreeSet, iter};

use firewall_common::packet::Family;
use ipnet::IpNet;

use super::ranges::{Ranges, largest_address};
use crate::ruleset::{
    Addresses, Match, PortRange, Ports, Protocol, Term, What,
    icmp::{IcmpType, IcmpTypes},
    tcp_flags::TcpFlags,
};

/// How many protocols are named one by one, before it's told which ones aren't meant.
const MANY: u128 = 8;

/// The packets of one IP version that have a value among those of each field: a box.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Packets {
    pub(super) family: Family,
    pub(super) protocols: Ranges,
    /// Destination ports.
    pub(super) ports: Ranges,
    pub(super) source_ports: Ranges,
    /// Messages of ICMP and ICMPv6: 256 times the type and the code.
    pub(super) messages: Ranges,
    /// Which flags of TCP are looked at, and which of those are set.
    pub(super) flags: (u8, u8),
    pub(super) from: Ranges,
    pub(super) to: Ranges,
    pub(super) on: On,
}

/// The interfaces on which packets come in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum On {
    Is(BTreeSet<String>),
    Not(BTreeSet<String>),
}

/// The loopback interface, to which nothing is attached.
const LOOPBACK: &str = "lo";

impl On {
    pub(super) fn is<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Is(names.into_iter().map(Into::into).collect())
    }

    pub(super) fn complement(&self) -> Self {
        match self {
            Self::Is(names) => Self::Not(names.clone()),
            Self::Not(names) => Self::Is(names.clone()),
        }
    }

    fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Is(a), Self::Is(b)) => Self::Is(a & b),
            (Self::Is(a), Self::Not(b)) | (Self::Not(b), Self::Is(a)) => Self::Is(a - b),
            (Self::Not(a), Self::Not(b)) => Self::Not(a | b),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Is(names) if names.is_empty())
    }

    /// Whether it's any interface but the loopback one.
    fn is_any(&self) -> bool {
        matches!(self, Self::Not(names) if names.iter().all(|name| name == LOOPBACK))
    }
}

impl Packets {
    /// All that come to an interface that isn't the loopback one.
    pub(super) fn all(family: Family) -> Self {
        Self { on: On::Not(iter::once(LOOPBACK.to_owned()).collect()), ..Self::of_any_interface(family) }
    }

    /// All, those of the loopback interface, too.
    pub(super) fn of_any_interface(family: Family) -> Self {
        Self {
            family,
            protocols: Ranges::all(u8::MAX.into()),
            ports: Ranges::all(u16::MAX.into()),
            source_ports: Ranges::all(u16::MAX.into()),
            messages: Ranges::all(u16::MAX.into()),
            flags: (0, 0),
            from: Ranges::all(largest_address(family)),
            to: Ranges::all(largest_address(family)),
            on: On::Not(BTreeSet::new()),
        }
    }

    /// Those in both; `None` if there are none.
    pub(super) fn intersection(&self, other: &Self) -> Option<Self> {
        let ((mask, set), (other_mask, other_set)) = (self.flags, other.flags);
        if self.family != other.family || (set ^ other_set) & mask & other_mask != 0 {
            return None;
        }
        let both = Self {
            family: self.family,
            protocols: self.protocols.intersection(&other.protocols),
            ports: self.ports.intersection(&other.ports),
            source_ports: self.source_ports.intersection(&other.source_ports),
            messages: self.messages.intersection(&other.messages),
            flags: (mask | other_mask, set | other_set),
            from: self.from.intersection(&other.from),
            to: self.to.intersection(&other.to),
            on: self.on.intersection(&other.on),
        };
        let fields = [&both.protocols, &both.ports, &both.source_ports, &both.messages, &both.from, &both.to];
        (!fields.into_iter().any(Ranges::is_empty) && !both.on.is_empty()).then_some(both)
    }

    /// Both together, where they differ in one field alone.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        let mut joined = self.clone();
        let fields: [fn(&mut Self) -> &mut Ranges; 5] = [
            |packets| &mut packets.ports,
            |packets| &mut packets.source_ports,
            |packets| &mut packets.messages,
            |packets| &mut packets.from,
            |packets| &mut packets.to,
        ];
        for field in fields {
            let others = field(&mut other.clone()).clone();
            let mine = field(&mut joined);
            let own = std::mem::replace(mine, others);
            if joined == *other {
                *field(&mut joined) = own.union(field(&mut other.clone()));
                return Some(joined);
            }
            *field(&mut joined) = own;
        }
        None
    }

    pub(super) fn meet(&self, other: &Self) -> bool {
        self.intersection(other).is_some()
    }

    /// Whether all of `other` are among these.
    pub(super) fn cover(&self, other: &Self) -> bool {
        other.intersection(self).as_ref() == Some(other)
    }

    /// Whether trailing fragments of `protocol` are among these for rules that don't know of connections: they have
    /// nothing of a transport header.
    pub(super) fn has_trailing(&self, protocol: u8) -> bool {
        self.protocols.contain(protocol.into()) && !self.asks_for_transport()
    }

    /// Whether something of the transport header is asked for.
    pub(super) fn asks_for_transport(&self) -> bool {
        self.flags.0 != 0 || ![&self.ports, &self.source_ports, &self.messages].iter().all(|set| set.is_all())
    }

    /// These as rules can say it: more packets, and without some of them, each of which rules can say, too.
    ///
    /// A rule can't name port 0, nor every protocol but one, nor every interface but one.
    pub(super) fn said(&self) -> (Self, Vec<Self>) {
        let any = Self::all(self.family);
        let is_awkward = [
            is_awkward_protocols(&self.protocols),
            has_port_0(&self.ports),
            has_port_0(&self.source_ports),
            is_awkward_messages(&self.messages),
            matches!(self.on, On::Not(_)) && !self.on.is_any(),
        ];
        let [protocols, ports, source_ports, messages, on] = is_awkward;
        let mut said = self.clone();
        for (awkward, set, all) in [
            (protocols, &mut said.protocols, &any.protocols),
            (ports, &mut said.ports, &any.ports),
            (source_ports, &mut said.source_ports, &any.source_ports),
            (messages, &mut said.messages, &any.messages),
        ] {
            if awkward {
                set.clone_from(all);
            }
        }
        if on {
            said.on.clone_from(&any.on);
        }
        let others = || self.on.complement().intersection(&any.on);
        let without = [
            protocols.then(|| Self { protocols: self.protocols.complement(), ..said.clone() }),
            ports.then(|| Self { ports: self.ports.complement(), ..said.clone() }),
            source_ports.then(|| Self { source_ports: self.source_ports.complement(), ..said.clone() }),
            messages.then(|| Self { messages: self.messages.complement(), ..said.clone() }),
            on.then(|| Self { on: others(), ..said.clone() }),
        ];
        let without = without.into_iter().flatten().collect();
        (said, without)
    }

    /// What rules match, so that together they match these: one, but for several protocols and interfaces. The IP version is named
    /// only where nothing else in the rule says it.
    ///
    /// What can't be said ([`said`](Self::said)) mustn't be asked for.
    pub(super) fn matches(&self) -> Vec<Said> {
        let protocols: Vec<Option<Protocol>> = if self.protocols.is_all() {
            vec![None]
        } else {
            let numbers = self.protocols.iter().map(|number| Protocol(number as u8));
            // No packet is judged by a header that its chain goes on behind.
            numbers.filter(|protocol| !protocol.is_followed()).map(Some).collect()
        };
        let interfaces: Vec<Option<&str>> = match &self.on {
            On::Is(names) => names.iter().map(|name| Some(name.as_str())).collect(),
            On::Not(_) => vec![None],
        };
        let one = |protocol| interfaces.iter().filter_map(move |&on| self.one(protocol, on));
        protocols.into_iter().flat_map(one).collect()
    }

    fn one(&self, protocol: Option<Protocol>, on: Option<&str>) -> Option<Said> {
        let (mask, set) = self.flags;
        let term = Term {
            family: None,
            protocol,
            ports: ports(&self.ports),
            source_ports: ports(&self.source_ports),
            icmp: messages(&self.messages),
            flags: TcpFlags::new(set, mask),
        };
        let (from, to) = (addresses(&self.from, self.family), addresses(&self.to, self.family));
        let names_family = from.is_none() && to.is_none();
        let make = |family| {
            let what = What::Term(Term { family, ..term.clone() });
            Match::new(what, from.clone(), to.clone(), on.map(str::to_owned)).ok()
        };
        let family = names_family.then_some(self.family);
        Some(Said { of_family: make(family)?, of_both: names_family.then(|| make(None)).flatten() })
    }
}

/// What a rule matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// Of one IP version.
    pub(super) of_family: Match,
    /// The same of both, if nothing else names the version.
    pub(super) of_both: Option<Match>,
}

fn is_awkward_protocols(protocols: &Ranges) -> bool {
    !protocols.is_all() && protocols.count() > MANY && protocols.complement().count() < protocols.count()
}

fn is_awkward_messages(messages: &Ranges) -> bool {
    let listed = |of: &Ranges| types(of).len();
    !messages.is_all() && listed(messages) > 16 && listed(&messages.complement()) < listed(messages)
}

fn has_port_0(ports: &Ranges) -> bool {
    !ports.is_all() && ports.contain(0)
}

fn ports(ports: &Ranges) -> Option<Ports> {
    if ports.is_all() {
        return None;
    }
    let ranges = ports.ranges().iter();
    Ports::new(ranges.filter_map(|&(first, last)| PortRange::new(first as u16, last as u16)).collect())
}

fn messages(of: &Ranges) -> Option<IcmpTypes> {
    if of.is_all() { None } else { IcmpTypes::new(types(of)) }
}

/// Messages by type where all of its codes are among them, and else by type and code.
fn types(messages: &Ranges) -> Vec<IcmpType> {
    let mut types = Vec::new();
    for kind in 0..=u8::MAX {
        let first = u128::from(kind) << 8;
        let own = messages.intersection(&Ranges::new(vec![(first, first | 0xff)], u16::MAX.into()));
        if own.count() == 256 {
            types.push(IcmpType { kind, code: None });
        } else {
            types.extend(own.iter().map(|message| IcmpType { kind, code: Some(message as u8) }));
        }
    }
    types
}

fn addresses(addresses: &Ranges, family: Family) -> Option<Addresses> {
    if addresses.is_all() {
        return None;
    }
    let (inside, outside): (Vec<IpNet>, _) =
        (addresses.prefixes(family), addresses.complement().prefixes(family));
    let not = outside.len() < inside.len();
    Addresses::new(not, if not { outside } else { inside })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::netfilter::addresses as read;

    fn v4() -> Packets {
        Packets::all(Family::V4)
    }

    fn tcp(ports: &[(u16, u16)]) -> Packets {
        Packets { protocols: Ranges::of_u8([6]), ports: Ranges::of_u16(ports.iter().copied()), ..v4() }
    }

    fn text(packets: &Packets) -> Vec<String> {
        packets.matches().iter().map(|said| said.of_family.to_string()).collect()
    }

    fn from(text: &str) -> Packets {
        Packets { from: Ranges::of_addresses(Family::V4, vec![read(text).unwrap().1]), ..v4() }
    }

    #[test]
    fn a_box_is_said_as_a_rule_has_it() {
        assert_eq!(text(&v4()), ["ip4"]);
        assert_eq!(text(&tcp(&[(22, 22), (80, 90)])), ["ip4 tcp 22,80-90"]);
        assert_eq!(text(&from("192.0.2.0/24")), ["any from 192.0.2.0/24"]);
        let not = Packets { from: from("192.0.2.0/24").from.complement(), ..v4() };
        assert_eq!(text(&not), ["any from not 192.0.2.0/24"]);
        let both = Packets { protocols: Ranges::of_u8([6, 17]), on: On::is(["eth0"]), ..tcp(&[(53, 53)]) };
        assert_eq!(text(&both), ["ip4 tcp 53 on eth0", "ip4 udp 53 on eth0"]);
        let messages = Ranges::of_u16([(0x0300, 0x03ff), (0x0801, 0x0801)]);
        let icmp = Packets { protocols: Ranges::of_u8([1]), messages, ..v4() };
        assert_eq!(text(&icmp), ["ip4 icmp destination-unreachable,echo-request/1"]);
    }

    #[test]
    fn what_no_rule_can_name_is_more_without_some() {
        let not_tcp = Packets { protocols: Ranges::of_u8([6]).complement(), ..v4() };
        let (said, without) = not_tcp.said();
        assert_eq!((said, text(&without[0])), (v4(), vec!["ip4 tcp".to_owned()]));
        let (said, without) = tcp(&[(0, 1023)]).said();
        assert_eq!(
            (text(&said), text(&without[0])),
            (vec!["ip4 tcp".into()], vec!["ip4 tcp 1024-65535".into()])
        );
        let (said, without) = Packets { on: On::is(["lo", "eth0"]).complement(), ..v4() }.said();
        assert_eq!((text(&said), text(&without[0])), (vec!["ip4".into()], vec!["ip4 on eth0".into()]));
        assert_eq!(tcp(&[(22, 22)]).said(), (tcp(&[(22, 22)]), Vec::new()));
    }

    #[test]
    fn what_is_excluded_can_be_said_itself() {
        let low = Ranges::of_u16([(0, 1023)]);
        let both = Packets { source_ports: low.clone(), ..tcp(&[(0, 1023)]) };
        let (said, without) = both.said();
        assert_eq!(text(&said), ["ip4 tcp"]);
        let without: Vec<_> = without.iter().flat_map(text).collect();
        assert_eq!(without, ["ip4 tcp 1024-65535", "ip4 tcp from port 1024-65535"]);
    }

    #[test]
    fn boxes_meet_field_by_field() {
        assert!(tcp(&[(22, 22)]).meet(&from("192.0.2.1")) && v4().cover(&tcp(&[(22, 22)])));
        assert!(!tcp(&[(22, 22)]).meet(&tcp(&[(23, 23)])) && !tcp(&[(22, 22)]).cover(&v4()));
        let flags = |mask, set| Packets { flags: (mask, set), ..tcp(&[(1, 9)]) };
        assert_eq!(flags(3, 1).intersection(&flags(6, 4)).unwrap().flags, (7, 5));
        assert!(!flags(3, 1).meet(&flags(1, 0)));
        assert!(!v4().meet(&Packets::all(Family::V6)));
        let loopback = Packets { on: On::is(["lo"]), ..Packets::of_any_interface(Family::V4) };
        assert!(!loopback.meet(&v4()));
    }

    #[test]
    fn boxes_that_differ_in_one_field_are_joined() {
        assert_eq!(tcp(&[(22, 22)]).joined(&tcp(&[(80, 90)])), Some(tcp(&[(22, 22), (80, 90)])));
        assert_eq!(tcp(&[(22, 22)]).joined(&from("192.0.2.1")), None);
        let both = from("192.0.2.0/25").joined(&from("192.0.2.128/25"));
        assert_eq!(both, Some(from("192.0.2.0/24")));
    }

    #[test]
    fn trailing_fragments_have_a_protocol_and_no_ports() {
        assert!(v4().has_trailing(17) && from("192.0.2.1").has_trailing(17));
        assert!(!tcp(&[(22, 22)]).has_trailing(6));
        assert!(Packets { protocols: Ranges::of_u8([17]), ..v4() }.has_trailing(17));
    }
}
