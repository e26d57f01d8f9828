//! `fragwall rollback`

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::kernel::filter;

/// Undo a change that was made with `--confirm`, at once.
///
/// What was in force before it is in force again: the rules, or nothing if the filter was attached by it. It fails if there's
/// no change that awaits confirmation.
#[derive(Args, Debug)]
pub(super) struct Rollback {}

#[derive(Serialize)]
struct Report {
    /// Whether it was this command that undid it, and not its time that had passed.
    in_time: bool,
}

impl Rollback {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let in_time = filter::rollback(&global.bpffs)?;
        if global.json {
            return output::json(&Report { in_time });
        }
        output::say(if in_time { "the change is undone" } else { "the change was undone already" });
        Ok(())
    }
}
