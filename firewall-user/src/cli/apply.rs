//! `fragwall apply`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    Global, args,
    attach::{self, Mode, ReportLink},
    change::Safety,
    check, output,
};
use crate::kernel::filter::{self, Applied};

/// Make a config file's rules and settings those in force, on the interfaces that it names.
///
/// All of it takes effect at one moment. Rules that stay keep their counters, and fragments in flight the verdicts of their
/// datagrams. Interfaces that it names are attached to, all others detached; if it names none, they stay as they are. If the
/// filter isn't attached, it's attached to those interfaces. Nothing happens if all of that is in force already.
#[derive(Args, Debug)]
pub(super) struct Apply {
    /// The file.
    #[arg(default_value = args::CONFIG_FILE)]
    file: PathBuf,
    /// Only judge and count packets, and pass them all, until `fragwall enforce`.
    #[arg(long)]
    observe: bool,
    /// How to run on interfaces that are attached to: in the driver (native), in the network stack (generic), or in the
    /// driver where it can (auto).
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    #[command(flatten)]
    safety: Safety,
}

#[derive(Serialize)]
struct Report<'a> {
    changed: bool,
    attached: Vec<ReportLink<'a>>,
    detached: &'a [String],
}

impl Apply {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = args::read(&self.file)?;
        check::warn_of_shadows(&self.file, &config);
        let precautions = self.safety.precautions();
        let applied = filter::apply(&global.bpffs, config, self.observe, self.mode.wanted(), &precautions)?;
        let Applied { changed, attached, detached } = &applied;
        if *changed {
            self.safety.remind();
        }
        if global.json {
            let attached = attached.iter().map(attach::report).collect();
            return output::json(&Report { changed: *changed, attached, detached });
        }
        attached.iter().for_each(attach::say);
        if !detached.is_empty() {
            output::say(format_args!("{}: detached", detached.join(", ")));
        }
        let file = self.file.display();
        if *changed {
            output::say(format_args!("{file}: in force"));
        } else if attached.is_empty() && detached.is_empty() {
            output::say(format_args!("{file}: nothing changes, it's in force already"));
        }
        Ok(())
    }
}
