//! Fragwall's entry on an interface, loaded as others may load it: each way takes a filter that is loaded likewise.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use nix::libc;

use super::foreign::{BPF_XDP, GENERIC, NATIVE, bpf, link, load};
use super::host::Host;

/// The name of its program.
pub const NAME: &str = "fragwall_entry";
/// The name of its array.
const ARRAY: &str = "FRAGWALL_ENTRY";

/// A way to load it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Way {
    /// For frames in several buffers.
    pub frags: bool,
    /// With the attach type of XDP programs.
    pub typed: bool,
    /// In the driver, or in the network stack.
    pub native: bool,
}

impl Way {
    /// As libbpf loads the object by itself.
    pub const USUAL: Self = Self { frags: true, typed: true, native: true };
}

/// A program of the same instructions as the entry's, with its own array; it's gone with this.
#[derive(Debug)]
pub struct Entry {
    program: OwnedFd,
    _array: OwnedFd,
    links: Vec<OwnedFd>,
    native: bool,
}

/// `union bpf_attr` of `BPF_MAP_CREATE`, as far as it is used.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
}

impl Entry {
    /// Loads it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn load(way: Way) -> Result<Self> {
        const BPF_MAP_CREATE: libc::c_long = 0;
        const PROGRAM_ARRAY: u32 = 3;
        const HAS_FRAGS: u32 = 1 << 5;
        let mut name = [0; 16];
        name[..ARRAY.len()].copy_from_slice(ARRAY.as_bytes());
        let create = MapCreate {
            map_type: PROGRAM_ARRAY,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            flags: 0,
            inner_map: 0,
            numa_node: 0,
            name,
        };
        // SAFETY: the attributes are those of the command, and hold no pointer.
        let array = unsafe { bpf(BPF_MAP_CREATE, &create) }.context("can't make an array of programs")?;
        let [a, b, c, d] = array.as_raw_fd().to_le_bytes();
        // r2 = the array; r3 = 0; tail call; r0 = XDP_PASS; exit.
        let instructions = [
            [0x18, 0x12, 0, 0, a, b, c, d],
            [0; 8],
            [0xb7, 3, 0, 0, 0, 0, 0, 0],
            [0x85, 0, 0, 0, 12, 0, 0, 0],
            [0xb7, 0, 0, 0, 2, 0, 0, 0],
            [0x95, 0, 0, 0, 0, 0, 0, 0],
        ];
        let Way { frags, typed, native } = way;
        let program =
            load(NAME, &instructions, if frags { HAS_FRAGS } else { 0 }, if typed { BPF_XDP } else { 0 })?;
        Ok(Self { program, _array: array, links: Vec::new(), native })
    }

    /// Puts it on an interface of a host, too.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn put(&mut self, host: &Host, interface: &str) -> Result<()> {
        let mode = if self.native { NATIVE } else { GENERIC };
        self.links.push(link(&host.netns, interface, &self.program, mode)?);
        Ok(())
    }

    /// Loads it and puts it on a host's `eth0`.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn on(host: &Host, way: Way) -> Result<Self> {
        let mut entry = Self::load(way)?;
        entry.put(host, "eth0")?;
        Ok(entry)
    }
}

/// The object that `fragwall entry` prints, in a file.
///
/// # Errors
/// The command fails.
pub fn object(host: &Host, directory: &std::path::Path) -> Result<PathBuf> {
    let path = directory.join("fragwall-entry.o");
    std::fs::write(&path, host.ok(&["entry"])?.stdout)?;
    Ok(path)
}
