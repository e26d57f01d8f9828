//! Looking into the fragment table.

use std::{ffi::c_void, io, num::NonZeroUsize, os::fd::AsFd as _, path::Path, ptr::NonNull, slice};

use aya::maps::MapData;
use firewall_common::fragment::{
    room::Holding,
    table::{Set, WAYS},
};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::{
    Error,
    clock::{self, Clock},
    shared,
};
use crate::ruleset::Fragments;

/// The fragment table of a filter, mapped into memory: looking at it costs the kernel nothing.
#[derive(Debug)]
pub struct Table {
    memory: NonNull<c_void>,
    sets: usize,
    /// How long an entry lives, in jiffies.
    timeout: u32,
}

/// How many entries of a fragment table hold what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Census {
    /// How many entries there are.
    pub entries: u64,
    /// Datagrams whose first fragment was accepted, and that aren't complete.
    pub accepted: u64,
    /// Datagrams whose first fragment was denied.
    pub denied: u64,
    /// Datagrams whose first fragment hasn't come yet.
    pub early: u64,
    /// Datagrams that have run out. They give way to any other.
    pub expired: u64,
}

impl Table {
    /// The table that is pinned at `path`, with its settings.
    pub(super) fn open(path: &Path, fragments: &Fragments) -> Result<Self, Error> {
        let failed = |error| Error::os(format!("mapping {}", path.display()), error);
        let map = MapData::from_pin(path)
            .map_err(|error| Error::aya(format!("opening {}", path.display()), error))?;
        let sets = shared::fragment_sets(fragments.table) as usize;
        let length = NonZeroUsize::new(sets * size_of::<Set>());
        let length = length.ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidData)))?;
        // SAFETY: the kernel chooses the place, and maps no more than the map has: its size was compared when the filter was opened.
        let mapped =
            unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, map.fd().as_fd(), 0) };
        let memory = mapped.map_err(|errno| failed(errno.into()))?;
        let timeout = clock::jiffies(fragments.timeout, clock::jiffies_per_second()?);
        Ok(Self { memory, sets, timeout })
    }

    /// Counts its entries, one after another, while packets change them.
    pub fn census(&self, clock: &Clock) -> Census {
        // SAFETY: the memory is mapped as long as this lives, begins on a page, and is as long as so many sets, which are words
        // that CPUs share, read as atomics.
        let sets = unsafe { slice::from_raw_parts(self.memory.cast::<Set>().as_ptr(), self.sets) };
        let mut census = Census { entries: (self.sets * WAYS) as u64, ..Census::default() };
        for holding in sets.iter().flat_map(|set| set.holdings(clock.tick(), self.timeout)) {
            match holding {
                Holding::Nothing => {}
                Holding::Expired => census.expired += 1,
                Holding::Denied => census.denied += 1,
                Holding::Early => census.early += 1,
                Holding::Accepted => census.accepted += 1,
            }
        }
        census
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more. If it can't be unmapped it stays.
        let _ = unsafe { munmap(self.memory, self.sets * size_of::<Set>()) };
    }
}
