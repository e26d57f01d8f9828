//! What the object of a kernel program holds: its code, its constants, and what its instructions refer to.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionIndex, SymbolKind,
    read::{File, Symbol},
};

/// A place in the code: the number of a section, and how far into it, in bytes.
pub type Place = (usize, usize);

/// What an instruction refers to.
#[derive(Clone, Debug)]
pub enum Reference {
    /// A function, or what a call's own number counts from.
    Code(Place),
    /// A constant, so far into the read-only data, in bytes.
    Data(usize),
    /// A map.
    Map(String),
}

/// The program of an object.
#[derive(Debug)]
pub struct Image {
    code: HashMap<usize, Vec<u8>>,
    references: HashMap<Place, Reference>,
    /// The constants, which the loader writes settings into.
    pub data: Vec<u8>,
    /// Where each of them is, by name, and how long it is, in bytes.
    constants: BTreeMap<String, (usize, usize)>,
    /// Where the program begins.
    pub entry: Place,
}

/// The section of constants, and that of maps.
const DATA: &str = ".rodata";
const MAPS: &str = ".maps";

impl Image {
    /// Of the object that the build script left, of that name.
    pub fn of(program: &str) -> Self {
        let bytes =
            fs::read(Path::new(env!("OUT_DIR")).join(program)).expect("the build script has left it there");
        let file = File::parse(&*bytes).expect("it is an object");
        let section = |name| file.section_by_name(name).expect("the section is there");
        let (data, maps) = (section(DATA), section(MAPS).index());
        let mut image = Self {
            code: HashMap::new(),
            references: HashMap::new(),
            data: data.data().expect("it has data").to_vec(),
            constants: BTreeMap::new(),
            entry: (0, 0),
        };
        let map_at = |address| {
            let mut symbols = file.symbols();
            let map = symbols.find(|map| map.section_index() == Some(maps) && map.address() == address);
            name(&map.expect("a map is at each place that's referred to"))
        };
        for symbol in file.symbols() {
            let Some(SectionIndex(at)) = symbol.section_index() else { continue };
            if symbol.section_index() == Some(data.index()) {
                image.constants.insert(name(&symbol), (symbol.address() as usize, symbol.size() as usize));
            } else if symbol.kind() == SymbolKind::Text && symbol.size() > 0 {
                if name(&symbol) == program {
                    image.entry = (at, symbol.address() as usize);
                }
                let code = file.section_by_index(SectionIndex(at)).expect("a function is in a section");
                image.code.entry(at).or_insert_with(|| code.data().expect("it has data").to_vec());
            }
        }
        for section in file.sections().filter(|section| image.code.contains_key(&section.index().0)) {
            for (offset, relocation) in section.relocations() {
                let RelocationTarget::Symbol(index) = relocation.target() else { continue };
                let symbol = file.symbol_by_index(index).expect("the symbol is there");
                let (Some(at), address) = (symbol.section_index(), symbol.address()) else { continue };
                let reference = match at {
                    at if at == maps => Reference::Map(map_at(address)),
                    at if at == data.index() => Reference::Data(address as usize),
                    SectionIndex(at) => Reference::Code((at, address as usize)),
                };
                image.references.insert((section.index().0, offset as usize), reference);
            }
        }
        image
    }

    /// The instruction there.
    pub fn code(&self, (section, offset): Place) -> [u8; 8] {
        self.code[&section][offset..][..8].try_into().expect("it is as long")
    }

    /// What the instruction there refers to.
    pub fn reference(&self, place: Place) -> Option<&Reference> {
        self.references.get(&place)
    }

    /// Writes a setting, as the loader does.
    pub fn set(&mut self, constant: &str, value: &[u8]) {
        let (at, size) = *self.constants.get(constant).unwrap_or_else(|| panic!("there's no {constant}"));
        assert!(value.len() <= size, "{constant} has {size} bytes");
        self.data[at..][..value.len()].copy_from_slice(value);
    }
}

fn name(symbol: &Symbol<'_, '_>) -> String {
    symbol.name().expect("it has a name").into()
}
