//! `fragwall serve`

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Global, args, attach::Mode, change::Force, check, exit::Invalid, output};
use crate::{
    kernel::lock,
    ruleset::Config,
    serve::{
        self, Error, Options, Source,
        events::{self, Target},
        listen::Listen,
    },
};

/// Tell metrics and events for as long as it runs, and keep a config file in force.
///
/// The filter doesn't depend on it: when it ends, however that happens, what is in force stays so. GET /metrics tells what `fragwall stats`
/// does, for Prometheus; /healthz answers as long as this runs, /readyz if a filter is attached, to all interfaces that the config file
/// names. A config file that is changed or replaced is read within seconds, and at SIGHUP, which has the events' file opened anew as well;
/// SIGTERM ends it. A service manager is told how things are (sd_notify).
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Put this file into force, as `fragwall apply` does, now and whenever it's changed, and attach to the interfaces that it names
    /// also when they come later. Without it, whatever filter is attached is only watched.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to take connections: ADDRESS:PORT, or unix:PATH.
    #[arg(long, value_name = "ADDRESS", default_value_t)]
    listen: Listen,
    /// Write an event of each packet that is dropped or rejected, or let in by a rule with `log`: to systemd's `journal`, or to this
    /// file, a JSON object in each line.
    #[arg(long, value_name = "journal|FILE", value_parser = target)]
    events: Option<Target>,
    /// How many events a second to write, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), requires = "events")]
    events_rate: u32,
    /// How to run on interfaces that are attached to: in the driver (native), in the network stack (generic), or in the
    /// driver where it can (auto).
    #[arg(long, value_enum, default_value_t, requires = "config")]
    mode: Mode,
    #[command(flatten)]
    force: Force,
}

impl Serve {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        // It isn't a command that somebody waits for.
        lock::on_wait(|_| ());
        let source = self.config.as_ref().map(|file| Source {
            file: file.clone(),
            read,
            guard: self.force.guard(),
            mode: self.mode.wanted(),
        });
        let options = Options {
            bpffs: global.bpffs.clone(),
            source,
            listen: self.listen.clone(),
            events: self.events.clone().map(|target| events::Options { target, rate: self.events_rate }),
            say: |words: &dyn Display| output::say(words),
        };
        serve::run(options).map_err(|error| match error {
            Error::Filter(error) => error.into(),
            Error::Config(problem) => Invalid(problem).into(),
            error => anyhow::Error::from(error),
        })
    }
}

/// Reads a config file, and warns of rules that never match.
fn read(file: &Path) -> Result<Config, String> {
    let config = args::read(file).map_err(|error| error.to_string())?;
    check::warn_of_shadows(file, &config);
    Ok(config)
}

fn target(text: &str) -> Result<Target, String> {
    match text {
        "" => Err("expected `journal` or a file".to_owned()),
        "journal" => Ok(Target::Journal),
        path => Ok(Target::File(path.into())),
    }
}
