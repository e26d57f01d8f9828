//! Giving a program to the kernel.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::libc;

use super::{form::Form, object::make};

/// `BPF_PROG_LOAD` of `linux/bpf.h`.
const PROG_LOAD: libc::c_int = 5;

/// How many bytes the verifier may say of a program that it refuses: as many as it can.
const LOG: usize = (1 << 24) - 1;
/// Each instruction and each state, and the statistics (`BPF_LOG_LEVEL1`, `BPF_LOG_STATS`).
const LOG_LEVEL: u32 = 1 | 4;

/// What a program is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// An XDP program, in a form.
    Xdp(Form),
    /// A program of traffic control.
    Classifier,
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
    /// Its licence, which the kernel goes by.
    pub(super) license: &'a CStr,
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

/// Loads a program.
///
/// # Errors
/// The kernel refuses it.
pub(super) fn load(code: Code<'_>, kind: Kind) -> io::Result<OwnedFd> {
    try_load(code, kind, &mut [])
}

/// What the verifier says of a program that was refused; nothing if it isn't it that refuses it.
pub(super) fn explain(code: Code<'_>, kind: Kind) -> String {
    let mut log = vec![0; LOG];
    // It was refused before, and that it's refused again is what is wanted.
    drop(try_load(code, kind, &mut log));
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(&log[..end]).into_owned()
}

fn try_load(code: Code<'_>, kind: Kind, log: &mut [u8]) -> io::Result<OwnedFd> {
    /// How often it's tried again where a signal got in the way of the verifier.
    const TRIES: u32 = 5;
    /// `BPF_PROG_TYPE_SCHED_CLS` and `BPF_PROG_TYPE_XDP`.
    const CLASSIFIER: u32 = 3;
    const XDP: u32 = 6;
    let (program_type, flags, attach_type) = match kind {
        Kind::Xdp(form) => (XDP, form.flags(), form.attach_type()),
        Kind::Classifier => (CLASSIFIER, 0, 0),
    };
    let mut attributes = Attributes {
        program_type,
        instruction_count: code.instructions.len() as u32,
        instructions: code.instructions.as_ptr() as u64,
        license: code.license.as_ptr() as u64,
        flags,
        attach_type,
        ..Attributes::default()
    };
    if !log.is_empty() {
        attributes.log_level = LOG_LEVEL;
        (attributes.log, attributes.log_size) = (log.as_mut_ptr() as u64, log.len() as u32);
    }
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
