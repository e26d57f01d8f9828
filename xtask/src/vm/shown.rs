//! What a virtual machine prints, while it does.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};

/// A file that grows, and is shown as it does.
pub(super) struct Shown {
    file: PathBuf,
    offset: u64,
    /// Whether it's what a program prints to standard output.
    is_data: bool,
}

impl Shown {
    /// Of a file, nothing of which was shown yet.
    pub(super) fn new(file: PathBuf, is_data: bool) -> Self {
        Self { file, offset: 0, is_data }
    }

    /// Shows what has come. A file that isn't there yet has nothing.
    ///
    /// # Errors
    ///
    /// It can't be read, or nobody takes what is shown.
    pub(super) fn go_on(&mut self) -> Result<()> {
        let Ok(mut file) = File::open(&self.file) else { return Ok(()) };
        let mut new = Vec::new();
        file.seek(SeekFrom::Start(self.offset))?;
        file.read_to_end(&mut new).with_context(|| format!("can't read {}", self.file.display()))?;
        self.offset += new.len() as u64;
        if self.is_data {
            io::stdout().write_all(&new)?
        } else {
            io::stderr().write_all(&new)?
        }
        Ok(())
    }
}
