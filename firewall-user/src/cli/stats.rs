//! `fragwall stats`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::{
    kernel::{Error, filter::Filter},
    observe::stats::{self, Total},
};

/// Show what the filter has counted since it was attached: packets and bytes, by reason and by rule.
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
        let Report { interfaces, stats: stats::Stats { reasons, rules, default } } = report;
        output::line(&format!("interfaces: {}\n", interfaces.join(", ")))?;
        output::line(&row("packets", "bytes", "trailing", "rule"))?;
        for rule in &rules {
            let what = format!("{}: {}", rule.number, rule.rule);
            output::line(&counted(rule.total, &rule.trailing.packets.to_string(), &what))?;
        }
        let what = format!("default: {}", default.action);
        output::line(&counted(default.total, &default.trailing.packets.to_string(), &what))?;
        output::line("")?;
        output::line(&row("packets", "bytes", "verdict", "reason"))?;
        for reason in &reasons {
            output::line(&counted(reason.total, reason.verdict, reason.reason))?;
        }
        Ok(())
    }
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn report(filter: &Filter) -> Result<Report, Error> {
    let stats = stats::Stats::read(&filter.counters()?, filter.document())?;
    Ok(Report { interfaces: filter.interface_names(), stats })
}

fn counted(total: Total, third: &str, what: &str) -> String {
    row(&total.packets.to_string(), &total.bytes.to_string(), third, what)
}

fn row(packets: &str, bytes: &str, third: &str, what: &str) -> String {
    format!("{packets:>14}  {bytes:>16}  {third:>8}  {what}")
}
