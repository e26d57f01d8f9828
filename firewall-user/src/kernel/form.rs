//! How a program is loaded so that another one may call it: the kernel lets only alike ones share an array.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::libc;
use serde::{Deserialize, Serialize};

use super::object::make;

/// `BPF_PROG_LOAD` of `linux/bpf.h`.
const PROG_LOAD: libc::c_int = 5;
/// `BPF_PROG_TYPE_XDP`.
const XDP: u32 = 6;
/// `BPF_F_XDP_HAS_FRAGS`.
const HAS_FRAGS: u32 = 1 << 5;
/// `BPF_XDP` of `enum bpf_attach_type`.
const TYPED: u32 = 37;

/// What an XDP program is loaded with. The kernel calls a program from another's array only if both have the same form: one that was
/// loaded in the place of a dispatcher's function has no attach type, and is made for several buffers only if the dispatcher is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Form {
    /// Whether it gets frames that fill several buffers (Linux 5.18).
    pub(super) frags: bool,
    /// Whether it says that it's for XDP hooks, and not only that it's an XDP program.
    pub(super) typed: bool,
}

impl Form {
    /// That of a program that is attached to interfaces itself.
    pub const USUAL: Self = Self { frags: true, typed: true };

    /// All of them, the best ones first.
    pub(super) const ALL: [Self; 4] = [
        Self::USUAL,
        Self { frags: true, typed: false },
        Self { frags: false, typed: true },
        Self { frags: false, typed: false },
    ];

    /// Whether it's the usual one.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }

    /// The flags that such a program is loaded with.
    const fn flags(self) -> u32 {
        if self.frags { HAS_FRAGS } else { 0 }
    }

    /// The attach type that such a program is loaded with.
    const fn attach_type(self) -> u32 {
        if self.typed { TYPED } else { 0 }
    }

    /// The forms of programs that an array of programs takes: tried out, since the kernel doesn't tell. Nothing is put into it.
    ///
    /// # Errors
    /// The kernel loads no program at all, or not for this process.
    pub(super) fn of_array(array: BorrowedFd<'_>) -> io::Result<Vec<Self>> {
        let mut taken = Vec::new();
        for form in Self::ALL {
            match probe(array, form) {
                Ok(_) => taken.push(form),
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

/// What `BPF_PROG_LOAD` reads of `union bpf_attr`.
#[derive(Debug, Default)]
#[repr(C)]
struct Attributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
    btf: u32,
    function_size: u32,
    functions: u64,
    function_count: u32,
    line_size: u32,
    lines: u64,
    line_count: u32,
    padding: u32,
}

/// A program as the kernel is given it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code<'a> {
    pub(super) name: &'a str,
    /// Its instructions, eight bytes each.
    pub(super) instructions: &'a [[u8; 8]],
    /// Its types and what goes by them; a program without global functions needs none.
    pub(super) typing: Option<Typing<'a>>,
}

/// The types of a program: the descriptor of its BTF, and for its functions and source lines the records and the size of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typing<'a> {
    pub(super) btf: BorrowedFd<'a>,
    pub(super) functions: (&'a [u8], usize),
    pub(super) lines: (&'a [u8], usize),
}

/// Loads an XDP program in a form.
///
/// # Errors
/// The kernel refuses it.
pub(super) fn load(code: Code<'_>, form: Form) -> io::Result<OwnedFd> {
    /// How often it's tried again where a signal got in the way of the verifier.
    const TRIES: u32 = 5;
    let mut attributes = Attributes {
        program_type: XDP,
        instruction_count: code.instructions.len() as u32,
        instructions: code.instructions.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        flags: form.flags(),
        attach_type: form.attach_type(),
        ..Attributes::default()
    };
    let length = code.name.len().min(attributes.name.len() - 1);
    attributes.name[..length].copy_from_slice(&code.name.as_bytes()[..length]);
    if let Some(Typing { btf, functions, lines }) = code.typing {
        let count = |(bytes, size): (&[u8], usize)| bytes.len().checked_div(size).unwrap_or_default() as u32;
        attributes.btf = btf.as_raw_fd() as u32;
        (attributes.functions, attributes.function_size) = (functions.0.as_ptr() as u64, functions.1 as u32);
        (attributes.lines, attributes.line_size) = (lines.0.as_ptr() as u64, lines.1 as u32);
        (attributes.function_count, attributes.line_count) = (count(functions), count(lines));
    }
    let mut tries = 1;
    loop {
        // SAFETY: it makes a descriptor.
        match unsafe { make(PROG_LOAD, &mut attributes) } {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

/// Loads a small program that would call another from an array. The kernel compares the two as it compares the array with a program that
/// is put into it.
fn probe(array: BorrowedFd<'_>, form: Form) -> io::Result<OwnedFd> {
    let [a, b, c, d] = array.as_raw_fd().to_ne_bytes();
    let registers = |destination: u8, source: u8| {
        if cfg!(target_endian = "little") { source << 4 | destination } else { destination << 4 | source }
    };
    let number = |number: i32| number.to_ne_bytes();
    let instruction = |code: u8, registers: u8, value: [u8; 4]| {
        let [v, w, x, y] = value;
        [code, registers, 0, 0, v, w, x, y]
    };
    /// `BPF_PSEUDO_MAP_FD`, and the number of the helper `bpf_tail_call`.
    const MAP: u8 = 1;
    const TAIL_CALL: i32 = 12;
    const PASS: i32 = 2;
    let instructions = [
        // r2 = the array, which takes two; r3 = 0; call; r0 = XDP_PASS; exit.
        instruction(0x18, registers(2, MAP), [a, b, c, d]),
        [0; 8],
        instruction(0xb7, registers(3, 0), number(0)),
        instruction(0x85, 0, number(TAIL_CALL)),
        instruction(0xb7, registers(0, 0), number(PASS)),
        instruction(0x95, 0, number(0)),
    ];
    load(Code { name: "fragwall_probe", instructions: &instructions, typing: None }, form)
}
