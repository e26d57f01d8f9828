//! `fragwall list`

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::{
    kernel::{Error, filter::Filter},
    observe::{
        last_hit::LastHit,
        stats::{self, Total},
    },
    ruleset::{action, duration},
};

/// List the rules in force, in order, each with the packets it has matched and when the last one came.
///
/// What follows the numbers is a rule as `fragwall allow`, `deny`, `reject` and `delete` understand it, and as config files
/// hold it. `fragwall save -` prints the whole config file.
#[derive(Args, Debug)]
pub(super) struct List {}

#[derive(Serialize)]
struct Report {
    default: &'static str,
    /// Whether verdicts aren't carried out: packets and bytes are those that were only observed.
    observing: bool,
    /// How many seconds are left to confirm the last change, if it awaits that.
    confirm_within: Option<u64>,
    rules: Vec<ReportRule>,
    #[serde(skip)]
    default_hits: (Total, Option<LastHit>),
    #[serde(skip)]
    left: Option<Duration>,
}

#[derive(Serialize)]
struct ReportRule {
    number: usize,
    rule: String,
    #[serde(flatten)]
    total: Total,
    last: Option<LastHit>,
}

impl List {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let report = report(&Filter::open(&global.bpffs)?)?;
        if global.json {
            return output::json(&report);
        }
        if report.observing {
            output::say("observing: this is what would match; every packet passes");
        }
        if let Some(left) = report.left {
            output::say(awaits_confirmation(left));
        }
        output::line(&row("number", "packets", "last", "rule"))?;
        for ReportRule { number, rule, total, last } in &report.rules {
            output::line(&row(&number.to_string(), &total.packets.to_string(), &ago(last), rule))?;
        }
        let (total, last) = &report.default_hits;
        output::line(&row("default", &total.packets.to_string(), &ago(last), report.default))
    }
}

fn row(number: &str, packets: &str, last: &str, rule: &str) -> String {
    format!("{number:>7}  {packets:>14}  {last:>8}  {rule}")
}

/// How long ago the last packet came, or a dash.
pub(super) fn ago(last: &Option<LastHit>) -> String {
    last.as_ref().map_or_else(|| "-".to_owned(), LastHit::ago)
}

/// The words for a change that has yet to be confirmed.
pub(super) fn awaits_confirmation(left: Duration) -> String {
    format!(
        "the last change awaits confirmation: it will be undone in {} unless you `fragwall confirm` it",
        duration::rounded_up(left)
    )
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn report(filter: &Filter) -> Result<Report, Error> {
    let document = filter.document();
    let mut hits = stats::hits(filter)?;
    let default_hits = hits.pop().unwrap_or_default();
    let left = filter.time_left()?;
    let rules = (1..).zip(&document.config.rules).zip(hits);
    Ok(Report {
        default: action::word(document.config.default),
        observing: filter.is_observing(),
        confirm_within: left.map(|left| left.as_secs()),
        rules: rules
            .map(|((number, rule), (total, last))| ReportRule { number, rule: rule.to_string(), total, last })
            .collect(),
        default_hits,
        left,
    })
}
