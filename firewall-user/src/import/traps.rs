//! What rulesets that don't track connections do with fragments.

use firewall_common::{packet::Family, rules::Action};

use super::{
    flatten::{Flat, Flattened},
    netfilter::Hook,
    packets::Packets,
    ranges::Ranges,
    source::{Place, SourceId, Sources},
};

/// Protocols whose datagrams are fragmented: UDP, DCCP, SCTP, UDP-Lite.
const FRAGMENTED: [u8; 4] = [17, 33, 132, 136];
/// UDP.
const UDP: u8 = 17;
/// The ports of IKE.
const IKE: [u128; 2] = [500, 4500];

/// Datagrams that rules allow in, and whose trailing fragments they don't.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FragmentTrap {
    /// The IP version.
    pub family: Family,
    /// Who denies the fragments; `None` if it's a default that nobody names.
    pub place: Option<Place>,
    /// What those rules do, in one line.
    pub text: String,
}

/// A trap as it's found.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Trap {
    /// Who denies the fragments; `None` if it's a default that nobody names.
    pub(super) by: Option<SourceId>,
    /// Whether they are answered.
    rejects: bool,
    /// Who allows the datagrams.
    allowed: Vec<SourceId>,
    is_ike: bool,
}

/// The traps in the rules of an IP version. There are none where connections are tracked, since fragments are put together there
/// before they come to any rule.
pub(super) fn find(list: &Flattened, tracks: bool) -> Vec<Trap> {
    let mut traps: Vec<Trap> = Vec::new();
    if tracks || list.accepts_fragments {
        return traps;
    }
    for (place, rule) in list.rules().enumerate() {
        let names_ports = rule.action == Action::Allow && !rule.packets.ports.is_all();
        let is_of = |protocol: &u8| names_ports && rule.packets.protocols.contain((*protocol).into());
        for protocol in FRAGMENTED.into_iter().filter(is_of) {
            let Some((by, rejects)) = denies(list, place, &trailing(&rule.packets, protocol), protocol)
            else {
                continue;
            };
            let is_ike = protocol == UDP && IKE.iter().any(|&port| rule.packets.ports.contain(port));
            match traps.iter_mut().find(|trap| trap.by == by) {
                Some(trap) => {
                    trap.allowed.push(rule.source);
                    trap.is_ike |= is_ike;
                }
                None => traps.push(Trap { by, rejects, allowed: vec![rule.source], is_ike }),
            }
        }
    }
    traps
}

/// The trailing fragments of some datagrams.
fn trailing(packets: &Packets, protocol: u8) -> Packets {
    let any = Packets::all(packets.family);
    let Packets { ports, source_ports, messages, .. } = any;
    let protocols = Ranges::of_u8([protocol]);
    Packets { protocols, ports, source_ports, messages, flags: (0, 0), ..packets.clone() }
}

/// Who denies trailing fragments of what a rule at some place allows, and whether they are answered.
fn denies(
    list: &Flattened,
    place: usize,
    fragments: &Packets,
    protocol: u8,
) -> Option<(Option<SourceId>, bool)> {
    // IPv4's for the host itself are put together before INPUT.
    let sees = |hook| list.family == Family::V6 || hook < Hook::Input;
    let decides = |(n, rule): &(usize, &Flat)| {
        let packets = &rule.packets;
        // What a rule before denies in part, it denies first fragments and all.
        let is_meant = if *n < place { packets.cover(fragments) } else { packets.meet(fragments) };
        sees(rule.hook) && packets.has_trailing(protocol) && is_meant
    };
    match list.rules().enumerate().find(decides) {
        Some((_, rule)) => {
            (rule.action != Action::Allow).then_some((Some(rule.source), rule.action == Action::Reject))
        }
        None => match list.default {
            Some((Action::Deny | Action::Reject, source)) if sees(Hook::Input) => Some((source, false)),
            _ => None,
        },
    }
}

impl Trap {
    /// The same, with names in place of numbers.
    pub(super) fn told(&self, family: Family, sources: &Sources) -> FragmentTrap {
        let place = self.by.map(|by| sources.at(by).place.clone());
        FragmentTrap { family, place, text: self.text(sources) }
    }

    fn text(&self, sources: &Sources) -> String {
        let does = if self.rejects { "rejects" } else { "drops" };
        let by = self.by.map(|by| format!(": {}", sources.at(by).place.within())).unwrap_or_default();
        let what = if self.is_ike {
            "the second fragment of every large IKE_AUTH"
        } else {
            "every fragment but the first of the datagrams that it allows"
        };
        format!(
            "this ruleset {does} {what}{by} (it has no ports, so what allows its datagram doesn't match it: {})",
            sources.list(&self.allowed)
        )
    }
}
