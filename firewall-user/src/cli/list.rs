//! `fragwall list`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::{kernel::filter::Filter, ruleset::action};

/// List the rules in force, in order.
#[derive(Args, Debug)]
pub(super) struct List {}

#[derive(Serialize)]
struct Report {
    default: &'static str,
    rules: Vec<ReportRule>,
}

#[derive(Serialize)]
struct ReportRule {
    number: usize,
    rule: String,
}

impl List {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let report = report(&Filter::open(&global.bpffs)?);
        if global.json {
            return output::json(&report);
        }
        for ReportRule { number, rule } in &report.rules {
            output::line(&format!("{number:>7}  {rule}"))?;
        }
        output::line(&format!("default  {}", report.default))
    }
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn report(filter: &Filter) -> Report {
    let config = &filter.document().config;
    Report {
        default: action::word(config.default),
        rules: (1..)
            .zip(&config.rules)
            .map(|(number, rule)| ReportRule { number, rule: rule.to_string() })
            .collect(),
    }
}
