//! `fragwall check`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Global, args, output};
use crate::{
    kernel::{
        Error,
        filter::{Filter, Link},
    },
    ruleset::{
        Config, action,
        diff::{self, Diff},
        shadow::shadows,
    },
};

/// Check a config file, and show what `fragwall apply` of it would change.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// The file.
    #[arg(default_value = args::CONFIG_FILE)]
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    default: &'static str,
    rules: usize,
    interfaces: Vec<String>,
    never_match: Vec<Shadowed>,
    /// What would change; nothing is told if no filter is attached.
    changes: Option<Changes>,
}

#[derive(Serialize)]
struct Shadowed {
    number: usize,
    by: Vec<usize>,
}

#[derive(Serialize)]
struct Changes {
    #[serde(flatten)]
    diff: Diff,
    attach: Vec<String>,
    detach: Vec<String>,
    /// The same for people.
    #[serde(skip)]
    unified: String,
}

impl Check {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = args::read(&self.file)?;
        warn_of_shadows(&self.file, &config);
        let report = Report {
            default: action::word(config.default),
            rules: config.rules.len(),
            never_match: shadows(&config.rules)
                .into_iter()
                .map(|shadow| Shadowed { number: shadow.number, by: shadow.by })
                .collect(),
            changes: changes(global, &config),
            interfaces: config.interfaces,
        };
        if global.json {
            return output::json(&report);
        }
        output::line(&format!(
            "{}: valid: {} rule{}, default {}",
            self.file.display(),
            report.rules,
            if report.rules == 1 { "" } else { "s" },
            report.default
        ))?;
        match &report.changes {
            None => Ok(()),
            Some(changes) if changes.unified.is_empty() => {
                output::line("it is in force: nothing would change")
            }
            Some(Changes { unified, diff, attach, detach }) => {
                output::line(&format!("--- in force\n+++ {}\n{}", self.file.display(), unified.trim_end()))?;
                let count = |number: usize, what: &str| format!("{number} {what}");
                let parts = [
                    count(diff.added.len(), "added"),
                    count(diff.removed.len(), "removed"),
                    count(diff.moved.len(), "moved"),
                ];
                output::say(format_args!("rules: {}", parts.join(", ")));
                for (names, what) in [(attach, "attached to"), (detach, "detached from")] {
                    if !names.is_empty() {
                        output::say(format_args!("interfaces {what}: {}", names.join(", ")));
                    }
                }
                Ok(())
            }
        }
    }
}

/// Says which rules of a file no packet reaches.
pub(super) fn warn_of_shadows(file: &Path, config: &Config) {
    for shadow in shadows(&config.rules) {
        let by: Vec<String> = shadow.by.iter().map(ToString::to_string).collect();
        output::say(format_args!(
            "{}: rule {} never matches: rule {} before it matches all that it would",
            file.display(),
            shadow.number,
            by.join(", ")
        ));
    }
}

/// What would change; `None` if no filter is attached, or can't be seen.
fn changes(global: &Global, config: &Config) -> Option<Changes> {
    let filter = match Filter::open(&global.bpffs) {
        Ok(filter) => filter,
        Err(Error::NotAttached | Error::NoBpffs { .. }) => return None,
        // The file can be checked all the same, by whoever it is.
        Err(error) => {
            output::say(format_args!("what would change can't be told: {:#}", anyhow::Error::from(error)));
            return None;
        }
    };
    let (attach, detach) = filter.moves(config);
    let in_force = &filter.document().config;
    let attached: Vec<String> = filter.links().iter().filter_map(Link::name).map(str::to_owned).collect();
    let stay = attached.iter().filter(|&name| !detach.contains(name));
    let wanted = Config { interfaces: stay.chain(&attach).cloned().collect(), ..config.clone() };
    let present = Config { interfaces: attached, ..in_force.clone() };
    Some(Changes {
        diff: Diff::new(in_force, config),
        attach,
        detach,
        unified: diff::unified(&present.to_string(), &wanted.to_string()),
    })
}
