//! Fragwall's program in another form than the usual, which is the only one that aya loads.

use std::{
    collections::HashSet,
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd},
};

use aya::{
    Ebpf,
    maps::{Map, MapData},
};
use aya_obj::Object;
use nix::libc;

use super::{
    Error,
    form::Form,
    load::{self, Code, Typing},
    object::make,
};

/// Loads the first program of an object in a form, with the maps that aya has made for that object.
///
/// # Errors
/// The object or its maps aren't as they are built, or the kernel refuses the program.
pub(super) fn load(object: &[u8], ebpf: &Ebpf, form: Form) -> Result<OwnedFd, Error> {
    let failed = |problem: String| Error::Load { problem, hint: String::new() };
    let mut object = Object::parse(object).map_err(|error| failed(error.to_string()))?;
    let features = aya::features();
    let typed = match features.btf() {
        Some(features) => {
            object.fixup_and_sanitize_btf(features).map_err(|error| failed(error.to_string()))?
        }
        None => None,
    };
    let btf = typed
        .map(|btf| load_types(&btf.to_bytes()))
        .transpose()
        .map_err(|error| failed(format!("its types: {error}")))?;
    let declared = std::mem::take(&mut object.maps);
    let mut maps = Vec::new();
    for (name, map) in &declared {
        let descriptor = ebpf
            .map(name)
            .and_then(descriptor)
            .ok_or_else(|| failed(format!("its map {name} isn't there")))?;
        maps.push((name.as_str(), descriptor, map));
    }
    let sections: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
    object.relocate_maps(maps.into_iter(), &sections).map_err(|error| failed(error.to_string()))?;
    object.relocate_calls(&sections).map_err(|error| failed(error.to_string()))?;
    object.sanitize_functions(features);
    let program =
        object.programs.iter().next().and_then(|(name, program)| {
            Some((name.as_str(), object.functions.get(&program.function_key())?))
        });
    let (name, function) = program.ok_or_else(|| failed("it has no program".to_owned()))?;
    // SAFETY: an instruction is eight bytes without padding, `repr(C)`, and any bytes will do for the array.
    let instructions: &[[u8; 8]] = unsafe {
        std::slice::from_raw_parts(function.instructions.as_ptr().cast(), function.instructions.len())
    };
    let (functions, lines) = (function.func_info.func_info_bytes(), function.line_info.line_info_bytes());
    let typing = btf.as_ref().map(|btf| Typing {
        btf: btf.as_fd(),
        functions: (&functions, function.func_info_rec_size),
        lines: (&lines, function.line_info_rec_size),
    });
    load::load(Code { name, instructions, typing }, form).map_err(|error| match error.raw_os_error() {
        Some(libc::EPERM) => Error::Privileges { doing: "loading the program".to_owned() },
        _ => failed(format!("{error} (to be called by another program)")),
    })
}

/// The descriptor of a map, of the types that the filter has.
fn descriptor(map: &Map) -> Option<RawFd> {
    let of = |data: &MapData| data.fd().as_fd().as_raw_fd();
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::PerCpuArray(data)
        | Map::ProgramArray(data)
        | Map::RingBuf(data) => Some(of(data)),
        _ => None,
    }
}

/// Gives the kernel a program's types.
fn load_types(btf: &[u8]) -> io::Result<OwnedFd> {
    /// `BPF_BTF_LOAD` of `linux/bpf.h`.
    const BTF_LOAD: libc::c_int = 18;
    /// What it reads of `union bpf_attr`.
    #[repr(C)]
    struct Attributes {
        types: u64,
        log: u64,
        size: u32,
        log_size: u32,
        log_level: u32,
        padding: u32,
    }
    let mut attributes = Attributes {
        types: btf.as_ptr() as u64,
        log: 0,
        size: btf.len() as u32,
        log_size: 0,
        log_level: 0,
        padding: 0,
    };
    // SAFETY: it makes a descriptor.
    unsafe { make(BTF_LOAD, &mut attributes) }
}
