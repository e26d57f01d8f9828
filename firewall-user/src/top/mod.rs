//! `fragwall top`: what passes, what doesn't and why, as it happens, on a terminal.
//!
//! `model` holds what is known and what was asked to be seen, and `draw` puts it on a frame of any size; both are pure. `events` is
//! the loop between them and the world: `sampler` reads the filter in a thread of its own, so that keys are answered whatever
//! that waits for, `input` reads the keys in another, and `signals` takes signals in turn with both. `terminal` takes the terminal
//! over, and gives it back as it was.

mod draw;
mod events;
mod history;
mod input;
mod keys;
mod list;
mod model;
mod panel;
mod post;
mod sampler;
mod signals;
mod terminal;
mod text;
mod theme;

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod fixture;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use thiserror::Error;

use self::{events::Loop, model::Model, sampler::Snapshot, theme::Theme};
use crate::kernel;

/// What to show.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bpffs below which the filter is pinned.
    pub bpffs: PathBuf,
    /// How long it is from one look at the counters to the next.
    pub interval: Duration,
}

/// Why it couldn't be shown, or not any longer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Standard output is no terminal.
    #[error(
        "standard output is no terminal, which `fragwall top` draws on: `fragwall stats --watch` prints the same figures as lines"
    )]
    NoTerminal,
    /// The filter can't be read.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The terminal can't be used.
    #[error("using the terminal")]
    Terminal(#[source] io::Error),
    /// What reads the filter has ended, for a reason that it has told.
    #[error("what reads the filter has ended")]
    Stopped,
}

/// Shows it until a key or a signal ends it. The terminal is then as it was.
///
/// # Errors
/// Nothing is attached when it begins, or the filter can't be read; standard output is no terminal, or fails.
pub fn run(options: &Options) -> Result<(), Error> {
    if !io::stdout().is_terminal() {
        return Err(Error::NoTerminal);
    }
    // Whoever holds the lock must not make this write over what is shown.
    kernel::lock::on_wait(|_| {});
    // What is wrong from the beginning is said on the screen that was there.
    let began = Instant::now();
    let (first, _) = Snapshot::read(&options.bpffs, began)?;
    let mut model = Model::new(options.interval);
    model.sample(first);
    Loop::new(options, began, model, Theme::of_environment())?.run()
}
