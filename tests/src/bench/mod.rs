//! What the program costs a packet: `BPF_PROG_TEST_RUN` of each path, beside a program that passes everything, in one
//! interleaved run.

pub mod cases;
pub mod report;

use anyhow::{Context as _, Result};
use fragwall::kernel::instance::Instance;

use cases::Case;
use report::{Report, Row, Sample};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each case is run in turn.
    pub rounds: usize,
    /// How many packets a run has.
    pub repeat: u32,
}

/// Measures every case.
///
/// # Errors
/// The kernel refuses a program or a packet, or a case takes another path than it says.
pub fn run(effort: Effort, mut progress: impl FnMut(usize)) -> Result<Report> {
    let mut noop = Instance::noop().context("loading the program that does nothing")?;
    let mut cases = cases::all()?;
    let mut noop_samples = Vec::with_capacity(effort.rounds);
    let mut samples = vec![Vec::with_capacity(effort.rounds); cases.len()];
    for case in &mut cases {
        case.check()?;
    }
    let yardstick = cases[0].frame.clone();
    for round in 0..effort.rounds {
        progress(round);
        noop_samples.push(time(&mut noop, &yardstick, effort.repeat)?);
        for (case, samples) in cases.iter_mut().zip(&mut samples) {
            // Trailing fragments are timed while their datagram is known.
            if let Some(first) = &case.preceded_by {
                case.instance.run(first, 1)?;
            }
            samples.push(time(&mut case.instance, &case.frame, effort.repeat)?);
        }
    }
    let noop_sample = Sample::of(&noop_samples);
    let rows = cases
        .iter_mut()
        .zip(&samples)
        .map(|(case, samples)| -> Result<Row> {
            let Case { name, instance, .. } = case;
            let over: Vec<f64> = samples.iter().zip(&noop_samples).map(|(ns, noop)| ns - noop).collect();
            Ok(Row {
                name: (*name).to_owned(),
                nanoseconds: Sample::of(samples),
                over_noop: Sample::of(&over),
                verified_instructions: instance.verified_instructions()?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Report { effort, noop: noop_sample, rows })
}

/// Nanoseconds a packet: the kernel's own average, in whole nanoseconds. The call as a whole takes tens of milliseconds,
/// since it waits for RCU grace periods.
fn time(instance: &mut Instance, frame: &[u8], repeat: u32) -> Result<f64> {
    Ok(instance.run(frame, repeat)?.duration.as_nanos() as f64)
}
