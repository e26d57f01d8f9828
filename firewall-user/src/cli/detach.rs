//! `fragwall detach`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::kernel::filter;

/// Take the filter off interfaces, or off all of them.
///
/// With the last interface goes everything: rules, counters, and all that was pinned.
#[derive(Args, Debug)]
pub(super) struct Detach {
    /// The interfaces; all if none is named.
    #[arg(value_name = "IFACE")]
    interfaces: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    detached: Vec<String>,
}

impl Detach {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let detached = filter::detach(&global.bpffs, &self.interfaces)?;
        if global.json {
            return output::json(&Report { detached });
        }
        output::say(format_args!("{}: detached", detached.join(", ")));
        Ok(())
    }
}
