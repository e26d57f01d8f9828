//! The demonstration's results, for people and for programs.

use firewall_tests::ike::scenario::{Host, Report, Scenario};
use serde_json::{Value, json};

const HEADINGS: [&str; 7] =
    ["filter", "outcome", "IKE_AUTH fragments", "retransmissions", "accepted", "dropped", "conntrack"];

/// Prints a table, a scenario a line; the columns are as wide as their widest cell.
pub(super) fn print(results: &[(Scenario, Report)]) {
    let Some((first, _)) = results.first() else { return };
    println!("{}, MTU {}; two strongSwan daemons, IKE_AUTH fragmented by IP\n", first.family, first.mtu);
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(results.iter().map(|(scenario, report)| cells(scenario, report)));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", line.join("  ").trim_end());
    }
}

fn cells(scenario: &Scenario, report: &Report) -> [String; 7] {
    let verdicts = report.verdicts();
    let count = |packets: Option<u64>| packets.map_or_else(|| "-".to_owned(), |packets| packets.to_string());
    [
        scenario.filter.to_string(),
        report.outcome.to_string(),
        report.wire.ike_auth_fragments().to_string(),
        report.wire.retransmissions.to_string(),
        count(verdicts.map(|verdicts| verdicts.accepted)),
        count(verdicts.map(|verdicts| verdicts.dropped)),
        if report.conntrack_in_use() { "in use" } else { "not in use" }.to_owned(),
    ]
}

/// The same and each host's counters as JSON.
pub(super) fn json(results: &[(Scenario, Report)]) -> Value {
    let scenarios: Vec<Value> = results
        .iter()
        .map(|(scenario, report)| {
            json!({
                "filter": scenario.filter.to_string(),
                "family": scenario.family,
                "mtu": scenario.mtu,
                "outcome": report.outcome,
                "expected": scenario.expected(),
                "wire": report.wire,
                "initiator": host(&report.initiator),
                "responder": host(&report.responder),
            })
        })
        .collect();
    json!({ "version": 1, "scenarios": scenarios })
}

fn host(host: &Host) -> Value {
    json!({
        "conntrack_entries": host.conntrack_entries,
        "verdicts": host.verdicts,
        "fragwall": host.statistics.as_ref().map(|statistics| statistics.json()),
    })
}
