//! Whether a report is what it should be: every section is there, every row of each, and the figures make sense. Nothing is said of how
//! long anything took.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use super::{
    contenders::Contender,
    live::{Row, Table},
    live_names,
    report::{Report, Sample, Section},
    throughput::SIZES,
    times_names,
};

/// The share of accepted datagrams that must arrive: a link may lose some.
const MOST: f64 = 0.9;

/// Makes sure of it, for a report of all sections.
///
/// # Errors
/// What isn't as it should be.
pub fn check(report: &Report) -> Result<()> {
    for name in times_names() {
        let section = report.sections.iter().find(|section| section.name == name);
        times(section.with_context(|| format!("there's no section {name}"))?)?;
    }
    for name in live_names() {
        let table = report.live.iter().find(|table| table.name == name);
        live(table.with_context(|| format!("there's no section {name}"))?)?;
    }
    Ok(())
}

fn times(section: &Section) -> Result<()> {
    let name = section.name;
    ensure!(!section.rows.is_empty(), "{name} has no rows");
    let names: BTreeSet<&str> = section.rows.iter().map(|row| row.name.as_str()).collect();
    ensure!(names.len() == section.rows.len(), "two rows of {name} bear the same name");
    for row in &section.rows {
        in_order(row.nanoseconds).with_context(|| format!("{name}: {}", row.name))?;
        in_order(row.over_noop).with_context(|| format!("{name}: {}, over {}", row.name, section.over))?;
    }
    Ok(())
}

fn live(table: &Table) -> Result<()> {
    let name = table.name;
    let names: BTreeSet<_> =
        table.rows.iter().map(|row| (row.traffic.as_str(), row.cpus, row.contender.as_str())).collect();
    ensure!(names.len() == table.rows.len(), "two rows of {name} are of the same traffic and contender");
    for block in table.blocks() {
        let Row { traffic, cpus, .. } = &block[0];
        // Each table has Fragwall as it is by default, but for replies where fragment tables are compared.
        let own = if name == SIZES { Contender::FragwallOf(64) } else { Contender::FragwallReplies };
        for contender in [own, Contender::Unfiltered] {
            ensure!(
                table.row(traffic, *cpus, &contender.to_string()).is_some(),
                "{name}: {contender} isn't there for {traffic}"
            );
        }
        // Whoever is there once, and isn't there to drop or pass everything, is there always.
        let others =
            table.rows.iter().map(|row| row.contender.as_str()).filter(|name| !name.starts_with("bare"));
        for other in others {
            ensure!(table.row(traffic, *cpus, other).is_some(), "{name}: {other} isn't there for {traffic}");
        }
    }
    for row in &table.rows {
        let what = format!("{name}: {}, {}", row.traffic, row.contender);
        ensure!((0.0..=1.01).contains(&row.arrived), "{what}: {} of the datagrams arrived", row.arrived);
        fares(row).with_context(|| what.clone())?;
        for figure in &row.figures {
            in_order(figure.sample).with_context(|| format!("{what}: {}", figure.name))?;
        }
        if row.contender.starts_with("Fragwall") || row.contender == Contender::Unfiltered.to_string() {
            ensure!(!row.figures.is_empty(), "{what}: nothing was measured");
        }
    }
    for ratio in &table.ratios {
        in_order(ratio.sample).with_context(|| format!("{name}: a ratio of {}", ratio.traffic))?;
        ensure!(ratio.sample.min > 0.0, "{name}: a ratio of {} that isn't positive", ratio.traffic);
    }
    Ok(())
}

/// Makes sure that datagrams fare as their kind says, where it says that: by the end of its name.
fn fares(row: &Row) -> Result<()> {
    let Row { traffic, contender, arrived, .. } = row;
    if traffic.ends_with("denied") {
        ensure!(*arrived == 0.0, "denied datagrams have arrived");
    }
    let lets_all_in = contender.starts_with("Fragwall") || *contender == Contender::Conntrack.to_string();
    if traffic.ends_with("accepted") && (traffic.starts_with("whole") || lets_all_in) {
        ensure!(*arrived >= MOST, "{arrived} of the accepted datagrams have arrived");
    }
    Ok(())
}

fn in_order(sample: Sample) -> Result<()> {
    let Sample { min, median, max } = sample;
    ensure!(
        min.is_finite() && max.is_finite() && min <= median && median <= max,
        "the least, median and most are {min}, {median} and {max}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::live::Figure;

    fn row(contender: &str, arrived: f64) -> Row {
        let sample = Sample { min: 1.0, median: 2.0, max: 3.0 };
        let figures = vec![Figure { name: "rate", unit: "Mpps", sample }];
        Row { traffic: "whole".to_owned(), cpus: 1, contender: contender.to_owned(), figures, arrived }
    }

    fn table(rows: Vec<Row>) -> Table {
        Table { name: "throughput", rows, ratios: Vec::new(), left_out: Vec::new() }
    }

    fn sound() -> Vec<Row> {
        vec![row("no filter", 1.0), row("Fragwall with replies", 1.0), row("nft, input", 0.0)]
    }

    #[test]
    fn a_sound_table_is_consistent() {
        live(&table(sound())).unwrap();
    }

    #[test]
    fn what_is_missing_or_senseless_is_named() {
        let mut nothing_measured = sound();
        nothing_measured[1].figures.clear();
        let mut not_in_order = sound();
        not_in_order[2].figures[0].sample.median = 4.0;
        let mut too_many = sound();
        too_many[0].arrived = 1.5;
        let mut let_in = sound();
        let_in.iter_mut().for_each(|row| row.traffic = "whole, denied".to_owned());
        let mut kept_out = sound();
        kept_out.iter_mut().for_each(|row| row.traffic = "whole, accepted".to_owned());
        let mut elsewhere_alone = sound();
        elsewhere_alone.push(Row { traffic: "fragments".to_owned(), ..row("no filter", 1.0) });
        let mut twice = sound();
        twice.push(row("no filter", 1.0));
        for (rows, why) in [
            (sound().split_off(1), "no filter isn't there"),
            (nothing_measured, "nothing was measured"),
            (not_in_order, "the least, median and most"),
            (too_many, "of the datagrams arrived"),
            (let_in, "denied datagrams have arrived"),
            (kept_out, "0 of the accepted datagrams have arrived"),
            (elsewhere_alone, "isn't there for fragments"),
            (twice, "the same traffic and contender"),
        ] {
            let error = format!("{:#}", live(&table(rows)).unwrap_err());
            assert!(error.contains(why), "{error:?} instead of {why:?}");
        }
    }
}
