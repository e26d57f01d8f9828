//! Which programs get an interface's packets, and which maps these have.

use std::io;

use aya::programs::{ProgramError, ProgramInfo, loaded_programs};

use super::{
    attachments::{self, Target},
    error::io_error,
    netlink::{self, Interface},
};

/// The programs that get an interface's packets: those that it has, and those that these call in the place of their functions.
pub(super) fn called(interface: &Interface) -> io::Result<Vec<ProgramInfo>> {
    let own = |id: u32| interface.xdp.iter().any(|attached| attached.program == id);
    let links = attachments::all()?;
    let is_called = |id: u32| {
        own(id)
            || links.iter().any(|of| of.program == id && matches!(of.target, Target::Program(by) if own(by)))
    };
    Ok(programs()?.into_iter().filter(|info| is_called(info.id())).collect())
}

/// All programs of the kernel.
fn programs() -> io::Result<Vec<ProgramInfo>> {
    let programs = loaded_programs().map(|program| unless_gone(program).transpose());
    programs.flatten().collect()
}

/// The ids of a program's maps.
pub(super) fn maps(program: &ProgramInfo) -> io::Result<Vec<u32>> {
    Ok(unless_gone(program.map_ids())?.flatten().unwrap_or_default())
}

/// What the kernel tells of a program; nothing of one that is gone meanwhile. What it refuses to tell isn't taken for nothing.
fn unless_gone<T>(told: Result<T, ProgramError>) -> io::Result<Option<T>> {
    told.map(Some).or_else(|error| match io_error(&error).and_then(io::Error::raw_os_error) {
        Some(nix::libc::ENOENT) => Ok(None),
        Some(number) => Err(io::Error::from_raw_os_error(number)),
        None => Err(io::Error::other(error)),
    })
}

/// Whether one of some programs has the array of that id.
fn have(programs: &[ProgramInfo], array: u32) -> io::Result<bool> {
    for program in programs {
        if maps(program)?.contains(&array) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How often a dispatcher may be exchanged for another one while its programs are looked for.
const EXCHANGES: usize = 5;

/// Whether an interface's packets come to the array of that id. Who can't see it takes it for granted while there's a program.
pub(super) fn is_reached(interface: &Interface, array: u32) -> bool {
    let mut interface = interface.clone();
    for _ in 0..EXCHANGES {
        match called(&interface).and_then(|programs| have(&programs, array)) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(_) => return !interface.xdp.is_empty(),
        }
        // Whoever has the interface may have put another program in its place since it was looked at.
        let Ok(now) = netlink::interfaces() else { return true };
        let Some(now) = now.into_iter().find(|now| now.index == interface.index) else { return false };
        if ids(&now) == ids(&interface) {
            return false;
        }
        interface = now;
    }
    true
}

fn ids(interface: &Interface) -> Vec<u32> {
    interface.xdp.iter().map(|attached| attached.program).collect()
}

/// Whether any program has the array of that id. Who can't see it takes it for granted.
pub(super) fn is_used(array: u32) -> bool {
    attachments::all().is_err() || programs().and_then(|all| have(&all, array)).unwrap_or(true)
}
