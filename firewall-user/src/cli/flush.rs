//! `fragwall flush`

use clap::Args;
use serde::Serialize;

use super::{Global, change::Safety, output};
use crate::{kernel::filter::Filter, ruleset::Config};

/// Delete all rules.
///
/// The default stays, and the filter stays attached.
#[derive(Args, Debug)]
pub(super) struct Flush {
    #[command(flatten)]
    safety: Safety,
}

#[derive(Serialize)]
struct Report {
    deleted: usize,
}

impl Flush {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let deleted = filter.document().config.rules.len();
        if deleted > 0 {
            let stance = filter.document().stance;
            let config = Config { rules: Vec::new(), ..filter.document().config.clone() };
            filter.change(config, stance, &self.safety.precautions())?;
            self.safety.remind();
        }
        if global.json {
            return output::json(&Report { deleted });
        }
        output::say(format_args!("deleted {deleted} rule{}", if deleted == 1 { "" } else { "s" }));
        Ok(())
    }
}
