//! A BPF filesystem of the process's own.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

use super::temporary_directory;

/// A BPF filesystem mounted on a temporary directory, unmounted with all its pins on drop.
///
/// Removing the directory also unmounts the copies of it that mount namespaces made meanwhile hold, so that no pin
/// lives on there.
#[derive(Debug)]
pub struct Bpffs {
    directory: TempDir,
}

impl Bpffs {
    /// Mounts one.
    ///
    /// # Errors
    /// The directory can't be made or the kernel refuses the mount; for anyone but root it does.
    pub fn new() -> Result<Self> {
        let directory = temporary_directory("bpffs")?;
        mount(Some("bpf"), directory.path(), Some("bpf"), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("can't mount a BPF filesystem on {}", directory.path().display()))?;
        Ok(Self { directory })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        // Lazily, since a process killed a moment ago may still be on its way out of it.
        if let Err(error) = umount2(self.path(), MntFlags::MNT_DETACH) {
            eprintln!("the BPF filesystem on {} is left: {error}", self.path().display());
        }
    }
}
