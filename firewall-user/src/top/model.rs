//! What is known, and what was asked to be seen.

use std::{collections::VecDeque, time::Duration};

use firewall_common::verdict::Verdict;

use super::{
    history::History,
    keys::{Action, Edit, HELP},
    list,
    panel::{Panel, Sort},
    sampler::Snapshot,
};
use crate::observe::stats::{Counted, Stats};

/// How many of the last packets are kept.
const DROPS: usize = 500;
/// How long a filter may be, in characters.
const FILTER: usize = 60;
/// The intervals that keys choose, in seconds.
const INTERVALS: [f64; 11] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];

/// A packet that was dropped or rejected.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// What became of it.
    pub(super) verdict: Verdict,
    /// What is known of it, in one line.
    pub(super) text: String,
}

/// Whether the filter tells of single packets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Watching {
    /// Nobody has asked it to yet.
    #[default]
    NotYet,
    /// It does.
    Yes,
    /// It tells somebody else, and only one at a time.
    Elsewhere,
}

/// What is done about a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// What is shown is drawn again.
    Draw,
    /// All of the screen is drawn anew.
    Redraw,
    /// The process stops.
    Suspend,
    /// It ends.
    Quit,
}

/// Which line of a panel is chosen: the first one, whichever that is; or a certain one, wherever it is.
#[derive(Clone, Debug, Default)]
struct Cursor {
    key: Option<String>,
    /// Where it was, should it have gone.
    index: usize,
}

/// What is known, and what was asked to be seen.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// What was counted, with rates if it was looked at before; `None` until then.
    pub(super) now: Option<Snapshot>,
    /// Whether the filter is gone, and one is waited for.
    pub(super) detached: bool,
    /// The rates of late.
    pub(super) history: History,
    /// The last packets that didn't pass, the latest last, each with its number.
    pub(super) drops: VecDeque<(u64, Line)>,
    /// How many more weren't told of.
    pub(super) left_out: u64,
    /// How it stands with those.
    pub(super) watching: Watching,
    /// How long it is from one look to the next.
    pub(super) interval: Duration,
    /// Whether what is shown stays as it is.
    pub(super) paused: bool,
    /// The panel that keys go to.
    pub(super) focus: Panel,
    /// What lines have to contain.
    pub(super) filter: String,
    /// Whether that is being typed.
    pub(super) typing: bool,
    /// The first line of the list of keys that is shown, if it is.
    pub(super) help: Option<usize>,
    /// What there is to say about the last key.
    pub(super) notice: Option<&'static str>,
    /// Whether what is shown is of the other stance than the present one.
    other: bool,
    /// What was counted at the last look, and when that was.
    before: Option<(Stats, Duration)>,
    /// Those that came while it was paused.
    held: Vec<Line>,
    next: u64,
    sorts: [usize; Panel::ALL.len()],
    cursors: [Cursor; Panel::ALL.len()],
}

impl Model {
    /// Nothing is known yet.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            now: None,
            detached: false,
            history: History::default(),
            drops: VecDeque::new(),
            left_out: 0,
            watching: Watching::default(),
            interval,
            paused: false,
            focus: Panel::Rules,
            filter: String::new(),
            typing: false,
            help: None,
            notice: None,
            other: false,
            before: None,
            held: Vec::new(),
            next: 0,
            sorts: Default::default(),
            cursors: Default::default(),
        }
    }

    /// The counters were looked at.
    pub(super) fn sample(&mut self, mut now: Snapshot) {
        let counted = now.stats.clone();
        if let Some((before, then)) = &self.before
            && let Some(elapsed) = now.at.checked_sub(*then).filter(|elapsed| !elapsed.is_zero())
        {
            now.stats = now.stats.since(before, elapsed);
            self.history.push(&now.stats, elapsed);
        }
        self.before = Some((counted, now.at));
        self.other &= has_other(&now.stats);
        self.detached = false;
        self.now = Some(now);
    }

    /// The filter has gone. What it had counted stays to be seen; should there be one again, it's another.
    pub(super) fn detach(&mut self) {
        self.detached = true;
        self.before = None;
        self.watching = Watching::NotYet;
    }

    /// Packets that didn't pass, and how many more there were.
    pub(super) fn told(&mut self, lines: Vec<Line>, left_out: u64, watching: Watching) {
        (self.left_out, self.watching) = (left_out, watching);
        self.held.extend(lines);
        let skipped = self.held.len().saturating_sub(DROPS);
        self.held.drain(..skipped);
        if !self.paused {
            self.show_held();
        }
    }

    fn show_held(&mut self) {
        for line in self.held.drain(..) {
            self.drops.push_back((self.next, line));
            self.next += 1;
        }
        let skipped = self.drops.len().saturating_sub(DROPS);
        self.drops.drain(..skipped);
    }

    /// Whether what is shown was only observed.
    pub(super) fn shows_observed(&self) -> bool {
        self.now.as_ref().is_some_and(|now| now.stats.observing != self.other)
    }

    /// What is shown of what was counted.
    pub(super) fn counted(&self) -> Option<&Counted> {
        let stats = &self.now.as_ref()?.stats;
        Some(if self.shows_observed() { &stats.observed } else { &stats.enforced })
    }

    /// What the lines of a panel are sorted by.
    pub(super) fn sort(&self, panel: Panel) -> Option<Sort> {
        panel.sorts().get(self.sorts[panel.index()]).copied()
    }

    /// Which line of a panel is chosen, of those that it has.
    pub(super) fn chosen(&self, panel: Panel, rows: &[list::Row]) -> usize {
        let Cursor { key, index } = &self.cursors[panel.index()];
        let Some(key) = key else { return 0 };
        let there = rows.iter().position(|row| row.key == *key);
        there.unwrap_or_else(|| (*index).min(rows.len().saturating_sub(1)))
    }

    /// Whether a text has what the filter asks for.
    pub(super) fn is_wanted(&self, text: &str) -> bool {
        self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase())
    }

    /// Does what a key asks for.
    pub(super) fn act(&mut self, action: Action) -> Effect {
        self.notice = None;
        match action {
            Action::Quit => return Effect::Quit,
            Action::Suspend => return Effect::Suspend,
            Action::Redraw => return Effect::Redraw,
            Action::Back if self.help.is_some() => self.help = None,
            Action::Back if !self.filter.is_empty() => self.filter.clear(),
            Action::Back => return Effect::Quit,
            Action::Pause => {
                self.paused = !self.paused;
                if !self.paused {
                    self.show_held();
                }
            }
            Action::Sort => self.sort_by_next(),
            Action::Filter => {
                (self.typing, self.help) = (true, None);
                self.filter.clear();
            }
            Action::Panel(by) => self.focus = self.focus.moved(by),
            Action::Scroll(by) => self.scroll(by),
            Action::Interval(by) => self.interval = interval(self.interval, by),
            Action::Side => self.turn_side(),
            Action::Help => self.help = if self.help.is_some() { None } else { Some(0) },
        }
        Effect::Draw
    }

    /// Does what a key does to the filter.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Push(character) if self.filter.chars().count() < FILTER => self.filter.push(character),
            Edit::Push(_) => {}
            Edit::Pop => drop(self.filter.pop()),
            Edit::Done => self.typing = false,
            Edit::Clear => {
                self.typing = false;
                self.filter.clear();
            }
        }
    }

    fn sort_by_next(&mut self) {
        let count = self.focus.sorts().len();
        if count == 0 {
            self.notice = Some("this panel has one order alone; tab goes to another one");
            return;
        }
        let sort = &mut self.sorts[self.focus.index()];
        *sort = (*sort + 1) % count;
        // Whoever sorts anew wants to see what comes first.
        self.cursors[self.focus.index()] = Cursor::default();
    }

    fn turn_side(&mut self) {
        if self.now.as_ref().is_some_and(|now| has_other(&now.stats)) {
            self.other = !self.other;
        } else {
            self.notice = Some("nothing was counted in the other stance: there is only this one to see");
        }
    }

    fn scroll(&mut self, by: isize) {
        if let Some(first) = self.help {
            self.help = Some(first.saturating_add_signed(by).min(HELP.len() - 1));
            return;
        }
        let rows = list::rows(self, self.focus);
        let index = self.chosen(self.focus, &rows).saturating_add_signed(by);
        let index = index.min(rows.len().saturating_sub(1));
        let key = rows.get(index).filter(|_| index > 0).map(|row| row.key.clone());
        self.cursors[self.focus.index()] = Cursor { key, index };
    }
}

/// Whether something was counted in the stance that the filter doesn't have.
fn has_other(stats: &Stats) -> bool {
    let other = if stats.observing { &stats.enforced } else { &stats.observed };
    !other.is_empty()
}

/// The next interval above, or below; the same if there's none.
fn interval(from: Duration, by: isize) -> Duration {
    let all = INTERVALS.map(Duration::from_secs_f64);
    let next = if by > 0 {
        all.iter().find(|&&interval| interval > from)
    } else {
        all.iter().rev().find(|&&interval| interval < from)
    };
    next.copied().unwrap_or(from)
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
