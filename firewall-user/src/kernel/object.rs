//! The kernel's BPF objects by their ids, which it tells to those who have `CAP_SYS_ADMIN`, and what it tells of one by a descriptor.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use nix::libc;

use super::syscall::bpf;

/// `BPF_OBJ_PIN` and `BPF_OBJ_GET` of `linux/bpf.h`.
const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
/// `BPF_OBJ_GET_INFO_BY_FD`.
const INFO: libc::c_int = 15;
/// `BPF_F_RDONLY`.
const READ_ONLY: u32 = 1 << 3;

/// A kind of object that has ids.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Map,
    /// Linux 5.8.
    Link,
}

impl Kind {
    /// `BPF_MAP_GET_FD_BY_ID` and the like.
    const fn open_command(self) -> libc::c_int {
        match self {
            Self::Map => 14,
            Self::Link => 30,
        }
    }

    /// The ids of all objects of this kind.
    ///
    /// # Errors
    /// The process may not see them.
    pub(super) fn ids(self) -> io::Result<Vec<u32>> {
        /// `BPF_MAP_GET_NEXT_ID` and the like.
        const fn next(kind: Kind) -> libc::c_int {
            match kind {
                Kind::Map => 12,
                Kind::Link => 31,
            }
        }
        let mut ids = Vec::new();
        loop {
            // The id to go on behind, the next one, and flags to open it with.
            let mut attributes = [ids.last().copied().unwrap_or_default(), 0_u32, 0];
            // SAFETY: three numbers, of which the command writes one.
            match unsafe { bpf(next(self), &mut attributes) } {
                Ok(_) => ids.push(attributes[1]),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(ids),
                Err(error) => return Err(error),
            }
        }
    }

    /// The object of that id.
    ///
    /// # Errors
    /// There's none any more, or the process may not open it.
    pub(super) fn open(self, id: u32) -> io::Result<OwnedFd> {
        let mut attributes = [id, 0, 0];
        // SAFETY: it makes a descriptor, and reads three numbers.
        unsafe { make(self.open_command(), &mut attributes) }
    }
}

/// Makes an object by a call of bpf(2) that returns a descriptor of it.
///
/// # Safety
/// The command must be one that makes a descriptor; and as for [`bpf`].
pub(super) unsafe fn make<T>(command: libc::c_int, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: as the caller vouches.
    let descriptor = unsafe { bpf(command, attributes) }?;
    // SAFETY: the kernel has just made the descriptor, for us alone, as the caller vouches.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// The part of `union bpf_attr` that `BPF_OBJ_PIN` and `BPF_OBJ_GET` read.
#[repr(C)]
struct PathAttributes {
    path: u64,
    descriptor: u32,
    flags: u32,
}

/// Opens whatever is pinned at `path`.
///
/// # Errors
/// Nothing is, or the process may not.
pub(super) fn from_pin(path: &Path) -> io::Result<OwnedFd> {
    open_pin(path, 0)
}

/// The same to look at it: a map can't be changed by it.
///
/// # Errors
/// Nothing is pinned there, or the process may not see it.
pub(super) fn look_at_pin(path: &Path) -> io::Result<OwnedFd> {
    open_pin(path, READ_ONLY).or_else(|error| match error.raw_os_error() {
        // There's no such descriptor of a link.
        Some(libc::EINVAL) => open_pin(path, 0),
        _ => Err(error),
    })
}

fn open_pin(path: &Path, flags: u32) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attributes = PathAttributes { path: path.as_ptr() as u64, descriptor: 0, flags };
    // SAFETY: it makes a descriptor; the path is ended by a zero, and outlives the call.
    unsafe { make(OBJ_GET, &mut attributes) }
}

/// Pins an object.
///
/// # Errors
/// Something is there, or it's no bpffs.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let descriptor = object.as_raw_fd() as u32;
    let mut attributes = PathAttributes { path: path.as_ptr() as u64, descriptor, flags: 0 };
    // SAFETY: the command writes nothing; the path is ended by a zero, and outlives the call.
    unsafe { bpf(OBJ_PIN, &mut attributes) }.map(drop)
}

/// Has the kernel write into `info` what it tells of an object, as much of it as there's room for.
///
/// # Errors
/// It doesn't.
///
/// # Safety
/// Any bytes are a value of `T`.
pub(super) unsafe fn describe<T>(object: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    /// The part of `union bpf_attr` that the command reads.
    #[repr(C)]
    struct Attributes {
        descriptor: u32,
        length: u32,
        info: u64,
    }
    let mut attributes = Attributes {
        descriptor: object.as_raw_fd() as u32,
        length: size_of::<T>() as u32,
        info: std::ptr::from_mut(info) as u64,
    };
    // SAFETY: the kernel writes no more than there's room for, of which any bytes are a value, as the caller vouches.
    unsafe { bpf(INFO, &mut attributes) }.map(drop)
}
