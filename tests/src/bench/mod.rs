//! What the program costs a packet: `BPF_PROG_TEST_RUN` of each path, beside a program that passes everything, in one
//! interleaved run.

pub mod beside;
pub mod cases;
pub mod flood;
pub mod flows;
pub mod monitor;
pub mod program;
pub mod replies;
pub mod report;
pub mod rules;
pub mod watch;
pub mod xdp_filter;

use anyhow::{Context as _, Result};
use fragwall::kernel::instance::Instance;

use report::{Report, Row, Sample, Section};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each case is run in turn.
    pub rounds: usize,
    /// How many packets a run has, where it's the same packet over and over.
    pub repeat: u32,
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

/// The cases of a section.
type Cases = fn() -> Result<Vec<Box<dyn Timed>>>;

/// The sections of a report, and their cases.
const SECTIONS: [(&str, Cases); 10] = [
    ("packet", || cases::all().map(boxed)),
    ("replies", || replies::ingress().map(boxed)),
    ("egress", || replies::egress().map(boxed)),
    ("watch", || watch::all().map(boxed)),
    ("rules", || Ok([rules::all()?, xdp_filter::all()?].into_iter().flat_map(boxed).collect())),
    ("prefixes", || rules::prefixes().map(boxed)),
    ("fragments", || flows::kinds().map(boxed)),
    ("floods", || flows::floods().map(boxed)),
    ("sizes", || flows::sizes().map(boxed)),
    ("tables", || flows::tables().map(boxed)),
];

/// What measures a whole section.
type Measure = fn() -> Result<Section>;

/// The sections that are measured as a whole, over a veth, after all others.
const LIVE: [(&str, Measure); 2] = [("monitor", monitor::section), ("nftables", beside::section)];

/// The names of the sections.
pub fn section_names() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|(name, _)| *name).chain(LIVE.iter().map(|(name, _)| *name))
}

/// Measures every case, or those of some sections.
///
/// # Errors
/// The kernel refuses a program or a packet, or a case takes another path than it says.
pub fn run(effort: Effort, only: &[String], mut progress: impl FnMut(usize)) -> Result<Report> {
    let mut noop = Instance::noop().context("loading the program that does nothing")?;
    let yardstick = cases::yardstick();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let mut sections = Vec::new();
    for (name, cases) in SECTIONS {
        if is_wanted(name) {
            sections.push((name, cases()?));
        }
    }
    let mut samples: Vec<Vec<_>> = Vec::new();
    for (_, cases) in &mut sections {
        cases.iter_mut().try_for_each(|case| case.check())?;
        samples.push(vec![Vec::with_capacity(effort.rounds); cases.len()]);
    }
    let mut noop_samples = Vec::with_capacity(effort.rounds);
    for round in 0..effort.rounds {
        progress(round);
        noop_samples.push(noop.run(&yardstick, effort.repeat)?.duration.as_nanos() as f64);
        for ((_, cases), samples) in sections.iter_mut().zip(&mut samples) {
            for (case, samples) in cases.iter_mut().zip(samples) {
                samples.push(case.sample(effort.repeat)?);
            }
        }
    }
    let mut report =
        Report { effort, noop: Sample::of(&noop_samples), sections: Vec::new(), ruleset: rules::effort()? };
    for ((name, cases), samples) in sections.iter_mut().zip(&samples) {
        let rows = cases.iter_mut().zip(samples).map(|(case, samples)| case.row(samples));
        report.sections.push(Section { name, over: "no-op", rows: rows.collect::<Result<_>>()? });
    }
    for (_, section) in LIVE.iter().filter(|(name, _)| is_wanted(name)) {
        report.sections.push(section()?);
    }
    Ok(report)
}

fn boxed<T: Timed + 'static>(cases: Vec<T>) -> Vec<Box<dyn Timed>> {
    cases.into_iter().map(|case| Box::new(case) as Box<dyn Timed>).collect()
}
