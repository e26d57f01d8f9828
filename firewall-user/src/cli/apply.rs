//! `fragwall apply`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{
    Global, args,
    attach::{self, Mode, ReportLink},
    change::Safety,
    check, output, takeover,
    wait::{self, Missing},
};
use crate::{
    kernel::{
        Error,
        filter::{self, Applied},
    },
    ruleset::{Config, duration},
};

/// Make a config file's rules and settings those in force, on the interfaces that it names.
///
/// All of it takes effect at one moment. Rules that stay keep their counters, and fragments in flight the verdicts of their
/// datagrams. Interfaces that it names are attached to, all others detached; if it names none, they stay as they are. If the
/// filter isn't attached, it's attached to those interfaces. Nothing happens if all of that is in force already, by this version's
/// program; that of another version is replaced.
#[derive(Args, Debug)]
pub(super) struct Apply {
    /// The file.
    #[arg(default_value = args::CONFIG_FILE)]
    file: PathBuf,
    /// Only judge and count packets, and pass them all, until `fragwall enforce`.
    #[arg(long)]
    observe: bool,
    /// Wait so long, `30s` say, for interfaces that the file names and that aren't there yet. Then filter those that are, and fail
    /// for the others: for use at boot.
    #[arg(long, value_name = "DURATION", value_parser = wait_time)]
    wait: Option<Duration>,
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
    taken_over: Option<takeover::Report>,
}

impl Apply {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let mut config = args::read(&self.file)?;
        check::warn_of_shadows(&self.file, &config);
        let missing = self.wait(&mut config)?;
        let precautions = self.safety.precautions();
        let applied = filter::apply(&global.bpffs, config, self.observe, self.mode.wanted(), &precautions)?;
        let Applied { changed, attached, detached, takeover } = &applied;
        takeover::say(takeover.as_ref());
        if *changed || takeover.is_some() {
            self.safety.remind();
        }
        if global.json {
            let attached = attached.iter().map(attach::report).collect();
            let taken_over = takeover::report(takeover.as_ref());
            output::json(&Report { changed: *changed, attached, detached, taken_over })?;
            return all_came(missing);
        }
        attached.iter().for_each(attach::say);
        if !detached.is_empty() {
            output::say(format_args!("{}: detached", detached.join(", ")));
        }
        let file = self.file.display();
        if *changed {
            output::say(format_args!("{file}: in force"));
        } else if takeover.is_some() {
            output::say(format_args!("{file}: its rules and settings were in force already, and still are"));
        } else if attached.is_empty() && detached.is_empty() {
            output::say(format_args!("{file}: nothing changes, it's in force already"));
        }
        all_came(missing)
    }

    /// Waits for the interfaces of the file, if that is wanted. Takes those that don't come out of it, unless none has come.
    fn wait(&self, config: &mut Config) -> Result<Option<Missing>, Error> {
        let Some(limit) = self.wait else { return Ok(None) };
        let names = wait::for_interfaces(&config.interfaces, limit)?;
        // Without any, applying fails, and says that they aren't there.
        if names.is_empty() || names.len() == config.interfaces.len() {
            return Ok(None);
        }
        config.interfaces.retain(|name| !names.contains(name));
        Ok(Some(Missing { names, limit }))
    }
}

fn all_came(missing: Option<Missing>) -> anyhow::Result<()> {
    missing.map_or(Ok(()), |missing| Err(missing.into()))
}

fn wait_time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}
