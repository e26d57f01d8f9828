//! Reading and writing many values of a map at once: a filter has tens of thousands of counters, and a system call for each would take long.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    Pod,
    maps::{MapData, MapType},
};
use nix::libc;

use super::syscall::bpf;

/// `BPF_MAP_LOOKUP_BATCH` of `linux/bpf.h`; of per-CPU arrays since Linux 5.13.
const LOOKUP_BATCH: libc::c_int = 24;

/// `BPF_MAP_UPDATE_BATCH`, of arrays since Linux 5.6.
const UPDATE_BATCH: libc::c_int = 26;

/// How many keys are read at once.
const KEYS: usize = 1024;

/// The part of `union bpf_attr` that these commands read, and write.
#[repr(C)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: i32,
    element_flags: u64,
    flags: u64,
}

/// Calls `each` with the values of each key of a per-CPU array in order, one value a possible CPU, of which there are `cpus`.
///
/// # Errors
/// The kernel refuses, or the map isn't one of such values.
pub(super) fn each_value<T: Pod + Default>(
    map: &MapData,
    cpus: usize,
    mut each: impl FnMut(&[T]),
) -> io::Result<()> {
    const { assert!(size_of::<T>().is_multiple_of(8), "the kernel rounds up the size of per-CPU values") };
    // The kernel goes by the map, not by the room that there is for what it writes.
    let info = map.info().map_err(io::Error::other)?;
    if info.map_type().ok() != Some(MapType::PerCpuArray) || info.value_size() as usize != size_of::<T>() {
        return Err(io::Error::other("the map has values of another size"));
    }
    let (mut keys, mut last, mut is_first) = ([0_u32; KEYS], 0_u32, true);
    let mut values = vec![T::default(); KEYS * cpus];
    loop {
        let before = last;
        let mut attributes = Attributes {
            in_batch: if is_first { 0 } else { (&raw const before) as u64 },
            out_batch: (&raw mut last) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: KEYS as u32,
            map: map.fd().as_fd().as_raw_fd(),
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: there is room for as many keys and values as are asked for, each of the map's size; any bits are a value of `T`.
        let is_last = match unsafe { bpf(LOOKUP_BATCH, &mut attributes) } {
            Ok(_) => false,
            // There are no more than these.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
            Err(error) => return Err(error),
        };
        values.chunks_exact(cpus).take(attributes.count as usize).for_each(&mut each);
        if is_last {
            return Ok(());
        }
        is_first = false;
    }
}

/// Writes the same value for some keys of an array.
///
/// # Errors
/// The kernel refuses, or the map isn't one of such values.
pub(super) fn fill<T: Pod>(map: &MapData, keys: &[u32], value: T) -> io::Result<()> {
    // The kernel goes by the map, not by what there is to be read.
    let info = map.info().map_err(io::Error::other)?;
    if info.map_type().ok() != Some(MapType::Array) || info.value_size() as usize != size_of::<T>() {
        return Err(io::Error::other("the map has values of another size"));
    }
    if keys.is_empty() {
        return Ok(());
    }
    let values = vec![value; keys.len()];
    let mut attributes = Attributes {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count: keys.len() as u32,
        map: map.fd().as_fd().as_raw_fd(),
        element_flags: 0,
        flags: 0,
    };
    // SAFETY: there are as many keys and values as it's told of, each of the map's size; the kernel only reads them.
    unsafe { bpf(UPDATE_BATCH, &mut attributes) }.map(drop)
}
