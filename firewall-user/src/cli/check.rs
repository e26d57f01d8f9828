//! `fragwall check`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Global, args, output};
use crate::ruleset::{action, shadow::shadows};

/// Check a config file without putting it into force.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// The file.
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    default: &'static str,
    rules: usize,
    interfaces: Vec<String>,
    never_match: Vec<Shadowed>,
}

#[derive(Serialize)]
struct Shadowed {
    number: usize,
    by: Vec<usize>,
}

impl Check {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = args::read(&self.file)?;
        let never_match = shadows(&config.rules)
            .into_iter()
            .map(|shadow| Shadowed { number: shadow.number, by: shadow.by })
            .collect();
        let report = Report {
            default: action::word(config.default),
            rules: config.rules.len(),
            interfaces: config.interfaces,
            never_match,
        };
        if global.json {
            return output::json(&report);
        }
        for Shadowed { number, by } in &report.never_match {
            let by: Vec<String> = by.iter().map(ToString::to_string).collect();
            output::say(format_args!(
                "{}: rule {number} never matches: rule {} before it matches all that it would",
                self.file.display(),
                by.join(", ")
            ));
        }
        output::line(&format!(
            "{}: valid: {} rule{}, default {}",
            self.file.display(),
            report.rules,
            if report.rules == 1 { "" } else { "s" },
            report.default
        ))
    }
}
