//! What differs between two configurations.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::Hash,
    ops::Range,
    time::Duration,
};

use serde::Serialize;

use super::{Config, Fragments, Replies, action, duration};

/// What one configuration has that another hasn't. The interfaces are left out: which a filter is attached to isn't for its
/// configuration to tell.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Diff {
    /// The default, if it's another.
    pub default: Option<Replaced>,
    /// Whether ICMP errors pass by themselves, if that's otherwise.
    pub icmp_errors: Option<Replaced>,
    /// The settings of fragments that are others.
    pub fragments: Vec<Setting>,
    /// The settings of replies that are others; `replies` is whether they are accepted.
    pub replies: Vec<Setting>,
    /// The names of the config's own services that are new, gone, or something else.
    pub services: Vec<String>,
    /// The rules that are gone, with the numbers that they had.
    pub removed: Vec<Numbered>,
    /// The rules that are new, with their numbers.
    pub added: Vec<Numbered>,
    /// The rules that come before or after others than they did.
    pub moved: Vec<Moved>,
}

/// A value and the one that takes its place.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Replaced {
    /// The value that was there.
    pub from: String,
    /// The value that is there now.
    pub to: String,
}

/// A setting that is another.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Setting {
    /// Its name in a config file.
    pub name: &'static str,
    /// Its values.
    #[serde(flatten)]
    pub values: Replaced,
}

/// A rule and its number, from 1.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Numbered {
    /// The number.
    pub number: usize,
    /// The rule.
    pub rule: String,
}

/// A rule that has moved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Moved {
    /// The number that it had, from 1.
    pub from: usize,
    /// The number that it has now.
    pub to: usize,
    /// The rule.
    pub rule: String,
}

impl Diff {
    /// What becomes of `old` to make it `new`.
    pub fn new(old: &Config, new: &Config) -> Self {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for edit in edits(&old.rules, &new.rules) {
            match edit {
                Edit::Keep(..) => {}
                Edit::Remove(index) => gone.push(index),
                Edit::Add(index) => come.push(index),
            }
        }
        let mut moved = Vec::new();
        come.retain(|&to| {
            let Some(at) = gone.iter().position(|&from| old.rules[from] == new.rules[to]) else {
                return true;
            };
            let from = gone.remove(at);
            moved.push(Moved { from: from + 1, to: to + 1, rule: new.rules[to].to_string() });
            false
        });
        let numbered = |rules: &[super::Rule], indexes: Vec<usize>| {
            indexes
                .into_iter()
                .map(|index| Numbered { number: index + 1, rule: rules[index].to_string() })
                .collect()
        };
        Self {
            default: replaced(action::word(old.default), action::word(new.default)),
            icmp_errors: replaced(old.icmp_errors, new.icmp_errors),
            fragments: fragments(&old.fragments, &new.fragments),
            replies: replies(old.replies.as_ref(), new.replies.as_ref()),
            services: services(old, new),
            removed: numbered(&old.rules, gone),
            added: numbered(&new.rules, come),
            moved,
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        let Self { default, icmp_errors, fragments, replies, services, removed, added, moved } = self;
        default.is_none()
            && icmp_errors.is_none()
            && fragments.is_empty()
            && replies.is_empty()
            && services.is_empty()
            && removed.is_empty()
            && added.is_empty()
            && moved.is_empty()
    }
}

fn replaced(from: impl fmt::Display, to: impl fmt::Display) -> Option<Replaced> {
    let (from, to) = (from.to_string(), to.to_string());
    (from != to).then_some(Replaced { from, to })
}

fn fragments(old: &Fragments, new: &Fragments) -> Vec<Setting> {
    settings([
        ("early", replaced(old.early.word(), new.early.word())),
        ("early-budget", replaced(old.early_budget, new.early_budget)),
        ("timeout", replaced(duration::text(old.timeout), duration::text(new.timeout))),
        ("table", replaced(old.table, new.table)),
    ])
}

fn replies(old: Option<&Replies>, new: Option<&Replies>) -> Vec<Setting> {
    let (Some(old), Some(new)) = (old, new) else {
        return settings([("replies", replaced(old.is_some(), new.is_some()))]);
    };
    let lifetime = |of: fn(&Replies) -> Duration| replaced(duration::text(of(old)), duration::text(of(new)));
    settings([
        ("tcp", lifetime(|replies| replies.tcp)),
        ("tcp-opening", lifetime(|replies| replies.tcp_opening)),
        ("tcp-closing", lifetime(|replies| replies.tcp_closing)),
        ("udp", lifetime(|replies| replies.udp)),
        ("udp-unanswered", lifetime(|replies| replies.udp_unanswered)),
        ("icmp", lifetime(|replies| replies.icmp)),
        ("table", replaced(old.table, new.table)),
    ])
}

fn settings<const N: usize>(pairs: [(&'static str, Option<Replaced>); N]) -> Vec<Setting> {
    pairs.into_iter().filter_map(|(name, values)| Some(Setting { name, values: values? })).collect()
}

/// The names of own services that only one of the two has, or that mean something else there.
fn services(old: &Config, new: &Config) -> Vec<String> {
    let only = |one: &Config, other: &Config| -> Vec<String> {
        let of_one = one.services.iter().filter(|service| !other.services.contains(service));
        of_one.map(|service| service.name().to_owned()).collect()
    };
    let names: BTreeSet<String> = only(old, new).into_iter().chain(only(new, old)).collect();
    names.into_iter().collect()
}

/// How many lines that stay are shown before and after those that don't, as `diff -u` does.
const CONTEXT: usize = 3;

/// What becomes of the lines of `old` to make them those of `new`, as `diff -u` writes it, without the names of the files;
/// empty if they are the same.
pub fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let edits = edits(&old, &new);
    let mut text = String::new();
    for hunk in hunks(&edits) {
        let hunk = &edits[hunk];
        let lines = |side: fn(&Edit) -> Option<usize>| {
            let indexes: Vec<usize> = hunk.iter().filter_map(side).collect();
            // Of no lines it's the line before that is named, and there's one: a config file always has lines.
            let first = indexes.first().map_or(0, |&first| first + 1);
            format!("{first},{}", indexes.len())
        };
        text += &format!("@@ -{} +{} @@\n", lines(Edit::old_place), lines(Edit::new_place));
        for edit in hunk {
            let (sign, line) = match *edit {
                Edit::Keep(index, _) => (' ', old[index]),
                Edit::Remove(index) => ('-', old[index]),
                Edit::Add(index) => ('+', new[index]),
            };
            text += &format!("{sign}{line}\n");
        }
    }
    text
}

/// One step from an old list to a new one, by places in them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Edit {
    Keep(usize, usize),
    Remove(usize),
    Add(usize),
}

impl Edit {
    fn old_place(&self) -> Option<usize> {
        match *self {
            Self::Keep(index, _) | Self::Remove(index) => Some(index),
            Self::Add(_) => None,
        }
    }

    fn new_place(&self) -> Option<usize> {
        match *self {
            Self::Keep(_, index) | Self::Add(index) => Some(index),
            Self::Remove(_) => None,
        }
    }
}

/// The changes with what is shown around them.
fn hunks(edits: &[Edit]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    let changes = edits.iter().enumerate().filter(|(_, edit)| !matches!(edit, Edit::Keep(..)));
    for (at, _) in changes {
        let (start, end) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(edits.len()));
        match hunks.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => hunks.push(start..end),
        }
    }
    hunks
}

/// The fewest steps from `old` to `new`: a longest common subsequence stays. What is removed comes before what is added
/// in its place.
fn edits<T: Eq + Hash>(old: &[T], new: &[T]) -> Vec<Edit> {
    let same = |(old, new): &(&T, &T)| old == new;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);

    // Numbers are quicker to compare than rules.
    let mut numbers: HashMap<&T, usize> = HashMap::new();
    let mut number = |item| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    let a: Vec<usize> = old[head..old_end].iter().map(&mut number).collect();
    let b: Vec<usize> = new[head..new_end].iter().map(&mut number).collect();
    // At (i, j): how much a[i..] and b[j..] have in common.
    let width = b.len() + 1;
    let mut common = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let mut edits: Vec<Edit> = (0..head).map(|index| Edit::Keep(index, index)).collect();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            edits.push(Edit::Keep(head + i, head + j));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            edits.push(Edit::Remove(head + i));
            i += 1;
        } else {
            edits.push(Edit::Add(head + j));
            j += 1;
        }
    }
    edits.extend((0..tail).map(|index| Edit::Keep(old_end + index, new_end + index)));
    edits
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
