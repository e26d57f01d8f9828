//! `fragwall enforce`

use clap::Args;
use firewall_common::stance::Stance;
use serde::Serialize;

use super::{Global, change::Safety, output, takeover};
use crate::kernel::filter::Filter;

/// Carry out the verdicts of a filter that only observes.
///
/// A filter attached or applied with `--observe` judges and counts packets, and passes them all. This command has it drop
/// what its rules deny, from one moment on.
#[derive(Args, Debug)]
pub(super) struct Enforce {
    #[command(flatten)]
    safety: Safety,
}

#[derive(Serialize)]
struct Report {
    changed: bool,
    taken_over: Option<takeover::Report>,
}

impl Enforce {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let changed = filter.document().stance != Stance::Enforcing;
        let mut taken_over = None;
        if changed {
            let config = filter.document().config.clone();
            taken_over = filter.change(config, Stance::Enforcing, &self.safety.precautions())?;
            self.safety.remind();
            takeover::say(taken_over.as_ref());
        }
        if global.json {
            return output::json(&Report { changed, taken_over: takeover::report(taken_over.as_ref()) });
        }
        output::say(if changed { "the rules are enforced" } else { "the rules were enforced already" });
        Ok(())
    }
}
