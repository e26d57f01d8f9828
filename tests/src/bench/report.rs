//! A benchmark's figures, as a table and as JSON.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::Effort;

/// A median with its spread, in nanoseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// The least.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Sample {
    /// Of some measurements, at least one.
    #[must_use]
    pub fn of(measured: &[f64]) -> Self {
        let mut sorted = measured.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { min: sorted[0], median: sorted[sorted.len() / 2], max: sorted[sorted.len() - 1] }
    }
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is measured.
    pub name: String,
    /// A packet's time.
    pub nanoseconds: Sample,
    /// The same less the no-op program's, round by round.
    pub over_noop: Sample,
    /// The least time less the no-op program's least time: what is left where nothing else disturbed either. What else runs on a
    /// machine only ever adds to a time.
    pub undisturbed: f64,
    /// How many instructions the verifier walked to accept the program.
    pub verified_instructions: Option<u32>,
}

impl Row {
    /// Of samples of a program and of the one that does nothing.
    ///
    /// # Errors
    /// There are none.
    pub fn new(name: String, samples: &[(f64, f64)], verified_instructions: Option<u32>) -> Result<Self> {
        ensure!(!samples.is_empty(), "{name} wasn't measured");
        let nanoseconds: Vec<f64> = samples.iter().map(|(timed, _)| *timed).collect();
        let over: Vec<f64> = samples.iter().map(|(timed, yardstick)| timed - yardstick).collect();
        let least_yardstick = samples.iter().map(|(_, yardstick)| *yardstick).fold(f64::INFINITY, f64::min);
        Ok(Self {
            name,
            undisturbed: Sample::of(&nanoseconds).min - least_yardstick,
            nanoseconds: Sample::of(&nanoseconds),
            over_noop: Sample::of(&over),
            verified_instructions,
        })
    }
}

/// Cases that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// What they have in common.
    pub name: &'static str,
    /// What they are compared with.
    pub over: &'static str,
    /// The cases.
    pub rows: Vec<Row>,
}

/// All cases of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// How much was measured.
    pub effort: Effort,
    /// The no-op program.
    pub noop: Sample,
    /// The cases.
    pub sections: Vec<Section>,
    /// What it takes to put a large ruleset into force.
    pub ruleset: String,
}

impl Report {
    /// The figures as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let Self { effort: Effort { rounds, repeat }, noop, sections, ruleset } = self;
        serde_json::json!({ "version": 3, "rounds": rounds, "repeat": repeat, "noop": noop, "sections": sections, "ruleset": ruleset })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { effort: Effort { rounds, repeat }, noop, sections, ruleset } = self;
        for (n, Section { name, over, rows }) in sections.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            writeln!(
                f,
                "{gap}{name:<42} {:>8} {:>10} {:>11}  {:>15}",
                "ns",
                format!("over {over}"),
                "undisturbed",
                "spread"
            )?;
            if n == 0 {
                writeln!(
                    f,
                    "{:<42} {:>8.1} {:>10} {:>11}  {:>6.1} - {:<6.1}",
                    "(no-op program)", noop.median, "", noop.min, noop.min, noop.max
                )?;
            }
            for Row { name, nanoseconds, over_noop, undisturbed, verified_instructions: _ } in rows {
                writeln!(
                    f,
                    "{name:<42} {:>8.1} {:>10.1} {undisturbed:>11.1}  {:>6.1} - {:<6.1}",
                    nanoseconds.median, over_noop.median, over_noop.min, over_noop.max
                )?;
            }
        }
        writeln!(
            f,
            "\nmedians of {rounds} interleaved rounds, of {repeat} packets where they are all the same; the spread is over \
             no-op; undisturbed is the least less the no-op program's least. Packets that differ are made in the kernel, which their ns hold and what is over no-op doesn't."
        )?;
        let rows = sections.iter().flat_map(|section| &section.rows);
        if let Some(instructions) = rows.filter_map(|row| row.verified_instructions).max() {
            writeln!(f, "instructions walked by the verifier: {instructions}")?;
        }
        writeln!(f, "{ruleset}")
    }
}
