//! The lines of a panel: those that are wanted, in the order that is.

use std::cmp::Reverse;

use firewall_common::verdict::{Reason, Verdict};

use super::{
    model::Model,
    panel::{Panel, Sort},
    text::safe,
};
use crate::observe::{
    last_hit::LastHit,
    rates::short,
    stats::{InterfaceStats, ReasonStats, RuleStats, Total},
};

/// A column of a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What it holds.
    pub(super) head: &'static str,
    /// How wide it is; 0 of the one that has what is left.
    pub(super) width: u16,
    /// What sorting by it is.
    pub(super) sort: Option<Sort>,
    /// How wide a panel must be to have it.
    pub(super) from: u16,
}

/// A line of a panel.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What it's known by, wherever it is.
    pub(super) key: String,
    /// A text for each column.
    pub(super) cells: Vec<String>,
    /// The verdict that it's about, if that is one.
    pub(super) verdict: Option<Verdict>,
    /// What more there is to say, if it's chosen.
    pub(super) detail: String,
}

const fn column(head: &'static str, width: u16, sort: Option<Sort>, from: u16) -> Column {
    Column { head, width, sort, from }
}

const INTERFACES: [Column; 6] = [
    column("interface", 0, Some(Sort::Name), 0),
    column("passed/s", 9, None, 0),
    column("dropped/s", 9, None, 0),
    column("rejected/s", 10, None, 56),
    column("bit/s", 7, Some(Sort::Bits), 44),
    column("packets", 8, Some(Sort::Total), 66),
];
const RULES: [Column; 7] = [
    column("number", 7, Some(Sort::Number), 0),
    column("rule", 0, None, 0),
    column("packets/s", 10, Some(Sort::Packets), 0),
    column("bit/s", 7, Some(Sort::Bits), 56),
    column("packets", 8, Some(Sort::Total), 44),
    column("trailing", 9, Some(Sort::Trailing), 72),
    column("last", 9, Some(Sort::Last), 64),
];
const REASONS: [Column; 5] = [
    column("reason", 0, Some(Sort::Name), 0),
    column("verdict", 7, None, 0),
    column("packets/s", 10, Some(Sort::Packets), 0),
    column("bit/s", 7, Some(Sort::Bits), 56),
    column("packets", 8, Some(Sort::Total), 44),
];
const DROPS: [Column; 1] = [column("packet", 0, None, 0)];

/// The columns of a panel's lines; none if it has no lines.
pub(super) const fn columns(panel: Panel) -> &'static [Column] {
    match panel {
        Panel::Interfaces => &INTERFACES,
        Panel::Rules => &RULES,
        Panel::Reasons => &REASONS,
        Panel::Drops => &DROPS,
        Panel::Rates | Panel::Table => &[],
    }
}

/// The lines of a panel.
pub(super) fn rows(model: &Model, panel: Panel) -> Vec<Row> {
    match panel {
        Panel::Interfaces => interfaces(model),
        Panel::Rules => rules(model),
        Panel::Reasons => reasons(model),
        Panel::Drops => drops(model),
        Panel::Rates | Panel::Table => Vec::new(),
    }
}

fn interfaces(model: &Model) -> Vec<Row> {
    let Some(counted) = model.counted() else { return Vec::new() };
    let mut all: Vec<&InterfaceStats> = counted.interfaces.iter().collect();
    match model.sort(Panel::Interfaces) {
        Some(Sort::Packets) => {
            all.sort_by(|one, other| packets(other.seen()).total_cmp(&packets(one.seen())))
        }
        Some(Sort::Bits) => all.sort_by(|one, other| bits(other.seen()).total_cmp(&bits(one.seen()))),
        Some(Sort::Total) => all.sort_by_key(|stats| Reverse(stats.seen().packets)),
        _ => all.sort_by(|one, other| {
            // Those that have no name come last.
            (one.interface.is_none(), &one.interface).cmp(&(other.interface.is_none(), &other.interface))
        }),
    }
    let row = |stats: &InterfaceStats| {
        let InterfaceStats { interface, passed, dropped, rejected } = stats;
        let name = interface.as_deref().map_or_else(|| "(others)".to_owned(), safe);
        let seen = stats.seen();
        let [p, d, r] = [passed, dropped, rejected].map(|total| short(packets(*total)));
        Row {
            detail: format!(
                "{name}: {} packets, {} bytes; {} passed, {} dropped, {} rejected",
                seen.packets, seen.bytes, passed.packets, dropped.packets, rejected.packets
            ),
            cells: vec![name.clone(), p, d, r, short(bits(seen)), short(seen.packets as f64)],
            key: name,
            verdict: None,
        }
    };
    all.into_iter().map(row).collect()
}

/// What a line about a rule, or about the default, says.
struct Credited<'a> {
    number: Option<usize>,
    text: String,
    total: Total,
    trailing: Total,
    last: Option<&'a LastHit>,
}

fn rules(model: &Model) -> Vec<Row> {
    let Some(counted) = model.counted() else { return Vec::new() };
    let rule = |rule: &'_ RuleStats| (Some(rule.number), safe(&rule.rule), rule.total, rule.trailing);
    let default = &counted.default;
    let of_default = (None, format!("default: {}", default.action), default.total, default.trailing);
    let lasts = counted.rules.iter().map(|rule| &rule.last).chain([&default.last]);
    let mut all: Vec<Credited<'_>> = counted
        .rules
        .iter()
        .map(rule)
        .chain([of_default])
        .zip(lasts)
        .map(|((number, text, total, trailing), last)| Credited {
            number,
            text,
            total,
            trailing,
            last: last.as_ref(),
        })
        .filter(|credited| model.is_wanted(&credited.name()))
        .collect();
    match model.sort(Panel::Rules) {
        Some(Sort::Packets) => all.sort_by(|one, other| packets(other.total).total_cmp(&packets(one.total))),
        Some(Sort::Bits) => all.sort_by(|one, other| bits(other.total).total_cmp(&bits(one.total))),
        Some(Sort::Total) => all.sort_by_key(|credited| Reverse(credited.total.packets)),
        Some(Sort::Trailing) => all.sort_by_key(|credited| Reverse(credited.trailing.packets)),
        Some(Sort::Last) => {
            all.sort_by_key(|credited| credited.last.map_or(u64::MAX, |last| last.seconds_ago));
        }
        _ => {}
    }
    all.into_iter().map(|credited| credited.row()).collect()
}

impl Credited<'_> {
    fn name(&self) -> String {
        match self.number {
            Some(number) => format!("{number}: {}", self.text),
            None => self.text.clone(),
        }
    }

    fn row(self) -> Row {
        let Self { number, total, trailing, last, .. } = &self;
        let when = last.map_or_else(|| "never".to_owned(), |last| format!("last at {}", last.time));
        let detail = format!(
            "{}: {} packets, {} bytes, {} of them trailing fragments; {when}",
            self.name(),
            total.packets,
            total.bytes,
            trailing.packets
        );
        let cells = vec![
            number.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            self.text.clone(),
            short(packets(*total)),
            short(bits(*total)),
            short(total.packets as f64),
            short(trailing.packets as f64),
            last.map_or_else(|| "-".to_owned(), LastHit::ago),
        ];
        // A rule stays itself when others come and go before it.
        Row { key: self.text, cells, verdict: None, detail }
    }
}

fn reasons(model: &Model) -> Vec<Row> {
    let Some(counted) = model.counted() else { return Vec::new() };
    let wanted = |stats: &&ReasonStats| model.is_wanted(&format!("{} {}", stats.reason, stats.verdict));
    let mut all: Vec<&ReasonStats> = counted.reasons.iter().filter(wanted).collect();
    match model.sort(Panel::Reasons) {
        Some(Sort::Packets) => all.sort_by(|one, other| packets(other.total).total_cmp(&packets(one.total))),
        Some(Sort::Bits) => all.sort_by(|one, other| bits(other.total).total_cmp(&bits(one.total))),
        Some(Sort::Total) => all.sort_by_key(|stats| Reverse(stats.total.packets)),
        _ => all.sort_by_key(|stats| (stats.reason, stats.verdict)),
    }
    let row = |stats: &ReasonStats| {
        let ReasonStats { reason, verdict, total } = *stats;
        let described = Reason::ALL.iter().find(|one| one.name() == reason).map_or("", |one| one.describe());
        Row {
            key: format!("{reason} {verdict}"),
            cells: vec![
                reason.to_owned(),
                verdict.to_owned(),
                short(packets(total)),
                short(bits(total)),
                short(total.packets as f64),
            ],
            verdict: Verdict::ALL.into_iter().find(|one| one.name() == verdict),
            detail: format!("{reason}: {described}"),
        }
    };
    all.into_iter().map(row).collect()
}

/// The latest first.
fn drops(model: &Model) -> Vec<Row> {
    let wanted = model.drops.iter().rev().filter(|(_, line)| model.is_wanted(&line.text));
    let row = |(number, line): &(u64, super::model::Line)| {
        let text = safe(&line.text);
        Row { key: number.to_string(), cells: vec![text.clone()], verdict: Some(line.verdict), detail: text }
    };
    wanted.map(row).collect()
}

fn packets(total: Total) -> f64 {
    total.rate.unwrap_or_default().packets
}

fn bits(total: Total) -> f64 {
    total.rate.unwrap_or_default().bytes * 8.0
}
