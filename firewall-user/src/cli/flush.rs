//! `fragwall flush`

use clap::Args;
use serde::Serialize;

use super::{Global, change::Safety, output, takeover};
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
    taken_over: Option<takeover::Report>,
}

impl Flush {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let deleted = filter.document().config.rules.len();
        let mut taken_over = None;
        if deleted > 0 {
            let stance = filter.document().stance;
            let config = Config { rules: Vec::new(), ..filter.document().config.clone() };
            taken_over = filter.change(config, stance, &self.safety.precautions())?;
            self.safety.remind();
            takeover::say(taken_over.as_ref());
        }
        if global.json {
            return output::json(&Report { deleted, taken_over: takeover::report(taken_over.as_ref()) });
        }
        output::say(format_args!("deleted {deleted} rule{}", if deleted == 1 { "" } else { "s" }));
        Ok(())
    }
}
