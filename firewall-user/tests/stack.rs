//! How much stack the kernel programs take, as kernels before 6.9 reckon it: that of each function rounded up to 32 bytes, and no
//! more than 512 for all that are nested at one moment (`check_max_stack_depth`). Newer ones round up to 16, and so tell nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SymbolKind, read::File};

/// The most that nested functions may take, in bytes.
const MOST: usize = 512;
/// What each function's stack is rounded up to, in bytes.
const STEP: usize = 32;

/// The programs that come with Fragwall and have a stack.
const PROGRAMS: [&str; 2] = ["fragwall", "egress"];

/// The size of an instruction in bytes.
const INSTRUCTION: u64 = 8;
/// The register that holds the end of a function's stack.
const FRAME: u8 = 10;

/// `BPF_CLASS` and `BPF_MODE` of `linux/bpf_common.h`, and instructions of `linux/bpf.h`.
const CLASS: u8 = 0x07;
const LDX: u8 = 0x01;
const ST: u8 = 0x02;
const STX: u8 = 0x03;
const ALU64_MOV_REGISTER: u8 = 0xbf;
const ALU64_ADD_NUMBER: u8 = 0x07;
const CALL: u8 = 0x85;
/// `BPF_PSEUDO_CALL`, of a call to a function rather than a helper.
const PSEUDO_CALL: u8 = 1;

/// A place in the object: the number of a section, and how far into it, in bytes.
type Place = (usize, u64);

struct Function {
    name: String,
    /// In bytes.
    stack: usize,
    calls: BTreeSet<Place>,
}

#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    number: i32,
}

impl Instruction {
    fn new(bytes: [u8; INSTRUCTION as usize]) -> Self {
        let [code, registers, o0, o1, n0, n1, n2, n3] = bytes;
        Self {
            code,
            to: registers & 0xf,
            from: registers >> 4,
            offset: i16::from_le_bytes([o0, o1]),
            number: i32::from_le_bytes([n0, n1, n2, n3]),
        }
    }

    /// How deep it reaches into the stack, if it follows `before`: it reads or writes there, or makes a pointer to what others
    /// read and write from there on.
    fn depth(self, before: Option<Self>) -> usize {
        let offset = match self.code & CLASS {
            LDX if self.from == FRAME => i32::from(self.offset),
            ST | STX if self.to == FRAME => i32::from(self.offset),
            _ => match before {
                Some(copy)
                    if copy.code == ALU64_MOV_REGISTER
                        && copy.from == FRAME
                        && self.code == ALU64_ADD_NUMBER
                        && self.to == copy.to =>
                {
                    self.number
                }
                _ => 0,
            },
        };
        usize::try_from(-offset).unwrap_or(0)
    }
}

/// The functions of an object, by place.
fn functions(object: &File<'_>) -> BTreeMap<Place, Function> {
    let mut functions = BTreeMap::new();
    for symbol in object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
        let index = symbol.section_index().expect("a function is in a section");
        let section = object.section_by_index(index).expect("the section is there");
        let code = section.data().expect("it has data");
        let mut calls: BTreeMap<u64, Place> = BTreeMap::new();
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(target) = relocation.target() else { continue };
            let target = object.symbol_by_index(target).expect("the symbol is there");
            if let Some(section) = target.section_index() {
                calls.insert(offset, (section.0, target.address()));
            }
        }
        let mut function =
            Function { name: symbol.name().expect("it has a name").into(), stack: 0, calls: BTreeSet::new() };
        let mut before = None;
        for offset in (symbol.address()..symbol.address() + symbol.size()).step_by(INSTRUCTION as usize) {
            let bytes = &code[offset as usize..][..INSTRUCTION as usize];
            let instruction = Instruction::new(bytes.try_into().expect("it is as long"));
            function.stack = function.stack.max(instruction.depth(before));
            before = Some(instruction);
            if instruction.code == CALL && instruction.from == PSEUDO_CALL {
                // A call of a function without a symbol in the relocation says in itself how far into the section it is.
                let ahead = (i64::from(instruction.number) + 1) * INSTRUCTION as i64;
                let (section, base) = calls.get(&offset).copied().unwrap_or((index.0, offset));
                function.calls.insert((section, base.checked_add_signed(ahead).expect("a place")));
            }
        }
        functions.insert((index.0, symbol.address()), function);
    }
    functions
}

/// The nesting below a function that takes the most: how much, in bytes, and its functions.
fn deepest(functions: &BTreeMap<Place, Function>, place: Place) -> (usize, Vec<&Function>) {
    let function = functions.get(&place).expect("a call leads to a function");
    let (below, mut nesting) = function
        .calls
        .iter()
        .map(|called| deepest(functions, *called))
        .max_by_key(|(sum, _)| *sum)
        .unwrap_or_default();
    nesting.insert(0, function);
    (below + function.stack.max(1).next_multiple_of(STEP), nesting)
}

#[test]
fn older_kernels_have_enough_for_every_nesting() {
    for program in PROGRAMS {
        let path = Path::new(env!("OUT_DIR")).join(program);
        let bytes = fs::read(path).expect("the build script has left it there");
        let object = File::parse(&*bytes).expect("it is an object");
        let functions = functions(&object);
        assert!(functions.values().any(|function| function.stack > 0), "{program}: nothing was found");
        let (sum, nesting) = functions
            .keys()
            .map(|place| deepest(&functions, *place))
            .max_by_key(|(sum, _)| *sum)
            .expect("there are functions");
        let spelt: Vec<String> =
            nesting.iter().map(|Function { name, stack, .. }| format!("{name} ({stack})")).collect();
        let spelt = format!("{program}: {sum} bytes: {}", spelt.join(" > "));
        println!("{spelt}");
        assert!(sum <= MOST, "{spelt}");
    }
}
