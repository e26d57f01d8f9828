//! Loading an object of ours: its maps are made, or found where they are pinned, its settings written, and its program given to the kernel.
//!
//! aya reads the object and links it. It would load it as well, but not in each [`Form`], not with maps whose values are longer than the object
//! says, which [`Loader::direct`] makes, and not without reading the kernel's own types first, which takes as long as compiling thousands of
//! rules.

use std::{
    collections::{HashMap, HashSet},
    io, mem,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    slice,
};

use aya::{
    Pod,
    maps::{Map, MapData, MapError},
};
use aya_obj::{EbpfSectionKind, Object, ProgramSection, generated::bpf_insn};
use nix::libc;

use super::{
    Error, element,
    error::io_error,
    form::Form,
    load::{self, Code, Kind, Typing},
    loaded::Loaded,
    object::{self, make},
    program::Program,
    refusal::{broken, refused, refused_program},
    syscall::bpf,
};

/// `BPF_BTF_LOAD` and `BPF_MAP_FREEZE` of `linux/bpf.h`.
const BTF_LOAD: libc::c_int = 18;
const FREEZE: libc::c_int = 22;

/// How an object is loaded.
#[derive(Debug)]
pub(super) struct Loader<'a> {
    object: &'a [u8],
    form: Option<Form>,
    settings: HashMap<&'a str, Vec<u8>>,
    entries: HashMap<&'a str, u32>,
    direct: HashMap<&'a str, u32>,
    pins: HashMap<&'a str, PathBuf>,
}

impl<'a> Loader<'a> {
    /// For an object with one program.
    pub(super) fn new(object: &'a [u8]) -> Self {
        Self {
            object,
            form: None,
            settings: HashMap::new(),
            entries: HashMap::new(),
            direct: HashMap::new(),
            pins: HashMap::new(),
        }
    }

    /// Has an XDP program loaded in a form, rather than in the one that its section says.
    pub(super) fn form(&mut self, form: Form) -> &mut Self {
        self.form = Some(form);
        self
    }

    /// Has a setting of that name, which the object must have, be `value`.
    pub(super) fn set<T: Pod>(&mut self, name: &'a str, value: T) -> &mut Self {
        self.set_all(name, slice::from_ref(&value))
    }

    /// The same, of a setting that is an array.
    pub(super) fn set_all<T: Pod>(&mut self, name: &'a str, values: &[T]) -> &mut Self {
        self.settings.insert(name, bytes(values).to_vec());
        self
    }

    /// Has a map have so many entries.
    pub(super) fn entries(&mut self, name: &'a str, entries: u32) -> &mut Self {
        self.entries.insert(name, entries);
        self
    }

    /// Has an array have so many elements that the program addresses itself: to the kernel they are one value.
    pub(super) fn direct(&mut self, name: &'a str, elements: u32) -> &mut Self {
        self.direct.insert(name, elements);
        self
    }

    /// Has a map be the one that is pinned there; it's made and pinned if it isn't.
    pub(super) fn pin(&mut self, name: &'a str, path: PathBuf) -> &mut Self {
        self.pins.insert(name, path);
        self
    }

    /// Loads it.
    ///
    /// # Errors
    /// The object isn't as it was built, or the kernel refuses it.
    pub(super) fn load(&self) -> Result<Loaded, Error> {
        let mut object = Object::parse(self.object).map_err(broken)?;
        let settings = self.settings.iter().map(|(&name, value)| (name, (value.as_slice(), true)));
        object.patch_map_data(settings.collect()).map_err(broken)?;
        let types = match aya::features().btf() {
            Some(features) => {
                object.fixup_and_sanitize_btf(features).map_err(broken)?.map(|types| types.to_bytes())
            }
            None => None,
        };
        let types = types.map(|types| load_types(&types)).transpose();
        let types = types.map_err(|error| {
            refused(io::Error::new(error.kind(), format!("the program's types: {error}")))
        })?;
        let types = types.as_ref().map(|types| types.as_fd());

        let mut declared = mem::take(&mut object.maps);
        let mut named = self.entries.keys().chain(self.direct.keys()).chain(self.pins.keys());
        if let Some(name) = named.find(|name| !declared.contains_key(**name)) {
            return Err(broken(format!("it has no map {name}")));
        }
        let mut maps = HashMap::new();
        for (name, map) in &mut declared {
            let made = self.map(name, map, types).map_err(|error| match io_error(&error) {
                Some(error) => refused(io::Error::new(error.kind(), format!("the map {name}: {error}"))),
                None => Error::aya("loading the program", error),
            })?;
            maps.insert(name.clone(), made);
        }
        let descriptors = |name: &str| maps[name].fd().as_fd().as_raw_fd();
        let linked = declared.iter().map(|(name, map)| (name.as_str(), descriptors(name), map));
        let sections: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_maps(linked, &sections).map_err(broken)?;
        object.relocate_calls(&sections).map_err(broken)?;
        object.sanitize_functions(aya::features());
        let direct: HashSet<i32> = self.direct.keys().map(|name| descriptors(name)).collect();
        let program = self.program(&mut object, types, &direct)?;
        let maps = maps.into_iter().map(|(name, data)| Ok((name, Map::from_map_data(data)?)));
        let maps: Result<_, MapError> = maps.collect();
        Ok(Loaded::new(maps.map_err(|error| Error::aya("loading the program", error))?, program))
    }

    /// Makes a map, or finds it.
    fn map(
        &self,
        name: &str,
        declared: &mut aya_obj::Map,
        types: Option<BorrowedFd<'_>>,
    ) -> Result<MapData, MapError> {
        if let Some(&entries) = self.entries.get(name) {
            declared.set_max_entries(entries);
        }
        if let Some(&elements) = self.direct.get(name) {
            let size = declared.value_size().checked_mul(elements);
            declared.set_value_size(size.ok_or_else(|| io::Error::other("it would be too long"))?);
            declared.set_max_entries(1);
        }
        let path = self.pins.get(name);
        if let Some(found) = path.map(|path| found(path)).transpose()?.flatten() {
            return Ok(found);
        }
        // The kernel is told what a map's values are; an array that is one long value has none of that type.
        let of = if self.direct.contains_key(name) {
            let (kind, key, value) = (declared.map_type(), declared.key_size(), declared.value_size());
            aya_obj::Map::new_from_params(kind, key, value, declared.max_entries(), declared.map_flags())
        } else {
            declared.clone()
        };
        let made = MapData::create(of, name, types)?;
        if !declared.data().is_empty() {
            // SAFETY: the value is as long as the map was made for.
            unsafe { element::update(made.fd().as_fd(), 0, declared.data().as_ptr()) }?;
        }
        if declared.section_kind() == EbpfSectionKind::Rodata {
            freeze(made.fd().as_fd())?;
        }
        if let Some(path) = path {
            object::pin(made.fd().as_fd(), path)?;
        }
        Ok(made)
    }

    /// Loads the one program of an object whose maps are made.
    fn program(
        &self,
        object: &mut Object,
        types: Option<BorrowedFd<'_>>,
        direct: &HashSet<i32>,
    ) -> Result<Program, Error> {
        let (name, program) = object.programs.iter().next().ok_or_else(|| broken("it has no program"))?;
        let kind = match program.section {
            ProgramSection::Xdp { frags, .. } => Kind::Xdp(self.form.unwrap_or(Form { frags, typed: true })),
            _ => Kind::Classifier,
        };
        let function = object.functions.get_mut(&program.function_key());
        let function = function.ok_or_else(|| broken("its program has no code"))?;
        address(&mut function.instructions, direct);
        // SAFETY: an instruction is eight bytes without padding, `repr(C)`, and any bytes will do for the array.
        let instructions: &[[u8; 8]] = unsafe {
            slice::from_raw_parts(function.instructions.as_ptr().cast(), function.instructions.len())
        };
        let (functions, lines) = (function.func_info.func_info_bytes(), function.line_info.line_info_bytes());
        let typing = types.map(|btf| Typing {
            btf,
            functions: (&functions, function.func_info_rec_size),
            lines: (&lines, function.line_info_rec_size),
        });
        let code = Code { name, license: &object.license, instructions, typing };
        // Only a refusal is worth the time that the verifier takes to explain itself.
        load::load(code, kind)
            .map(Program::new)
            .map_err(|error| refused_program(&error, &load::explain(code, kind)))
    }
}

/// Has instructions that load the number of a map which the program addresses itself load the address of its value.
fn address(instructions: &mut [bpf_insn], direct: &HashSet<i32>) {
    /// `BPF_LD | BPF_DW | BPF_IMM` of `linux/bpf.h`, which takes two places.
    const WIDE: u8 = 0x18;
    const PSEUDO_MAP_FD: u8 = 1;
    const PSEUDO_MAP_VALUE: u8 = 2;
    for instruction in instructions {
        let is_map = instruction.code == WIDE && instruction.src_reg() == PSEUDO_MAP_FD;
        // How far into the value it is, is in the second place: nothing.
        if is_map && direct.contains(&instruction.imm) {
            instruction.set_src_reg(PSEUDO_MAP_VALUE);
        }
    }
}

/// The map that is pinned there; `None` if there's none.
fn found(path: &Path) -> Result<Option<MapData>, MapError> {
    match object::from_pin(path) {
        Ok(map) => MapData::from_fd(map).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Has nobody change a map any more.
fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut map = map.as_raw_fd();
    // SAFETY: the command reads a descriptor, and writes nothing.
    unsafe { bpf(FREEZE, &mut map) }.map(drop)
}

/// Gives the kernel a program's types.
fn load_types(types: &[u8]) -> io::Result<OwnedFd> {
    /// What the command reads of `union bpf_attr`.
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
        types: types.as_ptr() as u64,
        log: 0,
        size: types.len() as u32,
        log_size: 0,
        log_level: 0,
        padding: 0,
    };
    // SAFETY: it makes a descriptor.
    unsafe { make(BTF_LOAD, &mut attributes) }
}

/// The bytes of what a program knows as well.
const fn bytes<T: Pod>(values: &[T]) -> &[u8] {
    // SAFETY: they are plain data without padding, which is what `Pod` says of a type, and the slice covers just them.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_direct_is_addressed_and_nothing_else() {
        let instruction = |code, source: u8, imm| {
            let mut instruction = bpf_insn {
                code,
                _bitfield_align_1: [],
                _bitfield_1: bpf_insn::new_bitfield_1(1, source),
                off: 0,
                imm,
            };
            instruction.set_dst_reg(1);
            instruction
        };
        // A map's number, another's, a number of 64 bits that is the same, a map's value already, and an addition.
        let mut code = [(0x18, 1, 7), (0x18, 1, 8), (0x18, 0, 7), (0x18, 2, 7), (0x07, 1, 7)]
            .map(|(code, source, imm)| instruction(code, source, imm));
        address(&mut code, &HashSet::from([7]));
        assert_eq!(code.map(|instruction| instruction.src_reg()), [2, 1, 0, 2, 1]);
        assert!(code.iter().all(|instruction| instruction.dst_reg() == 1));
    }
}
