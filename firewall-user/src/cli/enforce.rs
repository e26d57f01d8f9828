//! `fragwall enforce`

use clap::Args;
use firewall_common::stance::Stance;
use serde::Serialize;

use super::{Global, change::Safety, output};
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
}

impl Enforce {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let changed = filter.document().stance != Stance::Enforcing;
        if changed {
            let config = filter.document().config.clone();
            filter.change(config, Stance::Enforcing, &self.safety.precautions())?;
            self.safety.remind();
        }
        if global.json {
            return output::json(&Report { changed });
        }
        output::say(if changed { "the rules are enforced" } else { "the rules were enforced already" });
        Ok(())
    }
}
