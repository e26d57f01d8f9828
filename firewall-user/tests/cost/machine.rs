//! A machine that runs a kernel program's instructions and counts them (RFC 9669), as far as a program uses them that only reads
//! packets, looks into arrays and asks what time it is.
//!
//! It says nothing of time, and nothing of what a kernel makes of the instructions; but what it counts is the same on each machine.

use crate::{
    image::{Image, Place, Reference},
    memory::Memory,
};

/// Where the program finds what.
mod address {
    pub const DATA: u64 = 0x1000_0000;
    pub const CONTEXT: u64 = 0x2000_0000;
    pub const PACKET: u64 = 0x3000_0000;
    pub const STACK: u64 = 0x4000_0000;
    pub const VALUES: u64 = 0x1_0000_0000;
    /// What a map itself has for an address, which nobody reads at.
    pub const MAPS: u64 = 0xffff_0000_0000_0000;
}

/// The stack of a function, in bytes, and how many functions can be nested.
const STACK: u64 = 512;
const NESTED: u64 = 8;
/// The room for a packet, in bytes.
const ROOM: usize = 2048;
/// How far apart the values of two maps are.
const APART: u64 = 1 << 28;
/// The stack's end, in the registers.
const FRAME: usize = 10;

/// An array.
#[derive(Debug)]
struct Map {
    name: String,
    value: u64,
    entries: u64,
    /// Whether the program addresses its values itself.
    is_direct: bool,
}

/// A program, its memory and its maps.
#[derive(Debug)]
pub struct Machine {
    image: Image,
    memory: Memory,
    maps: Vec<Map>,
    /// What the kernel's clock says, in jiffies.
    jiffies: u64,
    executed: u64,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The XDP action.
    pub action: u64,
    /// How many instructions that took.
    pub executed: u64,
}

#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    to: usize,
    from: usize,
    offset: i64,
    number: i32,
}

impl From<[u8; 8]> for Instruction {
    fn from([code, registers, o0, o1, number @ ..]: [u8; 8]) -> Self {
        Self {
            code,
            to: usize::from(registers & 0xf),
            from: usize::from(registers >> 4),
            offset: i16::from_le_bytes([o0, o1]).into(),
            number: i32::from_le_bytes(number),
        }
    }
}

impl Machine {
    /// A machine for a program whose settings are written. The interface that packets come from has the index 1.
    pub fn new(image: Image, jiffies: u64) -> Self {
        let mut memory = Memory::default();
        memory.add(address::DATA, image.data.clone());
        memory.add(address::CONTEXT, vec![0; 64]);
        memory.add(address::PACKET, vec![0; ROOM]);
        memory.add(address::STACK, vec![0; (STACK * NESTED) as usize]);
        Self { image, memory, maps: Vec::new(), jiffies, executed: 0 }
    }

    /// Adds an array of so many values of `value` bytes, all zero.
    pub fn add_array(&mut self, name: &str, value: u64, entries: u64) {
        self.add(Map { name: name.into(), value, entries, is_direct: false });
    }

    /// The same of an array whose values the program addresses itself.
    pub fn add_direct(&mut self, name: &str, value: u64, entries: u64) {
        self.add(Map { name: name.into(), value, entries, is_direct: true });
    }

    fn add(&mut self, map: Map) {
        self.memory.add(self.values(self.maps.len()), vec![0; (map.value * map.entries) as usize]);
        self.maps.push(map);
    }

    /// A value of an array.
    pub fn value(&mut self, name: &str, index: u64) -> &mut [u8] {
        let at = self.maps.iter().position(|map| map.name == name).expect("the array is there");
        let value = self.maps[at].value;
        self.memory.at(self.values(at) + index * value, value as usize)
    }

    const fn values(&self, map: usize) -> u64 {
        address::VALUES + map as u64 * APART
    }

    /// Runs the program on a frame.
    pub fn run(&mut self, frame: &[u8]) -> Run {
        self.memory.at(address::PACKET, frame.len()).copy_from_slice(frame);
        // `struct xdp_md`: data, its end, metadata, the interface and its queue.
        let end = address::PACKET + frame.len() as u64;
        for (n, field) in [address::PACKET, end, address::PACKET, 1, 0].into_iter().enumerate() {
            self.memory.store(address::CONTEXT + 4 * n as u64, 4, field);
        }
        self.executed = 0;
        let mut registers = [0; 11];
        registers[1] = address::CONTEXT;
        registers[FRAME] = address::STACK + STACK * NESTED;
        let action = self.call(self.image.entry, registers);
        Run { action, executed: self.executed }
    }

    /// Runs a function; returns what it does.
    fn call(&mut self, mut place: Place, mut registers: [u64; 11]) -> u64 {
        loop {
            let instruction = Instruction::from(self.image.code(place));
            self.executed += 1;
            let Instruction { code, to, from, offset, number } = instruction;
            let mut next = place.1 + 8;
            let jump = (next as i64 + offset * 8) as usize;
            match code & 0x07 {
                // Loads of 64-bit numbers, in two places.
                0 => {
                    assert_eq!(code, 0x18, "it's no instruction of today's");
                    registers[to] = self.wide(place, number);
                    next += 8;
                }
                1 => {
                    registers[to] = self.memory.load(registers[from].wrapping_add_signed(offset), size(code))
                }
                2 => self.memory.store(
                    registers[to].wrapping_add_signed(offset),
                    size(code),
                    i64::from(number) as u64,
                ),
                3 => self.store(instruction, &mut registers),
                4 | 7 => registers[to] = compute(instruction, &registers),
                _ => match code {
                    0x05 => next = jump,
                    0x95 => return registers[0],
                    0x85 => registers[0] = self.callee(place, instruction, registers),
                    _ => {
                        if holds(instruction, &registers) {
                            next = jump;
                        }
                    }
                },
            }
            place.1 = next;
        }
    }

    /// A number of 64 bits, or where a constant or a map is.
    fn wide(&self, place: Place, number: i32) -> u64 {
        match self.image.reference(place) {
            Some(Reference::Data(at)) => (address::DATA + *at as u64).wrapping_add_signed(number.into()),
            Some(Reference::Map(name)) => {
                let at = self.maps.iter().position(|map| map.name == *name);
                let at = at.unwrap_or_else(|| panic!("the program asks for {name}"));
                if self.maps[at].is_direct { self.values(at) } else { address::MAPS + at as u64 }
            }
            Some(Reference::Code(_)) => panic!("the program takes a function's address"),
            None => {
                let upper = Instruction::from(self.image.code((place.0, place.1 + 8))).number;
                u64::from(upper as u32) << 32 | u64::from(number as u32)
            }
        }
    }

    /// What a function returns, or one of the kernel's.
    fn callee(&mut self, place: Place, instruction: Instruction, mut registers: [u64; 11]) -> u64 {
        if instruction.from == 1 {
            // A call without a function of its own says how far away it is from what it refers to, or from itself.
            let ahead = (i64::from(instruction.number) + 1) * 8;
            let (section, base) = match self.image.reference(place) {
                Some(Reference::Code(base)) => *base,
                _ => place,
            };
            registers[FRAME] -= STACK;
            return self.call((section, (base as i64 + ahead) as usize), registers);
        }
        match instruction.number {
            // bpf_map_lookup_elem
            1 => {
                let at = (registers[1] - address::MAPS) as usize;
                let Map { value, entries, .. } = self.maps[at];
                match self.memory.load(registers[2], 4) {
                    index if index < entries => self.values(at) + index * value,
                    _ => 0,
                }
            }
            // bpf_jiffies64
            118 => self.jiffies,
            helper => panic!("the program calls the kernel's function {helper}"),
        }
    }

    fn store(&mut self, instruction: Instruction, registers: &mut [u64; 11]) {
        let Instruction { code, to, from, offset, number } = instruction;
        let (address, size) = (registers[to].wrapping_add_signed(offset), size(code));
        if code & 0xe0 != 0xc0 {
            self.memory.store(address, size, registers[from]);
            return;
        }
        // Atomic ones: exchange, and addition with and without what was there before.
        let before = self.memory.load(address, size);
        match number {
            0xe1 => self.memory.store(address, size, registers[from]),
            0xf1 if before == registers[0] => self.memory.store(address, size, registers[from]),
            0xf1 => {}
            0 | 1 => self.memory.store(address, size, before.wrapping_add(registers[from])),
            _ => panic!("{number:#x} is no atomic step of today's"),
        }
        match number {
            0xf1 => registers[0] = before,
            0 => {}
            _ => registers[from] = before,
        }
    }
}

/// How many bytes are loaded or stored.
const fn size(code: u8) -> usize {
    match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

/// The two numbers that an instruction is about, and whether it's about all of their 64 bits.
fn operands(instruction: Instruction, registers: &[u64; 11], is_wide: bool) -> (u64, u64) {
    let Instruction { code, to, from, number, .. } = instruction;
    let second = if code & 0x08 != 0 { registers[from] } else { i64::from(number) as u64 };
    let mask = if is_wide { u64::MAX } else { u32::MAX.into() };
    (registers[to] & mask, second & mask)
}

/// What an instruction computes.
fn compute(instruction: Instruction, registers: &[u64; 11]) -> u64 {
    let Instruction { code, number, .. } = instruction;
    let is_wide = code & 0x07 == 7;
    let (a, b) = operands(instruction, registers, is_wide);
    let bits = if is_wide { 64 } else { 32 };
    let shift = b as u32 % bits;
    let result = match code & 0xf0 {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x30 => a.checked_div(b).unwrap_or(0),
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a << shift,
        0x70 => a >> shift,
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(b).unwrap_or(a),
        0xa0 => a ^ b,
        0xb0 => b,
        0xc0 if is_wide => (a as i64 >> shift) as u64,
        0xc0 => u64::from((a as u32).cast_signed().wrapping_shr(shift).cast_unsigned()),
        // Byte order: of so many bits, to big endian or, as they are, to little endian.
        _ => {
            let a = registers[instruction.to];
            return if code & 0x08 != 0 {
                a.swap_bytes() >> (64 - number)
            } else {
                a << (64 - number) >> (64 - number)
            };
        }
    };
    if is_wide { result } else { result & u64::from(u32::MAX) }
}

/// Whether a jump's condition holds.
fn holds(instruction: Instruction, registers: &[u64; 11]) -> bool {
    let is_wide = instruction.code & 0x07 == 5;
    let (a, b) = operands(instruction, registers, is_wide);
    let signed = |number: u64| if is_wide { number as i64 } else { i64::from(number as u32 as i32) };
    match instruction.code & 0xf0 {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        0x40 => a & b != 0,
        0x50 => a != b,
        0x60 => signed(a) > signed(b),
        0x70 => signed(a) >= signed(b),
        0xa0 => a < b,
        0xb0 => a <= b,
        0xc0 => signed(a) < signed(b),
        0xd0 => signed(a) <= signed(b),
        other => panic!("{other:#x} is no condition"),
    }
}
