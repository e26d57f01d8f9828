//! Those who ask the daemon, one after the other.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::interrupt;
use crate::harness::serving::{Serving, samples};

/// How many ask.
const QUESTIONS: u32 = 20;
/// The pause between two.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks for the metrics and whether it's ready; it has to answer, whatever is being changed. While a command takes its time, which it does on
/// a loaded machine, it may say so (503).
pub(super) fn ask(serving: &Serving<'_>, note: &dyn Fn() -> Result<()>) -> Result<()> {
    for _ in 0..QUESTIONS {
        interrupt::check()?;
        for path in ["/metrics", "/readyz"] {
            let answer = serving.get(path)?;
            ensure!(matches!(answer.status, 200 | 503), "{path}: {answer:?}");
            let is_told = path != "/metrics" || answer.status == 503;
            ensure!(
                is_told || samples(&answer.body)?.get("fragwall_up") == Some(&1.0),
                "nothing is filtered"
            );
        }
        note()?;
        thread::sleep(PAUSE);
    }
    Ok(())
}
