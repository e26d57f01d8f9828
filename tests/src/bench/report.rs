//! A benchmark's figures, as a table and as JSON.

use std::fmt::{self, Write as _};

use anyhow::{Result, ensure};
use fragwall::kernel::size::Size;
use serde::Serialize;

use super::{
    Effort,
    live::{LeftOut, Table},
    provenance::Provenance,
};

/// The version of the JSON's form: it changes with what programs that read it have to know.
const SCHEMA: u32 = 4;

/// A median with its spread, in the unit of what it is of.
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
    /// How large its machine code is, in bytes.
    #[serde(rename = "machine_code_bytes")]
    pub machine_code: Option<u32>,
}

impl Row {
    /// Of samples of a program and of the one that does nothing.
    ///
    /// # Errors
    /// There are none.
    pub fn new(name: String, samples: &[(f64, f64)], size: Option<Size>) -> Result<Self> {
        ensure!(!samples.is_empty(), "{name} wasn't measured");
        let nanoseconds: Vec<f64> = samples.iter().map(|(timed, _)| *timed).collect();
        let over: Vec<f64> = samples.iter().map(|(timed, yardstick)| timed - yardstick).collect();
        let least_yardstick = samples.iter().map(|(_, yardstick)| *yardstick).fold(f64::INFINITY, f64::min);
        Ok(Self {
            name,
            undisturbed: Sample::of(&nanoseconds).min - least_yardstick,
            nanoseconds: Sample::of(&nanoseconds),
            over_noop: Sample::of(&over),
            verified_instructions: size.and_then(|size| size.verified_instructions),
            machine_code: size.map(|size| size.machine_code),
        })
    }
}

/// Cases that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// The section's name.
    pub name: &'static str,
    /// What they have in common.
    pub title: &'static str,
    /// What they are compared with.
    pub over: &'static str,
    /// The cases.
    pub rows: Vec<Row>,
    /// Whose cases couldn't be had.
    pub left_out: Vec<LeftOut>,
}

/// All figures of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What they were taken on.
    pub provenance: Provenance,
    /// How much was measured.
    pub effort: Effort,
    /// The no-op program.
    pub noop: Sample,
    /// What packets cost.
    pub sections: Vec<Section>,
    /// What live traffic tells.
    pub live: Vec<Table>,
    /// What it takes to put a large ruleset into force.
    pub ruleset: String,
}

impl Report {
    /// The figures as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let Self { provenance, effort, noop, sections, live, ruleset } = self;
        serde_json::json!({
            "version": SCHEMA, "provenance": provenance, "effort": effort, "noop": noop, "sections": sections, "live": live,
            "ruleset": ruleset,
        })
    }

    /// A section of times as text; the one at the beginning tells of the no-op program, too, if it's compared with that.
    #[must_use]
    pub fn times(&self, name: &str) -> Option<String> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let is_first = section.over == "no-op" && self.sections[0].name == name;
        Some(section.text(is_first.then_some(self.noop)))
    }

    /// What there is to say of the times as a whole.
    #[must_use]
    pub fn summary(&self) -> String {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        let most = |of: fn(&Row) -> Option<u32>, what: &str| {
            let most = rows.clone().filter_map(of).max();
            most.map(|most| format!("{what}: {most}\n")).unwrap_or_default()
        };
        let walked = most(|row| row.verified_instructions, "instructions walked by the verifier");
        let code = most(|row| row.machine_code, "bytes of machine code");
        format!("{walked}{code}{}\n", self.ruleset)
    }
}

impl Section {
    fn text(&self, noop: Option<Sample>) -> String {
        let Self { name: _, title, over, rows, left_out } = self;
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = writeln!(
            text,
            "{title:<42} {:>8} {:>10} {:>11}  {:>15}",
            "ns",
            format!("over {over}"),
            "undisturbed",
            "spread"
        );
        if let Some(noop) = noop {
            let _ = writeln!(
                text,
                "{:<42} {:>8.1} {:>10} {:>11}  {:>6.1} - {:<6.1}",
                "(no-op program)", noop.median, "", noop.min, noop.min, noop.max
            );
        }
        for Row { name, nanoseconds, over_noop, undisturbed, verified_instructions: _, machine_code: _ } in
            rows
        {
            let _ = writeln!(
                text,
                "{name:<42} {:>8.1} {:>10.1} {undisturbed:>11.1}  {:>6.1} - {:<6.1}",
                nanoseconds.median, over_noop.median, over_noop.min, over_noop.max
            );
        }
        for left_out in left_out {
            let _ = writeln!(text, "{left_out}");
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provenance, effort: Effort { rounds, repeat, live_rounds, live: _ }, .. } = self;
        writeln!(f, "{provenance}\n")?;
        for text in self.sections.iter().filter_map(|section| self.times(section.name)) {
            writeln!(f, "{text}")?;
        }
        if !self.sections.is_empty() {
            writeln!(
                f,
                "medians of {rounds} interleaved rounds, of {repeat} packets where they are all the same; the spread is over \
                 no-op; undisturbed is the least less the no-op program's least. Packets that differ are made in the kernel, which their ns hold and what is over no-op doesn't."
            )?;
        }
        writeln!(f, "{}", self.summary())?;
        for table in &self.live {
            writeln!(f, "{}: medians of {live_rounds} interleaved rounds\n\n{table}", table.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let provenance = Provenance {
            kernel: "6.18".to_owned(),
            cpu: "a CPU".to_owned(),
            cpus: 2,
            virtual_machine: true,
            date: "2026-01-02T03:04:05Z".to_owned(),
            commit: None,
        };
        let rows =
            vec![Row::new("a case".to_owned(), &[(30.0, 10.0), (50.0, 11.0), (40.0, 12.0)], None).unwrap()];
        let left_out = vec![LeftOut { contender: "another".to_owned(), reason: "it isn't there".to_owned() }];
        let section = Section { name: "packet", title: "packet", over: "no-op", rows, left_out };
        let effort = Effort { rounds: 3, repeat: 5, live_rounds: 1, live: Duration::from_millis(500) };
        let noop = Sample::of(&[10.0, 11.0, 12.0]);
        Report {
            provenance,
            effort,
            noop,
            sections: vec![section],
            live: Vec::new(),
            ruleset: "4096 rules".to_owned(),
        }
    }

    #[test]
    fn the_json_has_a_version_and_what_the_figures_were_taken_on() {
        let json = report().json();
        assert_eq!(json["version"], SCHEMA);
        assert_eq!(json["provenance"]["kernel"], "6.18");
        assert_eq!(json["effort"]["live_seconds"], 0.5);
        let section = &json["sections"][0];
        assert_eq!(section["rows"][0]["over_noop"]["median"], 28.0);
        assert_eq!(section["rows"][0]["undisturbed"], 20.0);
        assert_eq!(section["left_out"][0]["reason"], "it isn't there");
    }

    #[test]
    fn the_text_names_who_is_left_out() {
        let text = report().times("packet").unwrap();
        assert!(text.contains("(no-op program)") && text.contains("a case"), "{text}");
        assert!(text.ends_with("another is left out: it isn't there\n"), "{text}");
        assert_eq!(report().times("rules"), None);
    }
}
