//! What filtering costs. First what the program costs a packet: `BPF_PROG_TEST_RUN` of each path, beside a program that passes everything, in
//! one interleaved run. Then live traffic over a veth, through Fragwall and through what a user would pick instead.

pub mod beside;
pub mod cases;
pub mod consistent;
pub mod contenders;
pub mod docs;
pub mod felt;
pub mod filter;
pub mod flood;
pub mod flows;
pub mod live;
pub mod meter;
pub mod monitor;
pub mod plot;
pub mod program;
pub mod provenance;
pub mod replies;
pub mod report;
pub mod rules;
pub mod throughput;
pub mod watch;
pub mod xdp_filter;

use std::time::Duration;

use anyhow::{Context as _, Result};
use fragwall::kernel::instance::Instance;
use serde::Serialize;

use live::{LeftOut, Table};
use provenance::Provenance;
use report::{Report, Row, Sample, Section};

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Effort {
    /// How often each case is run in turn.
    pub rounds: usize,
    /// How many packets a run has, where it's the same packet over and over.
    pub repeat: u32,
    /// How often each case of live traffic is run in turn.
    pub live_rounds: usize,
    /// How long such a run takes.
    #[serde(rename = "live_seconds", serialize_with = "in_seconds")]
    pub live: Duration,
}

impl Effort {
    /// As much as it takes for figures that say something.
    pub const FULL: Self =
        Self { rounds: 21, repeat: 100_000, live_rounds: 7, live: Duration::from_millis(150) };
    /// As little as it takes to see that everything can be measured.
    pub const QUICK: Self = Self { rounds: 1, repeat: 1, live_rounds: 1, live: Duration::from_millis(20) };
}

fn in_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// Something that is measured.
pub trait Timed {
    /// Makes sure that the packets fare as they should, so that a figure says what it seems to.
    ///
    /// # Errors
    /// They don't.
    fn check(&mut self) -> Result<()>;

    /// Nanoseconds a packet, by the kernel's own average, in whole ones: of the program, and of the one that does
    /// nothing. (The call as a whole takes tens of milliseconds, since it waits for RCU grace periods.)
    ///
    /// # Errors
    /// The kernel refuses a packet.
    fn sample(&mut self, repeat: u32) -> Result<(f64, f64)>;

    /// What came of it.
    ///
    /// # Errors
    /// The kernel tells nothing about the program.
    fn row(&mut self, samples: &[(f64, f64)]) -> Result<Row>;
}

/// The cases of a section, and whose couldn't be had.
type Cases = fn() -> Result<(Vec<Box<dyn Timed>>, Vec<LeftOut>)>;

/// The name of the section on how many datagrams are in flight.
const IN_FLIGHT: &str = "in-flight";
/// The name of the section on how many sources datagrams come from.
const SOURCES: &str = "sources";

/// The sections of a report, and their cases.
const SECTIONS: [(&str, Cases); 12] = [
    ("packet", || cases::all().map(complete)),
    ("replies", || replies::ingress().map(complete)),
    ("egress", || replies::egress().map(complete)),
    ("watch", || watch::all().map(complete)),
    ("rules", || {
        let (beside, left_out) = xdp_filter::all()?;
        Ok(([rules::all()?, beside].into_iter().flat_map(boxed).collect(), left_out))
    }),
    ("prefixes", || rules::prefixes().map(complete)),
    ("fragments", || flows::kinds().map(complete)),
    ("floods", || flows::floods().map(complete)),
    ("sizes", || flows::sizes().map(complete)),
    (IN_FLIGHT, || flows::in_flight().map(complete)),
    (SOURCES, || flows::sources().map(complete)),
    ("tables", || flows::tables().map(complete)),
];

/// What measures a whole section of times.
type Measure = fn(Effort) -> Result<Section>;

/// The sections of times that are measured as a whole, over a veth, after the others.
const OVER_VETH: [(&str, Measure); 2] = [("monitor", monitor::section), ("nftables", beside::section)];

/// What measures a section of live traffic.
type Live = fn(Effort) -> Result<Table>;

/// The sections of live traffic, after all others.
const LIVE: [(&str, Live); 4] = [
    ("throughput", throughput::table),
    (throughput::SIZES, throughput::table_sizes),
    ("echo", felt::echo),
    ("goodput", felt::goodput),
];

/// The names of the sections of times.
pub fn times_names() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|(name, _)| *name).chain(OVER_VETH.iter().map(|(name, _)| *name))
}

/// The names of the sections of live traffic.
pub fn live_names() -> impl Iterator<Item = &'static str> {
    LIVE.iter().map(|(name, _)| *name)
}

/// Measures every case, or those of some sections.
///
/// # Errors
/// The kernel refuses a program or a packet, or a case takes another path than it says.
pub fn run(effort: Effort, only: &[String], mut progress: impl FnMut(&str)) -> Result<Report> {
    let provenance = Provenance::here()?;
    let mut noop = Instance::noop().context("loading the program that does nothing")?;
    let yardstick = cases::yardstick();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let mut sections = Vec::new();
    for (name, cases) in SECTIONS {
        if is_wanted(name) {
            let (cases, left_out) = cases()?;
            sections.push((name, cases, left_out));
        }
    }
    let mut samples: Vec<Vec<_>> = Vec::new();
    for (_, cases, _) in &mut sections {
        cases.iter_mut().try_for_each(|case| case.check())?;
        samples.push(vec![Vec::with_capacity(effort.rounds); cases.len()]);
    }
    let mut noop_samples = Vec::with_capacity(effort.rounds);
    for round in 0..effort.rounds {
        if !sections.is_empty() {
            progress(&format!("round {} of {}", round + 1, effort.rounds));
        }
        noop_samples.push(noop.run(&yardstick, effort.repeat)?.duration.as_nanos() as f64);
        for ((_, cases, _), samples) in sections.iter_mut().zip(&mut samples) {
            for (case, samples) in cases.iter_mut().zip(samples) {
                samples.push(case.sample(effort.repeat)?);
            }
        }
    }
    let mut report = Report {
        provenance,
        effort,
        noop: Sample::of(&noop_samples),
        sections: Vec::new(),
        live: Vec::new(),
        ruleset: rules::effort()?,
    };
    for ((name, mut cases, left_out), samples) in sections.into_iter().zip(&samples) {
        let rows = cases.iter_mut().zip(samples).map(|(case, samples)| case.row(samples));
        let rows = rows.collect::<Result<_>>()?;
        report.sections.push(Section { name, title: name, over: "no-op", rows, left_out });
    }
    for (name, section) in OVER_VETH.iter().filter(|(name, _)| is_wanted(name)) {
        progress(name);
        report.sections.push(section(effort).with_context(|| format!("measuring {name}"))?);
    }
    for (name, table) in LIVE.iter().filter(|(name, _)| is_wanted(name)) {
        progress(name);
        report.live.push(table(effort).with_context(|| format!("measuring {name}"))?);
    }
    Ok(report)
}

/// Cases of which none is left out.
fn complete<T: Timed + 'static>(cases: Vec<T>) -> (Vec<Box<dyn Timed>>, Vec<LeftOut>) {
    (boxed(cases), Vec::new())
}

fn boxed<T: Timed + 'static>(cases: Vec<T>) -> Vec<Box<dyn Timed>> {
    cases.into_iter().map(|case| Box::new(case) as Box<dyn Timed>).collect()
}
