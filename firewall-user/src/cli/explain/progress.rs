//! How far a long capture has been read, for who watches.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};

/// Captures below this size, in bytes, are over before anybody looks.
const LARGE: u64 = 8 << 20;
/// After how many packets the bar is looked after.
const STEP: u64 = 256;

/// A progress bar on standard error, or none.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// That of a command which reads the file at `input`, and prints nothing meanwhile if it `is_silent`.
    pub(super) fn of(input: &Path, is_silent: bool) -> Self {
        let length = fs::metadata(input).ok().filter(fs::Metadata::is_file).map_or(0, |file| file.len());
        let is_watched = io::stderr().is_terminal();
        // Lines on the same terminal would tear it up, and show well enough how far it is.
        let is_alone = is_silent || !io::stdout().is_terminal();
        Self((length >= LARGE && is_watched && is_alone).then(|| bar(length)))
    }

    /// That packet `number` ends at `offset`.
    pub(super) fn at(&self, number: u64, offset: u64) {
        if let Some(bar) = self.0.as_ref().filter(|_| number.is_multiple_of(STEP)) {
            bar.set_position(offset);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:50} {percent:>3} %, {eta} to go");
    let style = style.expect("the template is one").progress_chars("=> ");
    ProgressBar::new(length).with_style(style)
}
