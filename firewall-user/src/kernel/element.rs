//! The elements of arrays, as bpf(2) has them.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use nix::libc;

use super::syscall::bpf;

/// `BPF_MAP_LOOKUP_ELEM`, `BPF_MAP_UPDATE_ELEM` and `BPF_MAP_DELETE_ELEM` of `linux/bpf.h`.
const LOOK_UP: libc::c_int = 1;
const UPDATE: libc::c_int = 2;
const DELETE: libc::c_int = 3;

/// Reads an element.
///
/// # Errors
/// There's none, or the kernel refuses to tell.
///
/// # Safety
/// The map has keys of four bytes, as arrays have; `value` may be written to, as many bytes as its values have, and any bytes are a value there.
pub(super) unsafe fn look_up<T>(map: BorrowedFd<'_>, key: u32, value: *mut T) -> io::Result<()> {
    // SAFETY: as the caller vouches.
    unsafe { call(LOOK_UP, map, key, value as u64) }
}

/// Writes an element.
///
/// # Errors
/// The kernel refuses.
///
/// # Safety
/// The map has keys of four bytes, as arrays have; `value` may be read, as many bytes as its values have.
pub(super) unsafe fn update<T>(map: BorrowedFd<'_>, key: u32, value: *const T) -> io::Result<()> {
    // SAFETY: as the caller vouches.
    unsafe { call(UPDATE, map, key, value as u64) }
}

/// Deletes an element.
///
/// # Errors
/// There's none, or the kernel refuses.
///
/// # Safety
/// The map has keys of four bytes, as arrays have.
pub(super) unsafe fn delete(map: BorrowedFd<'_>, key: u32) -> io::Result<()> {
    // SAFETY: there's no value, and the keys are as the caller vouches.
    unsafe { call(DELETE, map, key, 0) }
}

/// # Safety
/// The map has keys of four bytes; the value is one that the command may read or write.
unsafe fn call(command: libc::c_int, map: BorrowedFd<'_>, key: u32, value: u64) -> io::Result<()> {
    /// What the calls on elements read of `union bpf_attr`.
    #[repr(C)]
    struct Attributes {
        map: u32,
        padding: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let mut attributes =
        Attributes { map: map.as_raw_fd() as u32, padding: 0, key: (&raw const key) as u64, value, flags: 0 };
    // SAFETY: the key is as long as the map's, and outlives the call; the caller vouches for the value.
    unsafe { bpf(command, &mut attributes) }.map(drop)
}
