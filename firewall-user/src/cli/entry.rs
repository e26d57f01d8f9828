//! `fragwall entry`

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::Args;

use super::{Global, exit::Invalid};
use crate::kernel::entry;

/// Print the program that others load to share an interface with the filter.
///
/// It's a BPF object, for a file: `fragwall entry >fragwall-entry.o`. Whoever has the interface (libxdp's xdp-loader, bpfman, or a program of your own)
/// loads it there. It passes every packet until `fragwall attach` finds it on the interface, and has it call the filter.
#[derive(Args, Debug)]
pub(super) struct Entry {}

impl Entry {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        if global.json {
            return Err(Invalid("entry: a BPF object can't be printed as JSON".to_owned()).into());
        }
        let mut output = io::stdout().lock();
        if output.is_terminal() {
            let problem = "entry: this is a BPF object, which is nothing for a terminal: `fragwall entry >fragwall-entry.o`";
            return Err(Invalid(problem.to_owned()).into());
        }
        output.write_all(entry::OBJECT).and_then(|()| output.flush()).context("printing the entry")
    }
}
