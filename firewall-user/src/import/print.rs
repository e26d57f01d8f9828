//! The config file, with what it was made from.

use std::fmt::Write as _;

use super::{
    flatten::Note,
    merge::{Line, Merged},
    netfilter::Aside,
    source::{SourceId, Sources},
    warning::{Warning, said},
};
use crate::ruleset::action;

/// What a config is printed from.
pub(super) struct Page<'p> {
    pub(super) files: Vec<&'p str>,
    pub(super) sources: &'p Sources,
    pub(super) merged: &'p Merged,
    pub(super) aside: &'p [Aside],
    /// Rules that no packet comes to.
    pub(super) unreached: &'p [SourceId],
    /// What is said of the whole.
    pub(super) general: &'p [Warning],
    /// Whether the lines of the source are left out, since a config file may have no more than [`MAX_SIZE`](crate::ruleset::config::MAX_SIZE) bytes.
    pub(super) is_brief: bool,
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Page<'_> {
    /// The file's text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        comment(&mut text, "", &format!("Made by `fragwall import` from {}.", self.files.join(", ")));
        let above = if self.is_brief {
            "The lines that rules come from are left out: the file would be too large."
        } else {
            "Above each rule are the lines that it comes from. `!` says what isn't as it was there."
        };
        comment(&mut text, "", above);
        comment(
            &mut text,
            "",
            "ARP, neighbour discovery, multicast listeners and path-MTU discovery pass by themselves: no rule is needed.",
        );
        for warning in self.general {
            comment(&mut text, "", &format!("! {warning}"));
        }
        text.push('\n');
        self.settings(&mut text);
        self.rules(&mut text);
        self.left(&mut text);
        text
    }

    fn settings(&self, text: &mut String) {
        for &source in &self.merged.default_sources {
            self.source(text, "", source);
        }
        let _ = writeln!(text, "default = {}\n", quoted(action::word(self.merged.default)));
        for &source in &self.merged.replies {
            self.source(text, "", source);
        }
        let _ = writeln!(text, "replies = {}\n", !self.merged.replies.is_empty());
        // What the source let in of them its rules still do, and no more.
        comment(
            text,
            "",
            "ICMP errors are the rules' business, as they were; without this line they pass by themselves.",
        );
        text.push_str("icmp-errors = false\n\n");
    }

    fn rules(&self, text: &mut String) {
        if self.merged.lines.is_empty() {
            text.push_str("rules = []\n");
            return;
        }
        text.push_str("rules = [\n");
        let mut shown = Vec::new();
        for line in &self.merged.lines {
            match line {
                Line::Rule { sources, rule } => {
                    if shown != *sources {
                        sources.iter().for_each(|&source| self.source(text, "  ", source));
                    }
                    shown.clone_from(sources);
                    let _ = writeln!(text, "  {},", quoted(&rule.to_string()));
                }
                Line::Note(Note { source, effect, text: note, .. }) => {
                    if shown != [*source] {
                        self.source(text, "  ", *source);
                    }
                    shown = vec![*source];
                    match effect {
                        Some(effect) => comment(text, "  ", &format!("  ! {}", said(*effect, note))),
                        None if note.is_empty() => {}
                        None => comment(text, "  ", &format!("  {note}")),
                    }
                }
            }
        }
        text.push_str("]\n");
    }

    /// What isn't Fragwall's business.
    fn left(&self, text: &mut String) {
        if !self.unreached.is_empty() {
            text.push('\n');
            comment(text, "", &format!("No packet comes to these: {}", self.sources.list(self.unreached)));
        }
        if !self.aside.is_empty() {
            text.push('\n');
            comment(text, "", "Not carried over, since Fragwall judges what comes in:");
        }
        for Aside { what, sources, remark } in self.aside {
            let remark = remark.map(|remark| format!(" ({remark})")).unwrap_or_default();
            comment(text, "", &format!("  {what}: {}{remark}", self.sources.list(sources)));
        }
    }

    fn source(&self, text: &mut String, indent: &str, source: SourceId) {
        if self.is_brief {
            return;
        }
        let source = self.sources.at(source);
        let place = match (&self.files[..], source.place.line, &source.place.part) {
            ([_], Some(line), _) => line.to_string(),
            ([_], None, Some(part)) => part.clone(),
            _ => source.place.to_string(),
        };
        comment(text, indent, &format!("{place}: {}", source.text));
    }
}

/// A line of comment. TOML has no control characters in it.
fn comment(text: &mut String, indent: &str, words: &str) {
    let words = words.replace(char::is_control, "\u{fffd}");
    let _ = writeln!(text, "{indent}# {}", words.trim_end());
}
