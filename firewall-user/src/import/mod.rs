//! Rulesets of iptables and nftables, carried over into a config of Fragwall.
//!
//! `iptables` and `nft` read what those tools print into one form (`netfilter`); `flatten` makes one list of the
//! chains, for each IP version; `merge` joins the two, `traps` finds what happens to fragments there, and `print` writes
//! the config, with every line of the source above what has become of it.
//!
//! Nothing is carried over approximately without a word: what no rule of Fragwall can say is left out, and said so.

mod answer;
mod error;
mod flatten;
mod iptables;
mod merge;
mod netfilter;
mod nft;
mod packets;
mod print;
mod ranges;
mod rate;
mod source;
mod traps;
mod warning;

use std::sync::Arc;

use firewall_common::{
    packet::Family,
    rules::{Action, MAX_RULES},
};

pub use self::{
    error::ImportError,
    source::Place,
    traps::FragmentTrap,
    warning::{Effect, Warning},
};
use self::{
    flatten::Flattened,
    merge::{Line, Merged},
    netfilter::{Aside, Base, Netfilter},
    source::Sources,
};
use crate::ruleset::{Names, Rule, config};

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 16 << 20;

/// What is said of chains that translate addresses and ports of what comes in.
const TRANSLATED: &str = "rules are about addresses and ports as they come in, before they are translated";

/// A file to be imported.
#[derive(Clone, Debug)]
pub struct Input {
    /// What it's called in what is said of it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What wrote a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// iptables, whose rules are IPv4's if nothing tells.
    Iptables,
    /// ip6tables, whose rules are IPv6's if nothing tells.
    Ip6tables,
    /// nftables, its text or its JSON.
    Nft,
}

/// What has become of some rules.
#[derive(Debug)]
pub struct Import {
    /// The config file.
    pub config: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// What becomes of packets that none of them matches.
    pub default: Action,
    /// Whether replies to what the host sends are accepted.
    pub replies: bool,
    /// What isn't carried over as it is, and what there's to know of fragments.
    pub warnings: Vec<Warning>,
    /// What those rules do to fragments; the warnings tell of it, too.
    pub traps: Vec<FragmentTrap>,
    /// Whether connections are tracked for those rules, of IPv4 and of IPv6.
    pub tracks: [bool; Family::ALL.len()],
}

/// What readers need and fill.
struct Context<'n> {
    sources: Sources,
    netfilter: Netfilter,
    names: &'n Names,
}

impl Context<'_> {
    /// Adds a chain of iptables that packets come to by themselves.
    ///
    /// # Errors
    /// There's one in its place.
    fn add_base(&mut self, base: Base) -> Result<(), ImportError> {
        let key = |base: &Base| (base.families.clone(), base.hook, base.priority);
        let place = |base: &Base| base.policy.map(|source| Box::new(self.sources.at(source).place.clone()));
        let other = self.netfilter.bases.iter().find(|other| key(other) == key(&base));
        if let Some((first, second)) = other.and_then(place).zip(place(&base)) {
            let family = base.families.first().map_or("", |family| family.name());
            return Err(ImportError::Twice { first, second, family });
        }
        self.netfilter.bases.push(base);
        Ok(())
    }
}

/// Makes one config of all files together. Protocols and ports may be named as in `names`.
///
/// # Errors
/// A file isn't what iptables or nftables prints, or holds nothing that filters what comes in.
pub fn import(inputs: &[Input], from: Option<Format>, names: &Names) -> Result<Import, ImportError> {
    let mut context = Context { sources: Sources::default(), netfilter: Netfilter::default(), names };
    for input in inputs {
        read(&mut context, input, from)?;
    }
    let Context { sources, netfilter, .. } = context;
    let mut lists = Vec::new();
    for family in Family::ALL {
        lists.extend(flatten::flatten(&netfilter, family)?);
    }
    let files: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    if lists.is_empty() {
        return Err(ImportError::NothingHere(files.join(", ")));
    }
    let merged = merge::merge(&lists);
    let traps = traps(&netfilter, &sources, &lists);
    let general = general(&netfilter, &sources, &merged, &traps);
    let unreached = merge::unreached(&netfilter, &merged);
    let aside = &netfilter.aside;
    let rules = merged.lines.iter().filter(|line| matches!(line, Line::Rule { .. })).count();
    if rules > MAX_RULES {
        return Err(ImportError::TooMany);
    }
    let page = print::Page {
        files,
        sources: &sources,
        merged: &merged,
        aside,
        unreached: &unreached,
        general: &general,
        is_brief: false,
    };
    let mut config = page.text();
    if config.len() as u64 > config::MAX_SIZE {
        config = print::Page { is_brief: true, ..page }.text();
    }
    let warnings = warnings(general, &merged, aside, &sources);
    let (default, replies) = (merged.default, !merged.replies.is_empty());
    let rules = merged.lines.into_iter().filter_map(|line| match line {
        Line::Rule { rule, .. } => Some(rule),
        Line::Note(_) => None,
    });
    let tracks = netfilter.tracks;
    Ok(Import { config, rules: rules.collect(), default, replies, warnings, traps, tracks })
}

fn read(context: &mut Context<'_>, input: &Input, from: Option<Format>) -> Result<(), ImportError> {
    let file: Arc<str> = input.name.as_str().into();
    let place = |line| Place { file: file.clone(), line: Some(line), part: None };
    let text = std::str::from_utf8(&input.bytes).map_err(|error| {
        let before = &input.bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        ImportError::Malformed { place: place(line), problem: "it's no text in UTF-8".to_owned() }
    })?;
    if text.trim().is_empty() {
        return Err(ImportError::Empty(place(1)));
    }
    match from.or_else(|| detect(text)) {
        Some(Format::Iptables) => {
            let preset = (from == Some(Format::Iptables)).then_some(Family::V4);
            iptables::read(context, &file, text, preset)
        }
        Some(Format::Ip6tables) => iptables::read(context, &file, text, Some(Family::V6)),
        Some(Format::Nft) => nft::read(context, &file, text),
        None => Err(ImportError::Unknown(place(first_line(text)))),
    }
}

/// The number of the first line that isn't empty.
fn first_line(text: &str) -> usize {
    text.lines().position(|line| !line.trim().is_empty()).unwrap_or(0) + 1
}

/// What wrote a text, by its first line that tells.
fn detect(text: &str) -> Option<Format> {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("# Generated by ip") || line.starts_with(['*', ':', '-', '[']) {
            return Some(Format::Iptables);
        }
        let is_table = ["table ", "flush ruleset"].iter().any(|word| line.starts_with(word));
        if line.starts_with('{') || is_table {
            return Some(Format::Nft);
        }
        if !line.starts_with('#') {
            return None;
        }
    }
    None
}

/// What the rules do to fragments, each once.
fn traps(netfilter: &Netfilter, sources: &Sources, lists: &[Flattened]) -> Vec<FragmentTrap> {
    let mut traps: Vec<FragmentTrap> = Vec::new();
    for list in lists {
        let family = list.family;
        for trap in traps::find(list, netfilter.tracks[family.index()]) {
            let trap = trap.told(family, sources);
            if !traps.iter().any(|other| other.text == trap.text) {
                traps.push(trap);
            }
        }
    }
    traps
}

/// What is said of the whole.
fn general(
    netfilter: &Netfilter,
    sources: &Sources,
    merged: &Merged,
    traps: &[FragmentTrap],
) -> Vec<Warning> {
    let warning = |place, effect, text| Warning { place, effect, text, about: Vec::new() };
    let mut general = Vec::new();
    for (source, text) in &netfilter.remarks {
        general.push(warning(Some(sources.at(*source).place.clone()), Effect::Note, text.clone()));
    }
    for (effect, text) in &merged.remarks {
        general.push(warning(None, *effect, text.clone()));
    }
    for FragmentTrap { place, text, family: _ } in traps {
        let text = format!("{text}; here it gets in with its first fragment");
        general.push(warning(place.clone(), Effect::Note, text));
    }
    general
}

/// All warnings, in the order of the config.
fn warnings(general: Vec<Warning>, merged: &Merged, aside: &[Aside], sources: &Sources) -> Vec<Warning> {
    let mut warnings = general;
    for line in &merged.lines {
        if let Line::Note(note) = line
            && let Some(effect) = note.effect
        {
            let place = Some(sources.at(note.source).place.clone());
            let warning = Warning { place, effect, text: note.text.clone(), about: note.about.clone() };
            let is_told = |other: &Warning| (&other.place, &other.text) == (&warning.place, &warning.text);
            if !warnings.iter().any(is_told) {
                warnings.push(warning);
            }
        }
    }
    for Aside { what, sources: ids, remark } in aside {
        let remark = remark.map(|remark| format!(": {remark}")).unwrap_or_default();
        let text = format!("{what} isn't carried over, {}{remark}", sources.list(ids));
        warnings.push(Warning { place: None, effect: Effect::Note, text, about: Vec::new() });
    }
    warnings
}
