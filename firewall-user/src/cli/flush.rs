//! `fragwall flush`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::kernel::filter::Filter;

/// Delete all rules.
///
/// The default stays, and the filter stays attached.
#[derive(Args, Debug)]
pub(super) struct Flush {}

#[derive(Serialize)]
struct Report {
    deleted: usize,
}

impl Flush {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let deleted = filter.document().config.rules.len();
        if deleted > 0 {
            filter.replace_rules(Vec::new())?;
        }
        if global.json {
            return output::json(&Report { deleted });
        }
        output::say(format_args!("deleted {deleted} rule{}", if deleted == 1 { "" } else { "s" }));
        Ok(())
    }
}
