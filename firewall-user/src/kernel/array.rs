//! An entry's array: the filter's program is in force where it's in it.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use nix::libc;

use super::{
    form::Form,
    object::{self, Kind, describe},
    syscall::bpf,
};

/// `BPF_MAP_LOOKUP_ELEM`, `BPF_MAP_UPDATE_ELEM` and `BPF_MAP_DELETE_ELEM` of `linux/bpf.h`.
const LOOK_UP: libc::c_int = 1;
const UPDATE: libc::c_int = 2;
const DELETE: libc::c_int = 3;
/// The one place of it.
const PLACE: u32 = 0;

/// The array of an entry.
#[derive(Debug)]
pub(super) struct Array {
    map: OwnedFd,
    /// Its id.
    pub(super) id: u32,
}

/// `struct bpf_map_info` of `linux/bpf.h`, as far as it's used.
#[derive(Default)]
#[repr(C)]
struct Info {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    name: [u8; 16],
}

/// What the calls on elements read of `union bpf_attr`.
#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Array {
    /// The name of every entry's array.
    pub(super) const NAME: &str = "FRAGWALL_ENTRY";

    /// The map of that id; `None` if it's no entry's array.
    ///
    /// # Errors
    /// It's gone, or the process may not open it.
    pub(super) fn of_id(id: u32) -> io::Result<Option<Self>> {
        Self::of(Kind::Map.open(id)?)
    }

    /// What is pinned at `path`; `None` if it's no entry's array.
    ///
    /// # Errors
    /// Nothing is, or the process may not open it.
    pub(super) fn from_pin(path: &Path) -> io::Result<Option<Self>> {
        Self::of(object::from_pin(path)?)
    }

    fn of(map: OwnedFd) -> io::Result<Option<Self>> {
        /// `BPF_MAP_TYPE_PROG_ARRAY`.
        const PROGRAMS: u32 = 3;
        let mut info = Info::default();
        // SAFETY: integers and bytes.
        unsafe { describe(map.as_fd(), &mut info) }?;
        let Info { kind, id, name, .. } = info;
        let is_it = kind == PROGRAMS && name.starts_with(Self::NAME.as_bytes());
        Ok(is_it.then_some(Self { map, id }))
    }

    /// Pins it.
    ///
    /// # Errors
    /// Something is there, or it's no bpffs.
    pub(super) fn pin(&self, path: &Path) -> io::Result<()> {
        object::pin(self.map.as_fd(), path)
    }

    /// The id of the program in it.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub(super) fn program(&self) -> io::Result<Option<u32>> {
        let mut program = 0_u32;
        match self.call(LOOK_UP, std::ptr::from_mut(&mut program) as u64) {
            Ok(_) => Ok(Some(program)),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a program into it, in the place of the one that is there: each packet is judged by one or by the other.
    ///
    /// # Errors
    /// The kernel refuses: the program is of another form, say.
    pub(super) fn put(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        let descriptor = program.as_raw_fd();
        self.call(UPDATE, std::ptr::from_ref(&descriptor) as u64).map(drop)
    }

    /// Empties it: all packets pass.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn clear(&self) -> io::Result<()> {
        match self.call(DELETE, 0) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }

    /// The forms of the programs that it takes.
    ///
    /// # Errors
    /// The kernel loads no program at all, or not for this process.
    pub(super) fn forms(&self) -> io::Result<Vec<Form>> {
        Form::of_array(self.map.as_fd())
    }

    fn call(&self, command: libc::c_int, value: u64) -> io::Result<i32> {
        let key = PLACE;
        let key = std::ptr::from_ref(&key) as u64;
        let map = self.map.as_raw_fd() as u32;
        // SAFETY: the key is a number; the value is one of the caller's, as the command reads or writes it; all outlive the call.
        unsafe { bpf(command, &mut Element { map, padding: 0, key, value, flags: 0 }) }
    }
}
