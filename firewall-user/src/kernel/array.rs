//! An entry's array: the filter's program is in force where it's in it.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use nix::libc;

use super::{
    element,
    form::Form,
    object::{self, Kind, describe},
};

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
        // SAFETY: such an array's values are four bytes long, here a number.
        match unsafe { element::look_up(self.map.as_fd(), PLACE, &raw mut program) } {
            Ok(()) => Ok(Some(program)),
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
        // SAFETY: such an array's values are four bytes long.
        unsafe { element::update(self.map.as_fd(), PLACE, &raw const descriptor) }
    }

    /// Empties it: all packets pass.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn clear(&self) -> io::Result<()> {
        // SAFETY: the keys of such an array are four bytes long.
        match unsafe { element::delete(self.map.as_fd(), PLACE) } {
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
}
