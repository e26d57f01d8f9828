//! `fragwall stats`

use clap::Args;
use serde::Serialize;

use super::{Global, list::ago, output};
use crate::{
    kernel::{Error, filter::Filter},
    observe::{
        last_hit::LastHit,
        stats::{self, Counted, Total},
    },
};

/// Show what the filter has counted since it was attached: packets and bytes, by reason and by rule.
///
/// What it only observed, while it was attached or applied with `--observe`, is counted apart: what would have become of
/// packets. A rule's trailing fragments are those whose first fragment it matched.
#[derive(Args, Debug)]
pub(super) struct Stats {}

#[derive(Serialize)]
struct Report {
    interfaces: Vec<String>,
    #[serde(flatten)]
    stats: stats::Stats,
}

impl Stats {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let report = report(&Filter::open(&global.bpffs)?)?;
        if global.json {
            return output::json(&report);
        }
        let Report { interfaces, stats: stats::Stats { observing, enforced, observed } } = report;
        output::line(&format!("interfaces: {}", interfaces.join(", ")))?;
        if !observing || !enforced.is_empty() {
            if observing || !observed.is_empty() {
                output::line("\nenforced:")?;
            }
            print(&enforced)?;
        }
        if observing || !observed.is_empty() {
            output::line("\nobserved, which is what would have become of packets that all passed:")?;
            print(&observed)?;
        }
        Ok(())
    }
}

fn print(Counted { reasons, rules, default }: &Counted) -> anyhow::Result<()> {
    output::line("")?;
    output::line(&credited("packets", "bytes", "trailing", "last", "rule"))?;
    let line = |total: Total, trailing: Total, last: &Option<LastHit>, what: &str| {
        let [packets, bytes, trailing] =
            [total.packets, total.bytes, trailing.packets].map(|number| number.to_string());
        output::line(&credited(&packets, &bytes, &trailing, &ago(last), what))
    };
    for rule in rules {
        line(rule.total, rule.trailing, &rule.last, &format!("{}: {}", rule.number, rule.rule))?;
    }
    line(default.total, default.trailing, &default.last, &format!("default: {}", default.action))?;
    output::line("")?;
    output::line(&row("packets", "bytes", "verdict", "reason"))?;
    for reason in reasons {
        let [packets, bytes] = [reason.total.packets, reason.total.bytes].map(|number| number.to_string());
        output::line(&row(&packets, &bytes, reason.verdict, reason.reason))?;
    }
    Ok(())
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn report(filter: &Filter) -> Result<Report, Error> {
    let stats = stats::Stats::read(&filter.counters()?, filter.document())?;
    Ok(Report { interfaces: filter.interface_names(), stats })
}

fn credited(packets: &str, bytes: &str, trailing: &str, last: &str, what: &str) -> String {
    row(packets, bytes, trailing, &format!("{last:>8}  {what}"))
}

fn row(packets: &str, bytes: &str, third: &str, rest: &str) -> String {
    format!("{packets:>14}  {bytes:>16}  {third:>8}  {rest}")
}
