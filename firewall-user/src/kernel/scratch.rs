//! A BPF filesystem that isn't mounted anywhere: maps are pinned there for programs that are loaded one after the other to share.
//! It's gone with the process, however that ends.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    ptr,
};

use nix::libc;

use super::Error;

/// `FSOPEN_CLOEXEC` and `FSMOUNT_CLOEXEC` of `linux/mount.h`.
const CLOEXEC: c_int = 1;
/// `FSCONFIG_CMD_CREATE`.
const CREATE: c_int = 6;

/// The filesystem.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _mount: OwnedFd,
}

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// The process isn't root's, or /proc isn't there.
    pub(crate) fn new() -> Result<Self, Error> {
        let mount =
            mount().map_err(|error| Error::os("making a BPF filesystem for the flow table", error))?;
        Ok(Self { path: format!("/proc/self/fd/{}", mount.as_raw_fd()).into(), _mount: mount })
    }

    /// Its root.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the filesystem and a mount of it that is attached nowhere (Linux 5.2).
fn mount() -> io::Result<OwnedFd> {
    // SAFETY: the name is a string that ends in a zero, and outlives the call.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, c"bpf".as_ptr(), CLOEXEC) })?;
    let none = ptr::null::<libc::c_char>();
    // SAFETY: this command takes neither key nor value.
    let created =
        unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CREATE, none, none, 0 as c_int) };
    if created != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: three numbers, the first of which is a descriptor that is open.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOEXEC, 0 as c_int) })
}

/// The descriptor that a call has just made, or why it didn't.
fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let descriptor = c_int::try_from(result).ok().filter(|&descriptor| descriptor >= 0);
    let descriptor = descriptor.ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just made the descriptor, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
