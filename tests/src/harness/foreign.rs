//! An XDP program that isn't Fragwall's, on an interface.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result};
use nix::libc;
use nix::net::if_::if_nametoindex;

use super::netns::Netns;

/// The name that its program bears.
pub const NAME: &str = "someone_else";

/// A program that does one and the same with everything, attached by a BPF link that ends with this.
#[derive(Debug)]
pub struct Foreign {
    link: OwnedFd,
}

/// `union bpf_attr` of `BPF_PROG_LOAD`, as far as it is used.
#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instructions: u32,
    instruction: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

/// `union bpf_attr` of `BPF_LINK_CREATE`, as far as it is used.
#[repr(C)]
struct LinkCreate {
    program: RawFd,
    interface: u32,
    attach_type: u32,
    flags: u32,
}

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
pub(super) const BPF_XDP: u32 = 37;
/// `XDP_FLAGS_SKB_MODE` and `XDP_FLAGS_DRV_MODE`.
pub(super) const GENERIC: u32 = 1 << 1;
pub(super) const NATIVE: u32 = 1 << 2;

/// What such a program does with a packet; the numbers are those of `enum xdp_action`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// It's dropped.
    Drop = 1,
    /// It goes on to the network stack.
    Pass = 2,
}

impl Foreign {
    /// Attaches one in generic mode that passes everything.
    ///
    /// # Errors
    /// There's no such interface, or the kernel refuses.
    pub fn attach(netns: &Netns, interface: &str) -> Result<Self> {
        Self::attach_as(netns, interface, Action::Pass, GENERIC)
    }

    /// Attaches one in native mode.
    ///
    /// # Errors
    /// There's no such interface, its driver can't, or the kernel refuses.
    pub fn attach_native(netns: &Netns, interface: &str, action: Action) -> Result<Self> {
        Self::attach_as(netns, interface, action, NATIVE)
    }

    /// A further descriptor of its link.
    ///
    /// # Errors
    /// The process has too many.
    pub fn link(&self) -> Result<OwnedFd> {
        Ok(self.link.try_clone()?)
    }

    fn attach_as(netns: &Netns, interface: &str, action: Action, flags: u32) -> Result<Self> {
        // `r0 = action; exit`.
        let instructions: [[u8; 8]; 2] =
            [[0xb7, 0, 0, 0, action as u8, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
        let program = load(NAME, &instructions, 0, 0)?;
        Ok(Self { link: link(netns, interface, &program, flags)? })
    }
}

/// Loads an XDP program with these flags and that attach type.
pub(super) fn load(name: &str, instructions: &[[u8; 8]], flags: u32, attach_type: u32) -> Result<OwnedFd> {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    let load = ProgramLoad {
        program_type: BPF_PROG_TYPE_XDP,
        instructions: instructions.len() as u32,
        instruction: instructions.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags,
        name: bytes,
        interface: 0,
        attach_type,
    };
    // SAFETY: the attributes are those of the command, and point to data that outlives the call.
    unsafe { bpf(BPF_PROG_LOAD, &load) }.with_context(|| format!("can't load {name}"))
}

/// Ties a program to an interface.
pub(super) fn link(netns: &Netns, interface: &str, program: &OwnedFd, flags: u32) -> Result<OwnedFd> {
    netns.enter(|| {
        let create = LinkCreate {
            program: program.as_raw_fd(),
            interface: if_nametoindex(interface).with_context(|| format!("no interface {interface}"))?,
            attach_type: BPF_XDP,
            flags,
        };
        // SAFETY: the attributes are those of the command, and hold no pointer.
        unsafe { bpf(BPF_LINK_CREATE, &create) }
            .with_context(|| format!("can't attach a program to {interface}"))
    })
}

/// The system call, of a command that makes a file descriptor.
///
/// # Safety
/// The attributes must be the command's, and their pointers valid.
pub(super) unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller vouches for the attributes, of which the kernel reads as many bytes as there are.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of_val(attributes)) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made the descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
