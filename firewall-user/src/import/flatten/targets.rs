//! What a rule does with the packets that it matches.

use firewall_common::{answer::Answer, packet::Family, rules::Action};

use super::{
    super::{
        netfilter::{Fragments, Rule, RuleLimit, States, Verdict},
        packets::Packets,
        ranges::Ranges,
        warning::Effect,
    },
    Emitted, Flow, Next, Walk, Way,
    instance::Instance,
};
use crate::ruleset::Protocol;

/// A rule that some packets have come to.
pub(super) struct Met<'m> {
    pub(super) rule: &'m Rule,
    pub(super) instance: Instance,
    /// The packets that it matches.
    pub(super) packets: Packets,
}

/// Neighbour discovery: ICMPv6 types 133 to 137.
const NEIGHBOUR_DISCOVERY: (u16, u16) = (0x8500, 0x89ff);
/// ICMPv6 packet too big, every code.
const PACKET_TOO_BIG: (u16, u16) = (0x0200, 0x02ff);
/// ICMP destination unreachable, since fragmentation is needed.
const FRAGMENTATION_NEEDED: (u16, u16) = (0x0304, 0x0304);

/// What is said of rules about the host's own addresses.
const LOCAL: &str = "every address but multicast and 255.255.255.255 is taken for the host's own, those of what is to be forwarded and \
                     of broadcasts in a subnet, too";

impl Walk<'_> {
    /// Tries a rule on the packets that have come to it.
    pub(super) fn rule(&mut self, rule: &Rule, way: &Way<'_>, next: &Next<'_>) -> Flow {
        let hook = self.bases[way.base].hook;
        let Some(instance) = Instance::new(&rule.conditions, self.family, hook) else { return Flow::On };
        let Some(packets) = instance.packets.intersection(way.region) else {
            if !instance.packets.meet(&Packets::all(self.family)) {
                self.say(rule.source, None, "Fragwall isn't attached to lo, whose packets pass", None);
            }
            return Flow::On;
        };
        for effect in &rule.effects {
            let effect_of = if effect.contains("/64") { Effect::Narrower } else { Effect::Note };
            self.say(rule.source, Some(effect_of), effect, None);
        }
        let mut met = Met { rule, instance, packets };
        if !met.instance.states.has(States::NEW) {
            self.of_connection(&met);
            return Flow::On;
        }
        if let Some(kind) = met.instance.fragments {
            self.of_fragments(&met, kind);
            return Flow::On;
        }
        if self.passes_by_itself(&met) {
            return Flow::On;
        }
        if let Some(hops) = met.instance.hop_limit {
            met.instance.unknown.push(format!("hop limit {hops}"));
        }
        if met.instance.local {
            self.say(rule.source, Some(Effect::Note), LOCAL, None);
        }
        if way.limit.is_some() && rule.limit.is_some() {
            met.instance.unknown.push("a limit within a limit".to_owned());
        }
        if !met.instance.unknown.is_empty() {
            self.unknown(&met);
            return Flow::On;
        }
        if self.is_within_connection(&mut met, way) {
            return Flow::On;
        }
        self.matched(met, way, next)
    }

    /// Whether that is accepted which Fragwall passes whatever the rules say.
    fn passes_by_itself(&mut self, met: &Met<'_>) -> bool {
        let Met { rule, instance, packets } = met;
        if rule.verdict != Verdict::Accept || rule.limit.is_some() || !instance.unknown.is_empty() {
            return false;
        }
        let only = |protocol: Protocol, messages| {
            packets.protocols == Ranges::of_u8([protocol.0])
                && packets.messages.intersection(&Ranges::of_u16([messages])) == packets.messages
        };
        let too_big = match self.family {
            Family::V4 => only(Protocol::ICMP, FRAGMENTATION_NEEDED),
            Family::V6 => only(Protocol::ICMPV6, PACKET_TOO_BIG),
        };
        let discovery = self.family == Family::V6
            && instance.hop_limit == Some(u8::MAX)
            && only(Protocol::ICMPV6, NEIGHBOUR_DISCOVERY);
        let passes = discovery || too_big && instance.hop_limit.is_none();
        if passes {
            self.say(rule.source, None, "it passes by itself, whatever the rules say", None);
        }
        passes
    }

    /// A rule that is about fragments, of which none but the first ever comes to Fragwall's rules.
    fn of_fragments(&mut self, met: &Met<'_>, kind: Fragments) {
        let Met { rule, packets, .. } = met;
        let all =
            if kind == Fragments::Trailing { "trailing fragments" } else { "fragments, the first ones, too" };
        let (effect, text) = match &rule.verdict {
            Verdict::Accept => (
                Effect::Narrower,
                format!(
                    "accepts all {all}, of whatever datagram; left out: here each has its first one's verdict"
                ),
            ),
            verdict if verdict.denies() => {
                (Effect::Wider, format!("drops all {all}; left out: here those of an allowed datagram pass"))
            }
            Verdict::Continue => return,
            _ => (
                Effect::Other,
                format!("is about {all} alone; left out: here each has its first one's verdict"),
            ),
        };
        self.accepts_fragments |= rule.verdict == Verdict::Accept;
        let about = if kind == Fragments::All { Some(packets) } else { None };
        self.say(rule.source, Some(effect), &text, about);
    }

    /// A rule that asks what Fragwall doesn't.
    fn unknown(&mut self, met: &Met<'_>) {
        let Met { rule, instance, packets } = met;
        let asked = instance.unknown.join(", ");
        let (effect, what) = match &rule.verdict {
            Verdict::Continue => {
                if rule.log {
                    self.say(rule.source, Some(Effect::Note), "logging isn't carried over", None);
                } else {
                    self.say(rule.source, None, "it decides on nothing", None);
                }
                return;
            }
            Verdict::Accept => (Effect::Narrower, "left out".to_owned()),
            Verdict::Drop | Verdict::Reject(_) | Verdict::Unknown(_) => {
                (Effect::Wider, "left out, so that what it drops comes to the next rules".to_owned())
            }
            Verdict::Return => {
                self.held_back.push((packets.clone(), rule.source));
                (Effect::Narrower, "what the rest of the chain accepts of that is left out".to_owned())
            }
            Verdict::Jump(chain) | Verdict::Goto(chain) => {
                if matches!(rule.verdict, Verdict::Goto(_)) {
                    self.held_back.push((packets.clone(), rule.source));
                }
                let name = &self.netfilter.chains[*chain].name;
                (self.effect_of(*chain), format!("{name} isn't carried over from here"))
            }
        };
        self.say(rule.source, Some(effect), &format!("no rule can ask for {asked}: {what}"), Some(packets));
    }

    /// What comes of leaving out a chain.
    pub(super) fn effect_of(&self, chain: usize) -> Effect {
        let (mut accepts, mut denies) = (false, false);
        let (mut open, mut seen) = (vec![chain], Vec::new());
        while let Some(id) = open.pop() {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            for rule in &self.netfilter.chains[id].rules {
                accepts |= rule.verdict == Verdict::Accept;
                denies |= rule.verdict.denies();
                if let Verdict::Jump(to) | Verdict::Goto(to) = rule.verdict {
                    open.push(to);
                }
            }
        }
        match (accepts, denies) {
            (true, true) => Effect::Other,
            (true, false) => Effect::Narrower,
            (false, true) => Effect::Wider,
            (false, false) => Effect::Note,
        }
    }

    /// Does with packets what the rule says, which can be said.
    fn matched(&mut self, met: Met<'_>, way: &Way<'_>, next: &Next<'_>) -> Flow {
        let Met { rule, instance, packets } = met;
        if rule.verdict == Verdict::Continue {
            self.goes_on(rule, next);
            return Flow::On;
        }
        if rule.verdict == Verdict::Return && !self.matters(next, &packets) {
            self.say(rule.source, None, "", None);
            return if packets == *way.region { Flow::Left } else { Flow::On };
        }
        let (said, mut excluded) = packets.said();
        excluded.extend(instance.without.iter().filter_map(|without| said.intersection(without)));
        for others in &excluded {
            self.go_on(Some(next), &Way { region: others, ..*way });
        }
        let limit = match rule.limit {
            Some(RuleLimit { limit, over: true }) => {
                self.go_on(Some(next), &Way { region: &said, limit: Some((limit, rule.source)), ..*way });
                way.limit
            }
            Some(RuleLimit { limit, over: false }) => Some((limit, rule.source)),
            None => way.limit,
        };
        let inner = Way { region: &said, limit, ..*way };
        let is_all = said == *way.region && limit == way.limit;
        let logged = Rule { log: rule.log || self.is_logged_before(next), ..rule.clone() };
        self.decide(&logged, &inner, next, is_all)
    }

    /// Does with all packets of the way what the rule says.
    fn decide(&mut self, rule: &Rule, way: &Way<'_>, next: &Next<'_>, is_all: bool) -> Flow {
        let decided = if is_all { Flow::Decided } else { Flow::On };
        let source = rule.source;
        match &rule.verdict {
            Verdict::Continue => {}
            Verdict::Accept => {
                let held = self.held_back.iter().find(|(packets, _)| packets.meet(way.region));
                if held.is_some() {
                    let text = "left out, since it isn't known which packets return from the chain before";
                    self.say(source, Some(Effect::Narrower), text, Some(way.region));
                    return Flow::On;
                }
                self.accept(rule, way);
                return decided;
            }
            Verdict::Drop => self.emit(self.emitted(rule, Action::Deny, Answer::default(), way), way.region),
            Verdict::Reject(answer) => {
                // Nothing but TCP has resets.
                let is_tcp = way.region.protocols == Ranges::of_u8([Protocol::TCP.0]);
                let answer = if is_tcp || *answer != Answer::TcpReset { *answer } else { Answer::default() };
                self.emit(self.emitted(rule, Action::Reject, answer, way), way.region);
            }
            Verdict::Unknown(text) => {
                let text =
                    format!("{text} decides elsewhere: left out, so that its packets come to the next rules");
                self.say(source, Some(Effect::Other), &text, Some(way.region));
                return Flow::On;
            }
            Verdict::Return if self.returns || is_all => {
                self.say(source, None, "", None);
                if is_all {
                    return Flow::Left;
                }
                self.go_on(next.up, way);
                return Flow::On;
            }
            Verdict::Return => {
                self.held_back.push((way.region.clone(), source));
                let text =
                    "what the rest of the chain accepts of that is left out: there would be too many rules";
                self.say(source, Some(Effect::Narrower), text, Some(way.region));
                return Flow::On;
            }
            &Verdict::Jump(chain) => {
                self.say(source, None, "", None);
                let inner = Way { up: Some(next), depth: way.depth + 1, ..*way };
                let flow = self.chain(chain, 0, &inner);
                return if flow == Flow::Decided { decided } else { Flow::On };
            }
            &Verdict::Goto(chain) => {
                self.say(source, None, "", None);
                let inner = Way { up: next.up, depth: way.depth + 1, ..*way };
                let flow = self.chain(chain, 0, &inner);
                return match (flow, is_all) {
                    (Flow::Decided, _) => decided,
                    (_, true) => Flow::Left,
                    (_, false) => {
                        self.go_on(next.up, way);
                        Flow::On
                    }
                };
            }
        }
        decided
    }

    fn emitted<'r>(&self, rule: &'r Rule, action: Action, answer: Answer, way: &Way<'_>) -> Emitted<'r> {
        let comment = rule.comment.as_deref();
        let hook = self.bases[way.base].hook;
        Emitted { source: rule.source, action, answer, hook, limit: way.limit, log: rule.log, comment }
    }

    /// Accepts packets: for good in the last base chain, and else they go on to the next.
    pub(super) fn accept(&mut self, rule: &Rule, way: &Way<'_>) {
        if way.base + 1 < self.bases.len() {
            self.say(rule.source, None, "", None);
            self.base(way.base + 1, &Way { up: None, depth: way.depth + 1, ..*way });
        } else {
            let emitted = self.emitted(rule, Action::Allow, Answer::default(), way);
            self.emit(emitted, way.region);
        }
    }

    /// A rule behind which the next one is tried.
    fn goes_on(&mut self, rule: &Rule, next: &Next<'_>) {
        let following = self.netfilter.chains[next.chain].rules.get(next.rule);
        if rule.log && following.is_some_and(|following| is_of_same(rule, following)) {
            self.say(rule.source, None, "the next rule logs", None);
        } else if rule.log {
            self.say(rule.source, Some(Effect::Note), "logging isn't carried over", None);
        } else {
            self.say(rule.source, None, "it decides on nothing", None);
        }
    }

    /// Whether some rules, one behind the other, return all packets of the way, each those to some destinations.
    pub(super) fn all_return(&mut self, rules: &[Rule], way: &Way<'_>) -> bool {
        let hook = self.bases[way.base].hook;
        let mut left = way.region.to.clone();
        let mut returning = Vec::new();
        for rule in rules.iter().take_while(|rule| rule.verdict == Verdict::Return && rule.limit.is_none()) {
            let Some(instance) = Instance::new(&rule.conditions, self.family, hook) else { return false };
            let Some(packets) = instance.packets.intersection(way.region) else { continue };
            let is_plain = instance.unknown.is_empty()
                && instance.without.is_empty()
                && instance.hop_limit.is_none()
                && instance.fragments.is_none()
                && instance.states.has(States::NEW);
            if !is_plain || (Packets { to: way.region.to.clone(), ..packets.clone() }) != *way.region {
                return false;
            }
            left = left.intersection(&packets.to.complement());
            returning.push((rule.source, instance.local));
            if left.is_empty() {
                for (source, local) in returning {
                    let text = if local { LOCAL } else { "" };
                    self.say(source, local.then_some(Effect::Note), text, None);
                }
                return true;
            }
        }
        false
    }

    /// Whether the rule before logs what this one decides on.
    fn is_logged_before(&self, next: &Next<'_>) -> bool {
        let rules = &self.netfilter.chains[next.chain].rules;
        match next.rule.checked_sub(2).map(|before| (&rules[before], &rules[next.rule - 1])) {
            Some((before, rule)) => before.log && is_of_same(before, rule),
            None => false,
        }
    }

    /// Whether the rest of a chain decides on some of those packets.
    fn matters(&self, next: &Next<'_>, packets: &Packets) -> bool {
        let hook = self.bases.first().map(|base| base.hook);
        let decides = |rule: &Rule| {
            rule.verdict != Verdict::Continue
                && rule.verdict != Verdict::Return
                && hook.is_some_and(|hook| {
                    Instance::new(&rule.conditions, self.family, hook)
                        .is_some_and(|instance| instance.packets.meet(packets))
                })
        };
        self.netfilter.chains[next.chain].rules[next.rule..].iter().any(decides)
    }
}

/// Whether a rule that only logs asks for what the next one asks for, which accepts or denies.
fn is_of_same(log: &Rule, rule: &Rule) -> bool {
    let decides = matches!(rule.verdict, Verdict::Accept | Verdict::Drop | Verdict::Reject(_));
    log.verdict == Verdict::Continue && decides && log.conditions == rule.conditions
}
