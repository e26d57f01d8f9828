//! `fragwall stats`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::{
    kernel::filter::Filter,
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
        let filter = Filter::open(&global.bpffs)?;
        let stats = stats::Stats::read(&filter.counters()?, filter.document())?;
        let report = Report { interfaces: filter.interface_names(), stats };
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

fn counted(total: Total, third: &str, what: &str) -> String {
    row(&total.packets.to_string(), &total.bytes.to_string(), third, what)
}

fn row(packets: &str, bytes: &str, third: &str, what: &str) -> String {
    format!("{packets:>14}  {bytes:>16}  {third:>8}  {what}")
}
