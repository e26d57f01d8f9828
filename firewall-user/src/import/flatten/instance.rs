//! What a rule asks of packets of one IP version.

use std::collections::BTreeSet;

use firewall_common::{packet::Family, rules::PROTOCOLS_WITH_PORTS};

use super::super::{
    netfilter::{Condition, Fragments, Hook, States, Test, addresses},
    packets::{On, Packets},
    ranges::Ranges,
};
use crate::ruleset::Protocol;

/// The packets of one IP version that a rule matches.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) packets: Packets,
    /// Packets among those that it doesn't match.
    pub(super) without: Vec<Packets>,
    /// What is asked, too, and can't be.
    pub(super) unknown: Vec<String>,
    /// The states of connections that are meant.
    pub(super) states: States,
    pub(super) hop_limit: Option<u8>,
    pub(super) fragments: Option<Fragments>,
    /// Whether the host's own addresses are asked for.
    pub(super) local: bool,
}

impl Instance {
    /// What the conditions ask; `None` if no packet of that IP version meets them.
    pub(super) fn new(conditions: &[Condition], family: Family, hook: Hook) -> Option<Self> {
        let mut instance = Self {
            packets: Packets::of_any_interface(family),
            without: Vec::new(),
            unknown: Vec::new(),
            states: States::all(),
            hop_limit: None,
            fragments: None,
            local: false,
        };
        for condition in conditions {
            instance.ask(condition, hook)?;
        }
        (!instance.states.is_empty()).then_some(instance)
    }

    fn ask(&mut self, Condition { test, not }: &Condition, hook: Hook) -> Option<()> {
        let (family, not) = (self.packets.family, *not);
        let all = || Packets::of_any_interface(family);
        let chosen = |set: &Ranges| if not { set.complement() } else { set.clone() };
        match test {
            Test::Family(named) => ((*named == family) != not).then_some(()),
            Test::Protocol(protocols) => self.keep(&Packets { protocols: chosen(protocols), ..all() }),
            Test::Ports(ports) => self.keep(&Packets { ports: chosen(ports), ..with_ports(family) }),
            Test::SourcePorts(ports) => {
                self.keep(&Packets { source_ports: chosen(ports), ..with_ports(family) })
            }
            Test::Messages(protocol, messages) => {
                let own = if *protocol == Protocol::ICMP { Family::V4 } else { Family::V6 };
                if own != family {
                    return None;
                }
                let protocols = Ranges::of_u8([protocol.0]);
                self.keep(&Packets { protocols, messages: chosen(messages), ..all() })
            }
            &Test::Flags { mask, set } => {
                let tcp = Packets { protocols: Ranges::of_u8([Protocol::TCP.0]), ..all() };
                let flags = Packets { flags: (mask, set), ..tcp.clone() };
                if not {
                    self.without.push(flags);
                    self.keep(&tcp)
                } else {
                    self.keep(&flags)
                }
            }
            Test::From(named, from) if *named == family => {
                self.keep(&Packets { from: chosen(from), ..all() })
            }
            Test::To(named, to) if *named == family => self.keep(&Packets { to: chosen(to), ..all() }),
            Test::From(..) | Test::To(..) => None,
            Test::Interface(names) => {
                let names: BTreeSet<String> = names.iter().cloned().collect();
                let on = if not { On::Not(names) } else { On::Is(names) };
                self.keep(&Packets { on, ..all() })
            }
            Test::State(states) => {
                let states = if not { states.others() } else { *states };
                self.states = self.states.both(states);
                Some(())
            }
            Test::HopLimit(hops) if !not => {
                self.hop_limit = Some(*hops);
                Some(())
            }
            Test::HopLimit(hops) => self.ask_in_vain(&format!("hop limit {hops}"), not),
            // The rules are tried on no trailing fragment, so that each packet is none.
            Test::Fragment(Fragments::Trailing) if not => Some(()),
            Test::Fragment(Fragments::All) if not => self.ask_in_vain("a fragment", not),
            Test::Fragment(kind) => {
                self.fragments = Some(*kind);
                Some(())
            }
            Test::Local if hook == Hook::Input => {
                self.local = true;
                let to = not_own(family);
                self.keep(&Packets { to: if not { to } else { to.complement() }, ..all() })
            }
            Test::Broadcast if hook == Hook::Input && !not => {
                self.local = true;
                let (_, everyone) = addresses("255.255.255.255")?;
                self.keep(&Packets { to: Ranges::of_addresses(family, vec![everyone]), ..all() })
            }
            Test::Broadcast => self.ask_in_vain("a broadcast address", not),
            Test::Local => self.ask_in_vain("an address of this host", not),
            Test::Unknown(text) => self.ask_in_vain(text, not),
        }
    }

    fn keep(&mut self, packets: &Packets) -> Option<()> {
        self.packets = self.packets.intersection(packets)?;
        Some(())
    }

    fn ask_in_vain(&mut self, text: &str, not: bool) -> Option<()> {
        self.unknown.push(if not { format!("! {text}") } else { text.to_owned() });
        Some(())
    }

    /// Whether the rule itself looks at flags of TCP.
    pub(super) fn asks_for_flags(&self) -> bool {
        self.packets.flags.0 != 0 || self.without.iter().any(|without| without.flags.0 != 0)
    }

    /// Whether a TCP segment with those flags may be meant.
    pub(super) fn fit(&self, flags: u8) -> bool {
        let fits = |(mask, set): (u8, u8)| flags & mask == set;
        fits(self.packets.flags)
            && !self.without.iter().any(|without| without.flags.0 != 0 && fits(without.flags))
    }
}

/// The packets of protocols that have ports.
fn with_ports(family: Family) -> Packets {
    Packets { protocols: Ranges::of_u8(PROTOCOLS_WITH_PORTS), ..Packets::of_any_interface(family) }
}

/// The destinations of packets for this host that are no addresses of its own, as far as that can be told without knowing it.
fn not_own(family: Family) -> Ranges {
    let others: &[&str] = match family {
        Family::V4 => &["224.0.0.0/4", "255.255.255.255"],
        Family::V6 => &["ff00::/8"],
    };
    let ranges = others.iter().filter_map(|text| addresses(text)).map(|(_, range)| range);
    Ranges::of_addresses(family, ranges.collect())
}
