//! What each stage of the program found of a packet: its headers, the fragment table, essential ICMP, replies, the rules.
//!
//! The program's own judgement is what counts. The headers that led to it are read once more in this process, by the same
//! parsers, and the rules' [`meaning`](crate::ruleset::meaning) tells which ones nearly matched; the verdict and the rule that
//! decided are never worked out anew.

use std::net::IpAddr;

use firewall_common::{essential, fragment::Class, packet::Ip, verdict::Reason};
use serde::Serialize;

use super::{
    explain::Explanation,
    headers::{Headers, Network},
    near::{self, Near},
};
use crate::ruleset::{
    Config, Protocol, Rule,
    meaning::{Packet, Transport},
    tcp_flags,
};

/// What the stages found, each in turn; what was never asked is `None`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Stages {
    /// The link layer; `None` if the frame ends inside its headers.
    pub link: Option<Link>,
    /// The IP header.
    pub ip: Option<IpHeader>,
    /// The transport header; a trailing fragment has none.
    pub transport: Option<TransportHeader>,
    /// Why the packet is malformed, if it is: [`Reason::name`].
    pub malformed: Option<&'static str>,
    /// What the fragment table had to do with a first or trailing fragment.
    pub fragment_table: Option<FragmentTable>,
    /// Whether it's essential ICMP; asked of ICMP only.
    pub essential: Option<Answer>,
    /// Whether it belongs to a flow that this host opened.
    pub reply: Option<Answer>,
    /// The rules.
    pub rules: Option<Matched>,
}

/// The link layer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Link {
    /// The EtherType behind the VLAN tags.
    pub ethertype: u16,
    /// The VLAN identifiers, the outermost first.
    pub vlans: Vec<u16>,
}

/// The IP header.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct IpHeader {
    /// 4 or 6.
    pub version: u8,
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The extension headers that were followed, in order.
    pub extensions: Vec<&'static str>,
    /// The protocol, as rules name it. Of a trailing fragment it's only what its own header says; `None` if the packet is
    /// malformed.
    pub protocol: Option<String>,
}

/// The transport header: what rules ask about of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct TransportHeader {
    /// The source port, if the protocol has ports.
    pub source_port: Option<u16>,
    /// The destination port.
    pub destination_port: Option<u16>,
    /// The flags of a TCP header that are set.
    pub tcp_flags: Option<String>,
    /// The type and code of an ICMP message.
    pub icmp: Option<IcmpMessage>,
}

/// An ICMP message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct IcmpMessage {
    /// As rules name it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// What the fragment table had to do with a fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FragmentTable {
    /// A first fragment: its verdict is remembered for its trailing ones.
    Remembered,
    /// A first fragment: trailing ones of its datagram had passed as early ones before it was denied.
    LateDenial,
    /// A trailing fragment: its first one's verdict is its own.
    Inherited,
    /// A trailing fragment: its first one isn't known.
    Early,
    /// A trailing fragment that begins inside its first one.
    Overlap,
    /// It finds no room in the reassembly budget.
    Refused,
}

/// What a stage said that can settle a packet by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The packet isn't its business.
    No,
    /// It settled it, for this reason.
    Settled(Reason),
}

impl Serialize for Answer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::No => "no",
            Self::Settled(reason) => reason.name(),
        })
    }
}

/// What the rules made of a packet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Matched {
    /// The number of the rule that decided, from 1; `None` if the default did.
    pub rule: Option<usize>,
    /// The rules before it that match the packet as well, and whose limits were used up.
    pub over_limit: Vec<usize>,
    /// The rules before it that nearly matched.
    pub nearly: Vec<Near>,
}

impl Stages {
    /// What the stages found of the packet in a frame, which the program judged like that by that configuration. It came in on
    /// an interface of that name, which is empty if none is known.
    pub fn of(frame: &[u8], explanation: &Explanation, config: &Config, interface: &str) -> Self {
        let headers = Headers::read(frame);
        let network = headers.as_ref().and_then(|headers| headers.network.as_ref());
        let packet = headers.as_ref().and_then(|headers| headers.packet(frame, interface));
        let ip = network.and_then(|network| network.parsed.as_ref().ok());
        let essential = ip.and_then(|ip| essential(frame, ip, config.icmp_errors));
        let is_settled = matches!(essential, Some((Answer::Settled(_), _)));
        let reply = packet.as_ref().filter(|_| !is_settled && config.replies.is_some());
        let by_rules = matches!(explanation.reason, Reason::Rule | Reason::Default | Reason::LateDenial);
        Self {
            link: headers
                .as_ref()
                .map(|Headers { ethertype, vlans, .. }| Link { ethertype: *ethertype, vlans: vlans.clone() }),
            ip: network.map(ip_header),
            transport: packet.as_ref().and_then(transport_header),
            malformed: malformed(headers.as_ref(), essential.and_then(|(_, malformed)| malformed)),
            fragment_table: fragment_table(explanation),
            essential: essential.map(|(answer, _)| answer),
            reply: reply.map(|_| match explanation.reason {
                reason @ (Reason::Reply | Reason::Related) => Answer::Settled(reason),
                _ => Answer::No,
            }),
            rules: packet
                .filter(|_| by_rules)
                .map(|packet| matched(&config.rules, explanation.rule, &packet)),
        }
    }
}

fn ip_header(network: &Network) -> IpHeader {
    let Network { source, destination, extensions, parsed } = network;
    IpHeader {
        version: if source.is_ipv4() { 4 } else { 6 },
        source: *source,
        destination: *destination,
        extensions: extensions.clone(),
        protocol: parsed.as_ref().ok().map(|ip| Protocol(ip.protocol).to_string()),
    }
}

fn transport_header(packet: &Packet) -> Option<TransportHeader> {
    let none = TransportHeader { source_port: None, destination_port: None, tcp_flags: None, icmp: None };
    match packet.transport {
        Transport::Ports { source, destination, flags } => Some(TransportHeader {
            source_port: Some(source),
            destination_port: Some(destination),
            tcp_flags: flags.map(tcp_flags::list),
            ..none
        }),
        Transport::Icmp { kind, code } => {
            let name = near::message(packet, kind, code);
            Some(TransportHeader { icmp: Some(IcmpMessage { name, kind, code }), ..none })
        }
        Transport::Other => None,
    }
}

/// What the stage of essential ICMP says of a packet, and why it's malformed if it only looks essential; `None` if that stage
/// isn't asked.
fn essential(frame: &[u8], ip: &Ip, errors: bool) -> Option<(Answer, Option<Reason>)> {
    if ip.fragment.is_trailing() || !ip.transport.is_icmp() {
        return None;
    }
    let (kind, code) = (ip.transport.icmp_type(), ip.transport.icmp_code());
    Some(match essential::judge(frame, ip, kind, code, errors) {
        Some(Ok(reason)) => (Answer::Settled(reason), None),
        Some(Err(reason)) => (Answer::Settled(reason), Some(reason)),
        None => (Answer::No, None),
    })
}

/// Why a packet is malformed, if it is.
fn malformed(headers: Option<&Headers>, by_message: Option<Reason>) -> Option<&'static str> {
    let by_headers = match headers {
        None => Some(Reason::Truncated),
        Some(Headers { network: Some(Network { parsed, .. }), .. }) => parsed.as_ref().err().copied(),
        // A header that says it's there, and of which not even the addresses are.
        Some(headers) => headers.family().map(|_| Reason::Truncated),
    };
    by_headers.or(by_message).map(Reason::name)
}

fn fragment_table(explanation: &Explanation) -> Option<FragmentTable> {
    match (explanation.class, explanation.reason) {
        (Class::First | Class::Trailing, Reason::FragmentBudget) => Some(FragmentTable::Refused),
        (Class::First, Reason::LateDenial) => Some(FragmentTable::LateDenial),
        (Class::First, Reason::FragmentNeighbourDiscovery | Reason::Truncated) => None,
        (Class::First, _) => Some(FragmentTable::Remembered),
        (Class::Trailing, Reason::Inherited) => Some(FragmentTable::Inherited),
        (Class::Trailing, Reason::Early) => Some(FragmentTable::Early),
        (Class::Trailing, Reason::FragmentOverlap) => Some(FragmentTable::Overlap),
        _ => None,
    }
}

/// What the rules made of a packet that rule number `rule` decided on, or the default.
fn matched(rules: &[Rule], rule: Option<usize>, packet: &Packet) -> Matched {
    let before = rule.and_then(|number| rules.get(..number - 1)).unwrap_or(rules);
    let matching = (1..).zip(before).filter(|(_, rule)| rule.matching.includes(packet));
    Matched {
        rule,
        over_limit: matching.map(|(number, _)| number).collect(),
        nearly: near::nearest(before, packet),
    }
}

#[cfg(test)]
mod tests {
    use firewall_common::{rules::Slot, verdict::Verdict};

    use super::*;
    use crate::ruleset::Names;

    /// A UDP datagram to port 4500 from 192.0.2.1 to 192.0.2.2.
    const UDP: &[u8] = &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1,
        192, 0, 2, 2, 0, 9, 0x11, 0x94, 0, 8, 0, 0,
    ];

    fn config(rules: &[&str]) -> Config {
        let rule = |text: &&str| Rule::parse(text, &Names::parse("", "")).unwrap();
        Config { rules: rules.iter().map(rule).collect(), ..Config::default() }
    }

    fn judged(verdict: Verdict, reason: Reason, class: Class, rule: Option<usize>) -> Explanation {
        Explanation { packet: 1, verdict, reason, rule, class, fragment: None, slot: Slot::NONE }
    }

    fn by_rule(number: usize) -> Explanation {
        judged(Verdict::Pass, Reason::Rule, Class::Whole, Some(number))
    }

    #[test]
    fn the_rules_before_the_one_that_decided_are_told() {
        let config = config(&["allow udp limit 1/h", "deny udp 500", "allow udp", "deny udp 501"]);
        let rules = Stages::of(UDP, &by_rule(3), &config, "").rules.unwrap();
        assert_eq!((rules.rule, &rules.over_limit[..]), (Some(3), &[1][..]));
        assert_eq!(rules.nearly.iter().map(|near| near.rule).collect::<Vec<_>>(), [2]);
        let default = judged(Verdict::Drop, Reason::Default, Class::Whole, None);
        let config = self::config(&["deny udp 500", "deny udp 501"]);
        let rules = Stages::of(UDP, &default, &config, "").rules.unwrap();
        assert_eq!((rules.rule, rules.nearly.len()), (None, 2));
    }

    #[test]
    fn what_was_settled_before_isnt_asked_further() {
        let reply = judged(Verdict::Pass, Reason::Reply, Class::Whole, None);
        let stages = Stages::of(UDP, &reply, &config(&[]), "");
        assert_eq!(stages.reply, Some(Answer::Settled(Reason::Reply)));
        assert_eq!((stages.essential, stages.rules), (None, None));
        let unasked = Config { replies: None, ..config(&["allow udp"]) };
        let stages = Stages::of(UDP, &by_rule(1), &unasked, "");
        assert_eq!(stages.reply, None);
        assert!(stages.rules.is_some());
    }

    #[test]
    fn of_malformed_packets_it_is_told_why() {
        let malformed = |frame: &[u8]| {
            let judged = judged(Verdict::Drop, Reason::Truncated, Class::Other, None);
            let stages = Stages::of(frame, &judged, &config(&["allow any"]), "");
            assert_eq!((stages.transport, stages.rules), (None, None));
            stages.malformed
        };
        for length in [0, 13, 14, 30, 33] {
            assert_eq!(malformed(&UDP[..length]), Some("truncated"), "{length}");
        }
        assert_eq!(malformed(&UDP[..UDP.len() - 1]), Some("ip-length"));
        assert_eq!(malformed(&[UDP, &[0; 18]].concat()[..14]), Some("truncated"));
    }
}
