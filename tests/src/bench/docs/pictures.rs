//! The pictures: which figures are in which.

use anyhow::{Context as _, Result};

use super::{
    super::{
        IN_FLIGHT, SOURCES,
        live::{Row, Table},
        plot::{Bar, Group, Plot},
        report::{Report, Row as TimesRow},
        throughput::{RATE, SIZES},
    },
    WHOLE,
};

/// The pictures, by the names of their files.
///
/// # Errors
/// The report lacks a section.
pub(super) fn all(report: &Report) -> Result<Vec<(&'static str, Plot)>> {
    let live = |name: &str| {
        report
            .live
            .iter()
            .find(|table| table.name == name)
            .with_context(|| format!("there's no section {name}"))
    };
    let (throughput, sizes) = (live("throughput")?, live(SIZES)?);
    let (echo, goodput) = (live("echo")?, live("goodput")?);
    let plot = |title: &str, unit, groups| Plot { title: title.to_owned(), unit, groups, foot: foot(report) };
    let is_one = |row: &Row| row.cpus == 1;
    let accepted = |row: &Row| row.traffic.ends_with("accepted");
    let flood = |row: &Row| row.traffic.starts_with("flood");
    let speed = |of: &dyn Fn(&Row) -> bool| groups(throughput, RATE, of);
    Ok(vec![
        (
            "denied",
            plot(
                "Packets that are denied, by one CPU",
                "million a second",
                speed(&|row| is_one(row) && row.traffic.ends_with("denied") && !flood(row)),
            ),
        ),
        (
            "accepted",
            plot(
                "Packets that are accepted, by one CPU",
                "million a second",
                speed(&|row| is_one(row) && accepted(row)),
            ),
        ),
        ("floods", plot("Floods, by one CPU", "million a second", speed(&flood))),
        ("cpus", plot("Packets by two CPUs", "million a second", speed(&|row| row.cpus == 2))),
        (
            "table-sizes",
            plot(
                "Fragments through fragment tables of several sizes",
                "million a second",
                groups(sizes, RATE, &|_| true),
            ),
        ),
        (
            "scale",
            Plot {
                title: "What a fragment costs over no-op, of many datagrams and sources".to_owned(),
                unit: "ns",
                groups: [over_noop(report, IN_FLIGHT)?, over_noop(report, SOURCES)?].concat(),
                foot: foot_of(report, report.effort.rounds),
            },
        ),
        (
            "echo",
            plot(
                "Half of all round trips take no longer than",
                "microseconds",
                groups(echo, "p50", &|_| true),
            ),
        ),
        (
            "echo-tail",
            plot("99 of 100 round trips take no longer than", "microseconds", groups(echo, "p99", &|_| true)),
        ),
        (
            "goodput",
            plot("What arrives of what a socket sends", "Gbit/s", groups(goodput, "goodput", &|_| true)),
        ),
        ("rules", plot("A packet that no rule matches, over a veth", "ns", rules(report)?)),
    ])
}

/// A group for each kind of traffic.
fn groups(table: &Table, figure: &str, wanted: &dyn Fn(&Row) -> bool) -> Vec<Group> {
    let bar = |row: &Row| {
        // A rate at which accepted datagrams are dropped isn't one to compare.
        let is_dropped = row.traffic.ends_with("accepted") && row.arrived < WHOLE;
        let value = row.figure(figure).filter(|_| !is_dropped);
        Bar { name: row.contender.clone(), value }
    };
    let blocks = table.blocks().into_iter().filter(|block| wanted(&block[0]));
    blocks
        .map(|block| Group { name: block[0].traffic.clone(), bars: block.iter().map(bar).collect() })
        .collect()
}

/// A group for each kind of packet of a section whose rows name it first, and then how many there are of what.
fn over_noop(report: &Report, name: &str) -> Result<Vec<Group>> {
    grouped(report, name, |row, packet, many| {
        (packet.to_owned(), Bar { name: format!("Fragwall, {many}"), value: Some(row.over_noop) })
    })
}

/// A group for each size of a ruleset.
fn rules(report: &Report) -> Result<Vec<Group>> {
    grouped(report, "nftables", |row, who, rules| {
        (rules.to_owned(), Bar { name: who.to_owned(), value: Some(row.nanoseconds) })
    })
}

/// The rows of a section, whose names have two parts, as bars of groups: those of a group come one after the other.
fn grouped(
    report: &Report,
    name: &str,
    bar: impl Fn(&TimesRow, &str, &str) -> (String, Bar),
) -> Result<Vec<Group>> {
    let section = report.sections.iter().find(|section| section.name == name);
    let rows = &section.with_context(|| format!("there's no section {name}"))?.rows;
    let mut groups: Vec<Group> = Vec::new();
    for row in rows {
        let (first, second) = row.name.split_once(", ").context("a row whose name has one part")?;
        let (of, bar) = bar(row, first, second);
        match groups.last_mut().filter(|group| group.name == of) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { name: of, bars: vec![bar] }),
        }
    }
    Ok(groups)
}

/// Where the figures come from, in lines that fit.
fn foot(report: &Report) -> Vec<String> {
    foot_of(report, report.effort.live_rounds)
}

/// The same for figures of so many rounds.
fn foot_of(report: &Report, rounds: usize) -> Vec<String> {
    vec![
        format!("Medians of {rounds} interleaved rounds, with the least and the most."),
        report.provenance.to_string(),
    ]
}
