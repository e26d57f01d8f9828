//! What the runs come to.

use anyhow::{Context as _, Result};

use super::{
    super::{
        contenders::Contender,
        live::{Figure, Ratio, Row},
        report::Sample,
    },
    Comparison, Runs,
    traffic::{
        Fate, KINDS, PAIRS_ACCEPTED, PAIRS_DENIED, REVERSED_ACCEPTED, REVERSED_DENIED, WHOLE_ACCEPTED,
        WHOLE_DENIED,
    },
};

/// What the figure of packets a second is called.
pub const RATE: &str = "rate";

/// What is compared with what, and what the ratio should be at least.
const RATIOS: [(&str, Contender, Contender, f64); 9] = [
    (WHOLE_DENIED, Contender::Fragwall, Contender::BareDrop, 0.95),
    (PAIRS_DENIED, Contender::Fragwall, Contender::BareDrop, 0.95),
    (REVERSED_DENIED, Contender::Fragwall, Contender::BareDrop, 0.95),
    (WHOLE_DENIED, Contender::Fragwall, Contender::XdpFilter, 1.0),
    (PAIRS_DENIED, Contender::Fragwall, Contender::Conntrack, 6.0),
    (REVERSED_DENIED, Contender::Fragwall, Contender::Conntrack, 6.0),
    (WHOLE_ACCEPTED, Contender::Fragwall, Contender::Unfiltered, 0.97),
    (PAIRS_ACCEPTED, Contender::Fragwall, Contender::Unfiltered, 0.97),
    (REVERSED_ACCEPTED, Contender::Fragwall, Contender::Unfiltered, 0.97),
];

/// The rows of a comparison's contenders that are there.
///
/// # Errors
/// One wasn't measured.
pub(super) fn rows(comparison: &Comparison, runs: &Runs, there: &[Contender]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, kind) in comparison.kinds() {
        // What costs the least that can be done with it.
        let least = if kind.fate == Fate::Accepted { Contender::Unfiltered } else { Contender::BareDrop };
        for cpus in 1..=comparison.cpus_of(kind) {
            let time = |rate: f64| cpus as f64 * 1e9 / rate;
            let of = |contender| {
                runs.get(&(number, cpus, contender))
                    .with_context(|| format!("{contender} wasn't measured: {}", kind.name))
            };
            let least = of(least)?;
            for &contender in there.iter().filter(|contender| kind.concerns(**contender)) {
                let runs = of(contender)?;
                let rates: Vec<f64> = runs.iter().map(|run| run.rate / 1e6).collect();
                let times: Vec<f64> = runs.iter().map(|run| time(run.rate)).collect();
                let over: Vec<f64> =
                    runs.iter().zip(least).map(|(own, least)| time(own.rate) - time(least.rate)).collect();
                let arrived: Vec<f64> = runs.iter().map(|run| run.arrived).collect();
                rows.push(Row {
                    traffic: kind.name.to_owned(),
                    cpus,
                    contender: contender.to_string(),
                    figures: vec![
                        Figure { name: RATE, unit: "Mpps", sample: Sample::of(&rates) },
                        Figure { name: "CPU", unit: "ns", sample: Sample::of(&times) },
                        Figure { name: "over least", unit: "ns", sample: Sample::of(&over) },
                    ],
                    arrived: Sample::of(&arrived).median,
                });
            }
        }
    }
    Ok(rows)
}

/// The ratios, of one CPU's traffic, of those whose contenders could both be had.
pub(super) fn ratios(runs: &Runs) -> Vec<Ratio> {
    let ratio = |&(name, contender, beside, goal): &(&str, Contender, Contender, f64)| {
        let number = KINDS.iter().position(|kind| kind.name == name)?;
        let runs = |contender| runs.get(&(number, 1, contender));
        let pairs = runs(contender)?.iter().zip(runs(beside)?);
        let ratios: Vec<f64> = pairs.map(|(own, other)| own.rate / other.rate).collect();
        Some(Ratio {
            traffic: name.to_owned(),
            contender: contender.to_string(),
            beside: beside.to_string(),
            goal,
            sample: Sample::of(&ratios),
        })
    };
    RATIOS.iter().filter_map(ratio).collect()
}
