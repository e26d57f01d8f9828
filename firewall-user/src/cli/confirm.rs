//! `fragwall confirm`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::kernel::filter;

/// Keep a change that was made with `--confirm`.
///
/// It fails if the change has been undone already, or if there's none that awaits confirmation.
#[derive(Args, Debug)]
pub(super) struct Confirm {}

#[derive(Serialize)]
struct Report {
    confirmed: bool,
}

impl Confirm {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        filter::confirm(&global.bpffs)?;
        if global.json {
            return output::json(&Report { confirmed: true });
        }
        output::say("the change stays in force");
        Ok(())
    }
}
