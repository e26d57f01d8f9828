//! Chains as one list of rules, of which the first that matches decides.
//!
//! A chain that is jumped to becomes its rules, each with what the jump asks for. A packet that returns from the middle of a chain, and
//! one that a rule excludes where no rule of Fragwall can say so, goes on elsewhere: what would be tried on it there is put
//! before what it passes over, for these packets alone, and decides on each of them. So the list decides as the chains do, however
//! they are nested.
//!
//! Fragwall's rules know no connections: they see each packet as the first of one, and replies come in without them.

mod instance;
mod items;
mod state;
mod targets;

use std::collections::BTreeMap;

use firewall_common::{
    answer::Answer,
    packet::Family,
    rules::{Action, MAX_RULES},
};

pub(super) use self::items::{Flat, Flattened, Item, Note};
use super::{
    error::ImportError,
    netfilter::{Base, ChainId, Hook, Netfilter, Verdict},
    packets::Packets,
    source::SourceId,
    warning::Effect,
};
use crate::ruleset::Limit;

/// How deep chains may call each other, and packets go different ways.
const DEPTH: usize = 48;
/// How many rules are looked at, before it's too many.
const STEPS: usize = 100_000;

/// The rules for the packets of an IP version; `None` if nothing filters them.
///
/// # Errors
/// Too many rules would come of it.
pub(super) fn flatten(netfilter: &Netfilter, family: Family) -> Result<Option<Flattened>, ImportError> {
    let mut bases: Vec<&Base> =
        netfilter.bases.iter().filter(|base| base.families.contains(&family)).collect();
    bases.sort_by_key(|base| (base.hook, base.priority));
    if bases.is_empty() {
        return Ok(None);
    }
    // Should it be too much, packets that return are told from others no longer.
    for returns in [true, false] {
        let mut walk = Walk::new(netfilter, family, bases.clone(), returns);
        let whole = Packets::all(family);
        walk.base(0, &Way { region: &whole, up: None, base: 0, limit: None, depth: 0 });
        if !walk.is_too_much {
            return Ok(Some(walk.end()));
        }
    }
    Err(ImportError::TooMany)
}

/// Whether packets go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    /// Some may, to the next rule.
    On,
    /// None to the next rule: they have left the chain.
    Left,
    /// None: something has decided on each.
    Decided,
}

/// Which packets are on the way, and where they go on.
#[derive(Clone, Copy)]
struct Way<'w> {
    region: &'w Packets,
    /// Where they go on behind the chain; nowhere behind a base chain.
    up: Option<&'w Next<'w>>,
    /// The base chain that they are in.
    base: usize,
    /// How many of them are meant, and who says so.
    limit: Option<(Limit, SourceId)>,
    depth: usize,
}

/// A place in a chain.
struct Next<'w> {
    chain: ChainId,
    rule: usize,
    up: Option<&'w Next<'w>>,
}

/// What is found on the way.
struct Walk<'n> {
    netfilter: &'n Netfilter,
    family: Family,
    bases: Vec<&'n Base>,
    /// Whether packets that return from the middle of a chain are followed.
    returns: bool,
    items: Vec<Item>,
    rules: usize,
    steps: usize,
    is_too_much: bool,
    default: Option<(Action, Option<SourceId>)>,
    /// Whether any rule accepts packets of connections that are there.
    has_state: bool,
    /// Whether one before has.
    established: bool,
    /// What accepts replies, and which.
    replies: Vec<(SourceId, Packets)>,
    /// Which item says what of a source.
    said: BTreeMap<(SourceId, String), usize>,
    /// Packets that may have left a chain that is being gone through, so that nothing is known of what it accepts of them;
    /// and who says so.
    held_back: Vec<(Packets, SourceId)>,
    accepts_fragments: bool,
}

impl<'n> Walk<'n> {
    fn new(netfilter: &'n Netfilter, family: Family, bases: Vec<&'n Base>, returns: bool) -> Self {
        let has_state = state::accepts_established(netfilter, family, &bases);
        Self {
            netfilter,
            family,
            bases,
            returns,
            items: Vec::new(),
            rules: 0,
            steps: 0,
            is_too_much: false,
            default: None,
            has_state,
            established: false,
            replies: Vec::new(),
            said: BTreeMap::new(),
            held_back: Vec::new(),
            accepts_fragments: false,
        }
    }

    fn end(mut self) -> Flattened {
        self.tell_of_limits();
        self.tell_of_replies();
        let Self { family, items, default, replies, accepts_fragments, .. } = self;
        let mut replies: Vec<SourceId> = replies.into_iter().map(|(source, _)| source).collect();
        replies.sort_unstable();
        replies.dedup();
        Flattened { family, items, default, accepts_fragments, replies }
    }

    /// Has packets go through a base chain and those behind it. Each is decided on.
    fn base(&mut self, number: usize, way: &Way<'_>) {
        let Some(&base) = self.bases.get(number) else {
            return self.accepted(way, None);
        };
        let inside = match &base.device {
            None => Some(way.region.clone()),
            Some(names) => {
                let there =
                    Packets { on: super::packets::On::is(names.iter().cloned()), ..way.region.clone() };
                way.region.intersection(&there)
            }
        };
        let Some(inside) = inside else { return self.base(number + 1, way) };
        let is_part = inside != *way.region;
        let inner = Way { region: &inside, up: None, base: number, depth: way.depth + 1, ..*way };
        if self.chain(base.chain, 0, &inner) != Flow::Decided {
            self.policy(base, &inner);
        }
        if is_part {
            self.base(number + 1, way);
        }
    }

    /// Has the policy of a base chain decide.
    fn policy(&mut self, base: &Base, way: &Way<'_>) {
        if base.accepts {
            self.base(way.base + 1, way);
        } else {
            self.last(way, Action::Deny, base.policy);
        }
    }

    /// Packets that came through all base chains.
    fn accepted(&mut self, way: &Way<'_>, source: Option<SourceId>) {
        let policy = self.bases.last().and_then(|base| base.policy);
        self.last(way, Action::Allow, source.or(policy));
    }

    /// Nothing else decides on these.
    fn last(&mut self, way: &Way<'_>, action: Action, source: Option<SourceId>) {
        if way.limit.is_none() && *way.region == Packets::all(self.family) {
            self.default = Some((action, source));
            return;
        }
        let chain = self.bases.get(way.base).map(|base| &self.netfilter.chains[base.chain]);
        let rule = chain.and_then(|chain| chain.rules.first().map(|rule| rule.source).or(chain.source));
        if let Some(source) = source.or(rule) {
            let hook = self.bases.get(way.base).map_or(Hook::Input, |base| base.hook);
            let (answer, limit) = (Answer::default(), way.limit);
            let rule = Emitted { source, action, answer, hook, limit, log: false, comment: None };
            self.emit(rule, way.region);
        }
    }

    /// Has packets go through a chain, from one of its rules on.
    fn chain(&mut self, chain: ChainId, from: usize, way: &Way<'_>) -> Flow {
        let netfilter = self.netfilter;
        let rules = &netfilter.chains[chain].rules;
        let held_back = self.held_back.len();
        self.is_too_much |= way.depth > DEPTH;
        let mut flow = Flow::On;
        for (n, rule) in rules.iter().enumerate().skip(from) {
            self.steps += 1;
            self.is_too_much |= self.steps > STEPS || self.rules > MAX_RULES;
            if self.is_too_much {
                return Flow::Decided;
            }
            if rule.verdict == Verdict::Return && self.all_return(&rules[n..], way) {
                flow = Flow::Left;
                break;
            }
            let next = Next { chain, rule: n + 1, up: way.up };
            flow = self.rule(rule, way, &next);
            if flow != Flow::On {
                break;
            }
        }
        self.held_back.truncate(held_back);
        flow
    }

    /// Has packets go on from a place until something has decided on each.
    fn go_on(&mut self, from: Option<&Next<'_>>, way: &Way<'_>) {
        let mut from = from;
        let established = self.established;
        while let Some(next) = from {
            let inner = Way { up: next.up, depth: way.depth + 1, ..*way };
            if self.chain(next.chain, next.rule, &inner) == Flow::Decided {
                self.established = established;
                return;
            }
            from = next.up;
        }
        if let Some(&base) = self.bases.get(way.base) {
            self.policy(base, &Way { up: None, depth: way.depth + 1, ..*way });
        }
        self.established = established;
    }

    /// Adds what rules say of some packets.
    fn emit(&mut self, rule: Emitted<'_>, packets: &Packets) {
        let Emitted { source, action, answer, hook, limit, log, comment } = rule;
        let (limit, limiter) = limit.unzip();
        let mut matches = packets.matches();
        if let (1, Some(Item::Rule(last))) = (matches.len(), self.items.last_mut()) {
            let is_alike = (last.source, last.action, last.answer, last.log, last.limit)
                == (source, action, answer, log, limit);
            if is_alike && let Some(both) = last.packets.joined(packets) {
                let mut joined = both.matches();
                if let (1, Some(said)) = (joined.len(), joined.pop()) {
                    (last.packets, last.said) = (both, said);
                    return;
                }
            }
        }
        for said in matches.drain(..) {
            let (packets, comment) = (packets.clone(), comment.map(str::to_owned));
            self.items.push(Item::Rule(Box::new(Flat {
                source,
                action,
                answer,
                hook,
                packets,
                said,
                log,
                limit,
                limiter,
                comment,
            })));
            self.rules += 1;
        }
    }

    /// Says something of a source, once.
    fn say(&mut self, source: SourceId, effect: Option<Effect>, text: &str, about: Option<&Packets>) {
        let about =
            about.into_iter().flat_map(|packets| packets.said().0.matches()).map(|said| said.of_family);
        let place = *self.said.entry((source, text.to_owned())).or_insert(self.items.len());
        match self.items.get_mut(place) {
            Some(Item::Note(note)) => {
                for matching in about {
                    if !note.about.contains(&matching) {
                        note.about.push(matching);
                    }
                }
            }
            _ => {
                let note = Note { source, effect, text: text.to_owned(), about: about.collect() };
                self.items.push(Item::Note(note));
            }
        }
    }

    /// Says of which limits there are several now.
    fn tell_of_limits(&mut self) {
        let mut counts: BTreeMap<SourceId, usize> = BTreeMap::new();
        for item in &self.items {
            if let Item::Rule(rule) = item
                && let (Action::Allow, Some(limiter)) = (rule.action, rule.limiter)
            {
                *counts.entry(limiter).or_default() += 1;
            }
        }
        for (source, count) in counts.into_iter().filter(|&(_, count)| count > 1) {
            let text = format!(
                "its limit is counted for each of {count} rules here, so that together they let more through"
            );
            self.say(source, Some(Effect::Wider), &text, None);
        }
    }
}

/// What a rule says beside the packets that it's about.
#[derive(Clone, Copy)]
struct Emitted<'e> {
    source: SourceId,
    action: Action,
    answer: Answer,
    hook: Hook,
    limit: Option<(Limit, SourceId)>,
    log: bool,
    comment: Option<&'e str>,
}
