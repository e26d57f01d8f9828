//! The summary of a capture, for people and as JSON.

use super::super::output;
use crate::observe::{
    stats::Total,
    summary::{DefaultTotal, Report, RuleTotal},
};

/// Prints it.
pub(super) fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(report);
    }
    let Report { all, reasons, rules, default: DefaultTotal { action, total, trailing } } = report;
    output::line(&row("packets", "bytes", "trailing", "rule"))?;
    let line = |total: &Total, trailing: String, what: &str| {
        output::line(&row(&total.packets.to_string(), &total.bytes.to_string(), &trailing, what))
    };
    for RuleTotal { number, rule, total, trailing } in rules {
        line(total, trailing.packets.to_string(), &format!("{number}: {rule}"))?;
    }
    line(total, trailing.packets.to_string(), &format!("default: {action}"))?;
    output::line("")?;
    output::line(&row("packets", "bytes", "verdict", "reason"))?;
    for reason in reasons {
        line(&reason.total, reason.verdict.to_owned(), reason.reason)?;
    }
    line(all, String::new(), "all")
}

fn row(packets: &str, bytes: &str, third: &str, rest: &str) -> String {
    format!("{packets:>14}  {bytes:>16}  {third:>8}  {rest}")
}
