//! The few figures that the README tells.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::{
    super::{
        live::Table,
        report::{Report, Sample},
        throughput::RATE,
    },
    WHOLE,
    region::block,
};

/// The rows: contenders, as the live tables name them.
const ROWS: [&str; 9] = [
    "bare XDP_DROP",
    "no filter",
    "Fragwall",
    "Fragwall with replies",
    "xdp-filter",
    "nft, ingress",
    "nft, input",
    "ip6tables-nft",
    "nft with conntrack",
];
/// The columns: traffic of the section on throughput, and their heads.
const COLUMNS: [(&str, &str); 4] = [
    ("whole, denied", "whole, denied"),
    ("fragments in order, denied", "fragments, denied"),
    ("whole, accepted", "whole, accepted"),
    ("fragments in order, accepted", "fragments, accepted"),
];
/// The table, and what it is of.
///
/// # Errors
/// The report lacks the section.
pub(super) fn summary(report: &Report) -> Result<String> {
    let throughput: &Table = report
        .live
        .iter()
        .find(|table| table.name == "throughput")
        .context("there's no section throughput")?;
    let mut text = format!("{:<24}", "million packets a second");
    // Writing to a string doesn't fail.
    for (_, head) in COLUMNS {
        let _ = write!(text, " {head:>20}");
    }
    text.push('\n');
    for contender in ROWS {
        let _ = write!(text, "{contender:<24}");
        for (traffic, _) in COLUMNS {
            let row = throughput.row(traffic, 1, contender);
            let is_told = |arrived: f64| traffic.ends_with("denied") || arrived >= WHOLE;
            let cell = match row.map(|row| (row.figure(RATE), row.arrived)) {
                Some((Some(Sample { median, .. }), arrived)) if is_told(arrived) => format!("{median:.2}"),
                Some((Some(_), _)) => "dropped".to_owned(),
                Some((None, _)) | None => "-".to_owned(),
            };
            let _ = write!(text, " {cell:>20}");
        }
        text.push('\n');
    }
    Ok(format!("{}One CPU sends and receives, over a veth; on a {}.\n", block(&text), report.provenance))
}
