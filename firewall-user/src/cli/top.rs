//! `fragwall top`

use std::time::Duration;

use clap::Args;

use super::{Global, args::seconds, exit::Invalid};
use crate::top::{self, Error, Options};

/// Show on the terminal what passes, what doesn't and why, as it happens: rates, rules, reasons, the fragment table, and the last
/// packets that were dropped or rejected.
///
/// `?` lists the keys, and `q` quits. The terminal is left as it was. If the filter is detached meanwhile, the next one is waited for.
/// Without a terminal `fragwall stats --watch` prints the same figures. NO_COLOR is honoured.
#[derive(Args, Debug)]
pub(super) struct Top {
    /// How long it is from one look at the counters to the next. The keys + and - change it.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
}

impl Top {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        if global.json {
            let what = "--json: `fragwall top` draws on a terminal, and prints no data; `fragwall stats --watch --json` does";
            return Err(Invalid(what.to_owned()).into());
        }
        let options = Options { bpffs: global.bpffs.clone(), interval: self.interval };
        top::run(&options).map_err(|error| match error {
            Error::NoTerminal => Invalid(error.to_string()).into(),
            // Those have exit codes of their own.
            Error::Kernel(error) => error.into(),
            error => error.into(),
        })
    }
}
