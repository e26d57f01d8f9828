//! Loading an object of ours: its maps are made, or found where they are pinned, its settings written, and its program given to the kernel.
//!
//! aya reads the object and links it. It would load it as well, but not in each [`Form`], and not without reading the kernel's own types first, which
//! takes as long as compiling thousands of rules.

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
use aya_obj::{EbpfSectionKind, Object, ProgramSection};
use nix::libc;

use super::{
    Error, element,
    error::io_error,
    form::Form,
    load::{self, Code, Kind, Typing},
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
    settings: HashMap<&'a str, (&'a [u8], bool)>,
    entries: HashMap<&'a str, u32>,
    pins: HashMap<&'a str, PathBuf>,
}

/// What was loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The maps, by the names that the object gives them.
    maps: HashMap<String, Map>,
    pub(super) program: Program,
}

impl<'a> Loader<'a> {
    /// For an object with one program.
    pub(super) fn new(object: &'a [u8]) -> Self {
        Self { object, form: None, settings: HashMap::new(), entries: HashMap::new(), pins: HashMap::new() }
    }

    /// Has an XDP program loaded in a form, rather than in the one that its section says.
    pub(super) fn form(&mut self, form: Form) -> &mut Self {
        self.form = Some(form);
        self
    }

    /// Has a setting of that name, which the object must have, be `value`.
    pub(super) fn set<T: Pod>(&mut self, name: &'a str, value: &'a T) -> &mut Self {
        self.settings.insert(name, (bytes(slice::from_ref(value)), true));
        self
    }

    /// Has a map have so many entries.
    pub(super) fn entries(&mut self, name: &'a str, entries: u32) -> &mut Self {
        self.entries.insert(name, entries);
        self
    }

    /// The same, of a setting that is an array.
    pub(super) fn set_all<T: Pod>(&mut self, name: &'a str, values: &'a [T]) -> &mut Self {
        self.settings.insert(name, (bytes(values), true));
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
        object.patch_map_data(self.settings.clone()).map_err(broken)?;
        let types = match aya::features().btf() {
            Some(features) => {
                object.fixup_and_sanitize_btf(features).map_err(broken)?.map(|types| types.to_bytes())
            }
            None => None,
        };
        let types = types.map(|types| load_types(&types)).transpose().map_err(refused)?;
        let types = types.as_ref().map(|types| types.as_fd());

        let mut declared = mem::take(&mut object.maps);
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
        let program = self.program(&object, types)?;
        let maps = maps.into_iter().map(|(name, data)| Ok((name, Map::from_map_data(data)?)));
        let maps: Result<_, MapError> = maps.collect();
        Ok(Loaded { maps: maps.map_err(|error| Error::aya("loading the program", error))?, program })
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
        let path = self.pins.get(name);
        if let Some(found) = path.map(|path| found(path)).transpose()?.flatten() {
            return Ok(found);
        }
        let made = MapData::create(declared.clone(), name, types)?;
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
    fn program(&self, object: &Object, types: Option<BorrowedFd<'_>>) -> Result<Program, Error> {
        let (name, program) = object.programs.iter().next().ok_or_else(|| broken("it has no program"))?;
        let kind = match program.section {
            ProgramSection::Xdp { frags, .. } => Kind::Xdp(self.form.unwrap_or(Form { frags, typed: true })),
            _ => Kind::Classifier,
        };
        let function = object.functions.get(&program.function_key());
        let function = function.ok_or_else(|| broken("its program has no code"))?;
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

impl Loaded {
    /// A map.
    ///
    /// # Errors
    /// The object has none of that name.
    pub(super) fn map(&self, name: &str) -> Result<&Map, MapError> {
        self.maps.get(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// As above.
    pub(super) fn map_mut(&mut self, name: &str) -> Result<&mut Map, MapError> {
        self.maps.get_mut(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// The same, for good.
    ///
    /// # Errors
    /// As above, or it was taken already.
    pub(super) fn take_map(&mut self, name: &str) -> Result<Map, MapError> {
        self.maps.remove(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// Puts a program into an array of programs, as its first one.
    ///
    /// # Errors
    /// The object has no such array of that name, or the kernel refuses.
    pub(super) fn put(&self, array: &str, program: &Program) -> Result<(), MapError> {
        let Map::ProgramArray(array) = self.map(array)? else {
            return Err(MapError::InvalidName { name: array.to_owned() });
        };
        let program = program.fd().as_raw_fd();
        // SAFETY: the values of an array of programs are descriptors.
        Ok(unsafe { element::update(array.fd().as_fd(), 0, &raw const program) }?)
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
pub(super) const fn bytes<T: Pod>(values: &[T]) -> &[u8] {
    // SAFETY: they are plain data without padding, which is what `Pod` says of a type, and the slice covers just them.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}
