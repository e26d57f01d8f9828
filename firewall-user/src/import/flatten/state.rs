//! Rules that ask what is known of connections. Fragwall knows of none but those that the host has opened.

use firewall_common::{packet::Family, rules::Action};

use super::{
    super::{
        netfilter::{Base, Netfilter, Rule, RuleLimit, States, Verdict},
        packets::Packets,
        ranges::Ranges,
        warning::Effect,
    },
    Walk, Way,
    instance::Instance,
    targets::Met,
};
use crate::ruleset::Protocol;

/// Flags of segments within a connection: ACK alone, with PSH, with FIN, with both, RST with and without ACK.
const WITHIN: [u8; 6] = [0x10, 0x18, 0x11, 0x19, 0x14, 0x04];
/// SYN alone.
const SYN: u8 = 0x02;
/// The lowest of the ports that hosts take for what they open.
const EPHEMERAL: u128 = 1024;

/// Whether packets of connections that are there are accepted anywhere.
pub(super) fn accepts_established(netfilter: &Netfilter, family: Family, bases: &[&Base]) -> bool {
    let (mut open, mut seen) = (bases.iter().map(|base| base.chain).collect::<Vec<_>>(), Vec::new());
    while let Some(chain) = open.pop() {
        if seen.contains(&chain) {
            continue;
        }
        seen.push(chain);
        for rule in &netfilter.chains[chain].rules {
            if let Verdict::Jump(to) | Verdict::Goto(to) = rule.verdict {
                open.push(to);
            }
            let hook = bases.last().map(|base| base.hook);
            let Some(instance) = hook.and_then(|hook| Instance::new(&rule.conditions, family, hook)) else {
                continue;
            };
            let asks = instance.states != States::all();
            if rule.verdict == Verdict::Accept && asks && instance.states.has(States::ESTABLISHED) {
                return true;
            }
        }
    }
    false
}

impl Walk<'_> {
    /// A rule about packets of which none is the first of a connection.
    pub(super) fn of_connection(&mut self, met: &Met<'_>) {
        let Met { rule, instance, packets } = met;
        let established = instance.states.has(States::ESTABLISHED.and(States::RELATED));
        match &rule.verdict {
            Verdict::Accept if established => self.replies(met),
            Verdict::Accept if instance.states.has(States::INVALID) => {
                let text = "left out: Fragwall knows no connections that a packet could be invalid in";
                self.say(rule.source, Some(Effect::Narrower), text, Some(packets));
            }
            Verdict::Drop | Verdict::Reject(_) | Verdict::Unknown(_) if established => {
                let text = "left out: Fragwall doesn't know which packets belong to a connection";
                self.say(rule.source, Some(Effect::Wider), text, Some(packets));
            }
            Verdict::Drop | Verdict::Reject(_) if instance.states.has(States::INVALID) => {
                let text = "what is malformed drops by itself; Fragwall knows no connections that a packet could be invalid in";
                self.say(rule.source, None, text, None);
            }
            Verdict::Jump(chain) | Verdict::Goto(chain) if established => {
                let effect = self.effect_of(*chain);
                let text = "not followed: Fragwall doesn't know which packets belong to a connection";
                self.say(rule.source, Some(effect), text, None);
            }
            _ => {
                self.say(rule.source, None, "no packet that comes to Fragwall's rules is one of these", None)
            }
        }
    }

    /// A rule that accepts what belongs to connections.
    fn replies(&mut self, met: &Met<'_>) {
        let Met { rule, packets, instance } = met;
        let is_service = !packets.ports.is_all()
            && packets.source_ports.is_all()
            && packets.ports.ranges().first().is_none_or(|&(first, _)| first < EPHEMERAL);
        if is_service {
            let text =
                "what a rule allows is allowed in each packet, those of connections that are there, too";
            return self.say(rule.source, None, text, None);
        }
        let denied: Vec<_> = self
            .items
            .iter()
            .filter_map(|item| match item {
                super::Item::Rule(rule) if rule.action != Action::Allow && rule.packets.flags.0 == 0 => {
                    Some(rule)
                }
                _ => None,
            })
            .map(|rule| rule.source)
            .collect();
        if !denied.is_empty() && self.replies.is_empty() {
            let text = "replies come before every rule here, also those to what this host sends to where rules above deny \
                        packets from";
            self.say(rule.source, Some(Effect::Wider), text, None);
        }
        self.replies.push((rule.source, packets.clone()));
        self.established |= instance.states.has(States::ESTABLISHED)
            && packets.protocols.contain(Protocol::TCP.0.into())
            && !packets.asks_for_transport();
    }

    /// Says so where replies are accepted that nothing accepted.
    pub(super) fn tell_of_replies(&mut self) {
        let all = Packets::all(self.family);
        let Some(&(last, _)) = self.replies.last() else { return };
        if !self.replies.iter().any(|(_, packets)| packets.cover(&all)) {
            let text = "replies = true accepts replies of every kind, not only those that are accepted here";
            self.say(last, Some(Effect::Wider), text, None);
        }
    }

    /// Sees to what a rule asks that holds of a connection's first packet alone, where others of that connection have been
    /// accepted before. Tells whether nothing is left to do.
    pub(super) fn is_within_connection(&mut self, met: &mut Met<'_>, way: &Way<'_>) -> bool {
        let is_new = self.established || !met.instance.states.has(States::ESTABLISHED);
        if !self.has_state {
            if !met.instance.states.has(States::ESTABLISHED) && met.rule.verdict == Verdict::Accept {
                let text = "only the first packet of a connection was accepted, since no rule accepts ESTABLISHED; here all are";
                self.say(met.rule.source, Some(Effect::Wider), text, None);
            }
            return false;
        }
        if !is_new {
            return false;
        }
        self.is_left_out_by_flags(met, way) || self.is_limited_within(met, way)
    }

    /// Flags of a first segment.
    fn is_left_out_by_flags(&mut self, met: &mut Met<'_>, way: &Way<'_>) -> bool {
        if !met.instance.asks_for_flags() {
            return false;
        }
        let (opens, within) = (met.instance.fit(SYN), WITHIN.iter().any(|&flags| met.instance.fit(flags)));
        match &met.rule.verdict {
            Verdict::Accept if opens => {
                met.instance.packets.flags = (0, 0);
                met.instance.without.retain(|without| without.flags.0 == 0);
                let Some(packets) = met.instance.packets.intersection(way.region) else { return true };
                met.packets = packets;
                let text = "allowed with whatever flags: what follows SYN has to get in, too, and Fragwall doesn't know which \
                            segments belong to a connection";
                self.say(met.rule.source, Some(Effect::Wider), text, Some(&met.packets));
                false
            }
            Verdict::Continue | Verdict::Accept => false,
            verdict if within => {
                let effect = match verdict {
                    Verdict::Jump(chain) | Verdict::Goto(chain) => self.effect_of(*chain),
                    Verdict::Return => Effect::Other,
                    _ => Effect::Wider,
                };
                let text = "left out: it would drop segments of connections that are there, which Fragwall can't tell from \
                            others; such segments open none";
                self.say(met.rule.source, Some(effect), text, Some(&met.packets));
                true
            }
            _ => false,
        }
    }

    /// A limit on first packets: of TCP it's one on SYN, and what follows gets in.
    fn is_limited_within(&mut self, met: &mut Met<'_>, way: &Way<'_>) -> bool {
        let Some(RuleLimit { over, .. }) = met.rule.limit else { return false };
        match met.rule.verdict {
            Verdict::Continue => return false,
            Verdict::Jump(chain) | Verdict::Goto(chain) if self.effect_of(chain) == Effect::Note => {
                return false;
            }
            _ => {}
        }
        let is_tcp = met.packets.protocols == Ranges::of_u8([Protocol::TCP.0]);
        if !is_tcp {
            let text = "the limit is one on each packet, not on the first ones of connections";
            self.say(met.rule.source, Some(Effect::Narrower), text, None);
            return false;
        }
        let with = |mask, set| Packets { flags: (mask, set), ..Packets::all(met.packets.family) };
        let first = with(0x17, SYN);
        let Some(limited) = met.packets.intersection(&first) else { return false };
        if !over
            && met.rule.verdict == Verdict::Accept
            && let Some(others) = met.packets.intersection(&with(SYN, 0))
        {
            let text = "the limit is one on SYN; other segments pass, since Fragwall doesn't know which belong to a \
                        connection";
            self.say(met.rule.source, Some(Effect::Wider), text, Some(&others));
            let rule = Rule { limit: None, ..met.rule.clone() };
            self.accept(&rule, &Way { region: &others, limit: None, ..*way });
        }
        met.packets = limited;
        false
    }
}
