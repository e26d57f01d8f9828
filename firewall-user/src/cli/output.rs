//! Writing to standard output and standard error.

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal as _, Stdout, Write},
};

use anyhow::Context as _;
use serde::Serialize;

use crate::json;

/// Prints a JSON document in one line.
pub(super) fn json<T: Serialize>(data: &T) -> anyhow::Result<()> {
    line(&json::document(data).context("writing JSON")?)
}

/// Prints a line.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("writing to standard output")
}

/// Many lines to standard output, which are gathered and written together unless someone waits for each.
pub(super) struct Lines {
    output: BufWriter<Stdout>,
    is_live: bool,
}

impl Lines {
    /// Those of a command whose input comes by and by if it `is_live`, so that each line is written at once.
    pub(super) fn new(is_live: bool) -> Self {
        let output = BufWriter::with_capacity(1 << 16, io::stdout());
        Self { is_live: is_live || output.get_ref().is_terminal(), output }
    }

    /// Prints a line.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.output, "{text}").context("writing to standard output")?;
        if self.is_live { self.finish() } else { Ok(()) }
    }

    /// Writes what is gathered.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.output.flush().context("writing to standard output")
    }
}

/// Says a line on standard error. Nobody may be listening, which is no reason to stop: what is said doesn't change what was
/// done.
pub(super) fn say(text: impl fmt::Display) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Whether whoever reads the output has read enough.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
