//! `fragwall upgrade`

use clap::Args;
use serde::Serialize;

use super::{Global, change::Confirmation, output, takeover};
use crate::kernel::filter;

/// Have this version's program take over the filter in force.
///
/// The rules in force, the settings and the interfaces stay, whatever the config file says. Each packet is judged by the old program
/// or by the new one, and none is lost or unfiltered. Fragments in flight, flows, limits and counters go on, unless the two versions
/// mean something else by them: then this says which start anew. `fragwall status` says so beforehand. Every command that changes
/// the rules takes the filter over, too.
#[derive(Args, Debug)]
pub(super) struct Upgrade {
    /// Also if the filter in force is of a newer version than this one, as long as this one understands what that one has pinned.
    #[arg(long)]
    downgrade: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Serialize)]
struct Report {
    upgraded: bool,
    taken_over: Option<takeover::Report>,
}

impl Upgrade {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        // The rules stay: whoever would be locked out is so already.
        let precautions = self.confirmation.precautions(&|_| Ok(()));
        let taken_over = filter::upgrade(&global.bpffs, self.downgrade, &precautions)?;
        takeover::say(taken_over.as_ref());
        if taken_over.is_some() {
            self.confirmation.remind();
        }
        if global.json {
            let taken_over = takeover::report(taken_over.as_ref());
            return output::json(&Report { upgraded: taken_over.is_some(), taken_over });
        }
        if taken_over.is_none() {
            output::say("nothing changes: the program in force is this version's already");
        }
        Ok(())
    }
}
