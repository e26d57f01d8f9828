//! The program's own trace, in a build that has one: where it goes.

use clap::Args;
use log::LevelFilter;

use super::output;

/// How much of it is shown.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct TraceArgs {
    /// Show the program's own trace on standard error, up to this level: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value_t = LevelFilter::Off)]
    log_level: LevelFilter,
}

impl TraceArgs {
    /// Whoever takes it; `None` if nothing is to be shown.
    pub(super) fn log(self) -> Option<Stderr> {
        (self.log_level != LevelFilter::Off).then_some(Stderr { most: self.log_level })
    }
}

/// Prints each record to standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stderr {
    most: LevelFilter,
}

impl log::Log for Stderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= self.most
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_lowercase();
            output::say(format_args!("        {level}: {}", record.args()));
        }
    }

    fn flush(&self) {}
}
