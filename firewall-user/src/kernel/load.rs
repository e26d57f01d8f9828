//! Loading an XDP program in a form that aya doesn't.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::libc;

use super::{form::Form, object::make};

/// `BPF_PROG_LOAD` of `linux/bpf.h`.
const PROG_LOAD: libc::c_int = 5;
/// `BPF_PROG_TYPE_XDP`.
const XDP: u32 = 6;
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
