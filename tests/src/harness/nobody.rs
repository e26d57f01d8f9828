//! The `fragwall` binary, run without any privileges.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;

use super::fragwall::binary;
use super::netns::Netns;
use super::process::copy_program;
use super::temporary_directory;

/// The user `nobody` of most systems.
const NOBODY: u32 = 65_534;

/// A copy of the binary that anybody may run: the build's directory may be closed to others.
#[derive(Debug)]
pub struct Nobody {
    _directory: TempDir,
    binary: PathBuf,
}

impl Nobody {
    /// Makes one.
    ///
    /// # Errors
    /// There's no binary, or it can't be copied.
    pub fn new() -> Result<Self> {
        let directory = temporary_directory("nobody")?;
        let binary = copy_program(binary()?, directory.path())?;
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
        Ok(Self { _directory: directory, binary })
    }

    /// A command in the machine's own network namespace.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.uid(NOBODY);
        command
    }

    /// A command that enters a namespace before it gives up its privileges.
    ///
    /// # Errors
    /// The namespace can't be opened.
    pub fn inside(&self, netns: &Netns) -> Result<Command> {
        let mut command = netns.command(&self.binary.to_string_lossy())?;
        // SAFETY: the closure makes system calls between fork and exec, and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setgroups(&[])?;
                nix::unistd::setgid(NOBODY.into())?;
                Ok(nix::unistd::setuid(NOBODY.into())?)
            });
        }
        Ok(command)
    }
}
