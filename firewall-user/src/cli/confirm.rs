//! `fragwall confirm`

use clap::Args;
use serde::Serialize;

use super::{Global, output, takeover};
use crate::kernel::filter;

/// Keep a change that was made with `--confirm`.
///
/// It fails if the change has been undone already, or if there's none that awaits confirmation.
#[derive(Args, Debug)]
pub(super) struct Confirm {}

#[derive(Serialize)]
struct Report {
    confirmed: bool,
    taken_over: Option<takeover::Report>,
}

impl Confirm {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let taken_over = filter::confirm(&global.bpffs)?;
        takeover::say(taken_over.as_ref());
        if global.json {
            return output::json(&Report {
                confirmed: true,
                taken_over: takeover::report(taken_over.as_ref()),
            });
        }
        output::say("the change stays in force");
        Ok(())
    }
}
