//! Directories of a command's own in the place of the machine's.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Gives a command a mount namespace in which the directory `place` is `own`: for programs that keep their state where
/// their build says. It ends with the command.
///
/// # Errors
/// The path of `own` holds a zero; that it can't be mounted is the command's error.
pub fn replace(command: &mut Command, place: &'static CStr, own: &Path) -> Result<()> {
    let own = CString::new(own.as_os_str().as_bytes()).context("a directory's path holds a zero")?;
    let none: Option<&'static [u8]> = None;
    // SAFETY: the closure makes system calls alone between fork and exec; its paths are C strings already, so nothing
    // is allocated.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some(own.as_c_str()), place, none, MsFlags::MS_BIND, none)?;
            Ok(())
        });
    }
    Ok(())
}
