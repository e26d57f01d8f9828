//! The rules for IPv4 and for IPv6 as one list.

use firewall_common::{packet::Family, rules::Action};

use super::{
    flatten::{Flat, Flattened, Item, Note},
    netfilter::Netfilter,
    packets::Packets,
    source::SourceId,
    warning::Effect,
};
use crate::ruleset::{Match, Rule};

/// What goes into the config, in order.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) default: Action,
    /// Who says so.
    pub(super) default_sources: Vec<SourceId>,
    pub(super) replies: Vec<SourceId>,
    pub(super) lines: Vec<Line>,
    /// What is said of the whole.
    pub(super) remarks: Vec<(Effect, String)>,
}

/// A line among the rules.
#[derive(Debug)]
pub(super) enum Line {
    Rule { sources: Vec<SourceId>, rule: Rule },
    Note(Note),
}

/// Merges the rules for each IP version that there are some for.
pub(super) fn merge(lists: &[Flattened]) -> Merged {
    let mut merged = Merged {
        default: Action::Deny,
        default_sources: Vec::new(),
        replies: lists.iter().flat_map(|list| list.replies.iter().copied()).collect(),
        lines: Vec::new(),
        remarks: Vec::new(),
    };
    merged.replies.sort_unstable();
    merged.replies.dedup();
    match lists {
        [one] => {
            merged.lines = one.items.iter().map(|item| line(item, None)).collect();
            merged.default_of_one(one);
        }
        [one, other] => {
            merged.lines = lines(&one.items, &other.items);
            merged.default_of_both(one, other);
            merged.replies_of_both(one, other);
        }
        _ => {}
    }
    merged
}

impl Merged {
    fn default_of_one(&mut self, list: &Flattened) {
        if let Some((action, source)) = list.default {
            self.default = action;
            self.default_sources.extend(source);
        }
        let (mine, other) = match list.family {
            Family::V4 => (Family::V4, Family::V6),
            Family::V6 => (Family::V6, Family::V4),
        };
        let does = if self.default == Action::Allow { "accepts" } else { "drops" };
        let effect = if self.default == Action::Allow { Effect::Wider } else { Effect::Narrower };
        self.remarks.push((
            effect,
            format!(
                "all rules are {}'s, and the default {does} every packet of {}: import both together",
                mine.name(),
                other.name()
            ),
        ));
    }

    fn default_of_both(&mut self, one: &Flattened, other: &Flattened) {
        let defaults = [one, other].map(|list| list.default.map(|(action, _)| action));
        let given: Vec<Action> = defaults.into_iter().flatten().collect();
        let same = given.windows(2).all(|pair| pair[0] == pair[1]);
        if let (Some(&action), true) = (given.first(), same) {
            self.default = action;
        }
        for list in [one, other] {
            let Some((action, source)) = list.default else { continue };
            if action == self.default {
                self.default_sources.extend(source);
                continue;
            }
            // One version's policy is a rule at the end.
            for said in Packets::all(list.family).matches() {
                let rule = Rule::new(action, said.of_family);
                let sources = source.into_iter().collect();
                self.lines.push(Line::Rule { sources, rule });
            }
        }
        self.default_sources.sort_unstable();
        self.default_sources.dedup();
    }

    fn replies_of_both(&mut self, one: &Flattened, other: &Flattened) {
        if one.replies.is_empty() == other.replies.is_empty() {
            return;
        }
        let without = if one.replies.is_empty() { one } else { other };
        self.remarks.push((
            Effect::Wider,
            format!(
                "replies = true is about both IP versions, and no rule of {} accepts ESTABLISHED",
                without.family.name()
            ),
        ));
    }
}

/// The most pairs of items that are compared with each other.
const PAIRS: usize = 1 << 24;

/// Both lists in one, with what they have in common once, so that each keeps its order.
fn lines(one: &[Item], other: &[Item]) -> Vec<Line> {
    let same = |pair: &(&Item, &Item)| is_same(pair.0, pair.1);
    let beginning = one.iter().zip(other).take_while(same).count();
    let (one_rest, other_rest) = (&one[beginning..], &other[beginning..]);
    let end = one_rest.iter().rev().zip(other_rest.iter().rev()).take_while(same).count();
    let (middle, other_middle) = (&one_rest[..one_rest.len() - end], &other_rest[..other_rest.len() - end]);
    let both = |(one, other): (&Item, &Item)| line(one, Some(other));
    let mut lines: Vec<Line> = one.iter().zip(other).take(beginning).map(both).collect();
    if middle.len().saturating_mul(other_middle.len()) <= PAIRS {
        lines.extend(aligned(middle, other_middle));
    } else {
        lines.extend(middle.iter().chain(other_middle).map(|item| line(item, None)));
    }
    let ends = (&one_rest[middle.len()..], &other_rest[other_middle.len()..]);
    lines.extend(ends.0.iter().zip(ends.1).map(both));
    lines
}

/// The same by their longest common subsequence.
fn aligned(one: &[Item], other: &[Item]) -> Vec<Line> {
    let width = other.len() + 1;
    let mut lengths = vec![0_u32; (one.len() + 1) * width];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            lengths[i * width + j] = if is_same(&one[i], &other[j]) {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::with_capacity(one.len().max(other.len()));
    while i < one.len() && j < other.len() {
        if is_same(&one[i], &other[j]) {
            lines.push(line(&one[i], Some(&other[j])));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            lines.push(line(&one[i], None));
            i += 1;
        } else {
            lines.push(line(&other[j], None));
            j += 1;
        }
    }
    lines.extend(one[i..].iter().chain(&other[j..]).map(|item| line(item, None)));
    lines
}

/// Whether two items of different IP versions say the same.
fn is_same(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Rule(one), Item::Rule(other)) => {
            let is_one_limit = one.limit.is_none_or(|limit| limit.per_source) || one.limiter == other.limiter;
            one.said.of_both.is_some()
                && one.said.of_both == other.said.of_both
                && (one.action, one.answer, one.log, one.limit)
                    == (other.action, other.answer, other.log, other.limit)
                && one.comment == other.comment
                && is_one_limit
        }
        (Item::Note(one), Item::Note(other)) => {
            (one.source, one.effect, &one.text) == (other.source, other.effect, &other.text)
        }
        _ => false,
    }
}

fn line(item: &Item, other: Option<&Item>) -> Line {
    match (item, other) {
        (Item::Rule(one), Some(Item::Rule(other))) => {
            let mut sources = vec![one.source, other.source];
            sources.dedup();
            rule(one, sources, one.said.of_both.as_ref())
        }
        (Item::Rule(one), _) => rule(one, vec![one.source], None),
        (Item::Note(one), Some(Item::Note(other))) => {
            let about = one.about.iter().chain(&other.about).cloned().collect();
            Line::Note(Note { about, ..one.clone() })
        }
        (Item::Note(one), _) => Line::Note(one.clone()),
    }
}

fn rule(flat: &Flat, sources: Vec<SourceId>, both: Option<&Match>) -> Line {
    let matching = both.unwrap_or(&flat.said.of_family).clone();
    let Flat { action, answer, log, limit, comment, .. } = flat;
    let mut rule = Rule::new(*action, matching);
    (rule.answer, rule.log, rule.limit, rule.comment) = (*answer, *log, *limit, comment.clone());
    Line::Rule { sources, rule }
}

/// The rules that no packet comes to: those of which nothing has been said.
pub(super) fn unreached(netfilter: &Netfilter, merged: &Merged) -> Vec<SourceId> {
    let mut said: Vec<SourceId> =
        netfilter.aside.iter().flat_map(|aside| aside.sources.iter().copied()).collect();
    said.extend(merged.replies.iter().chain(&merged.default_sources));
    for line in &merged.lines {
        match line {
            Line::Rule { sources, .. } => said.extend(sources),
            Line::Note(note) => said.push(note.source),
        }
    }
    said.sort_unstable();
    let rules = netfilter.chains.iter().flat_map(|chain| &chain.rules).map(|rule| rule.source);
    let mut unreached: Vec<SourceId> = rules.filter(|source| said.binary_search(source).is_err()).collect();
    unreached.sort_unstable();
    unreached.dedup();
    unreached
}
