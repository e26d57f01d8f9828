//! What comes of flattened chains: rules, and what is said between them.

use firewall_common::{answer::Answer, packet::Family, rules::Action};

use super::super::{
    netfilter::Hook,
    packets::{Packets, Said},
    source::SourceId,
    warning::Effect,
};
use crate::ruleset::{Limit, Match};

/// A line of the config, in order.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Item {
    Rule(Box<Flat>),
    Note(Note),
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Flat {
    pub(in super::super) source: SourceId,
    pub(in super::super) action: Action,
    pub(in super::super) answer: Answer,
    /// Where packets meet it.
    pub(in super::super) hook: Hook,
    pub(in super::super) packets: Packets,
    pub(in super::super) said: Said,
    pub(in super::super) log: bool,
    pub(in super::super) limit: Option<Limit>,
    /// Who limits it.
    pub(in super::super) limiter: Option<SourceId>,
    pub(in super::super) comment: Option<String>,
}

/// What is said of a source.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Note {
    pub(in super::super) source: SourceId,
    /// What comes of it, if it's a warning.
    pub(in super::super) effect: Option<Effect>,
    /// Nothing where the source is only shown.
    pub(in super::super) text: String,
    /// The packets that may be judged otherwise.
    pub(in super::super) about: Vec<Match>,
}

/// The rules for one IP version.
#[derive(Debug)]
pub(in super::super) struct Flattened {
    pub(in super::super) family: Family,
    pub(in super::super) items: Vec<Item>,
    /// What becomes of packets that no rule matches, and who says so; `None` if there are none.
    pub(in super::super) default: Option<(Action, Option<SourceId>)>,
    /// Whether something accepts fragments, whatever they are of.
    pub(in super::super) accepts_fragments: bool,
    /// What accepts packets of connections that this host has opened.
    pub(in super::super) replies: Vec<SourceId>,
}

impl Flattened {
    pub(in super::super) fn rules(&self) -> impl Iterator<Item = &Flat> {
        self.items.iter().filter_map(|item| match item {
            Item::Rule(rule) => Some(&**rule),
            Item::Note(_) => None,
        })
    }
}
