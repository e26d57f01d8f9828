//! bpf(2), and its calls on links that aya doesn't make, or not like that.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use nix::libc;

use super::object;

/// `BPF_LINK_DETACH` of `linux/bpf.h`, Linux 5.9.
const LINK_DETACH: libc::c_int = 34;

/// `BPF_LINK_CREATE`.
const LINK_CREATE: libc::c_int = 28;
/// `BPF_XDP` of `enum bpf_attach_type`.
const XDP: u32 = 37;
/// `XDP_FLAGS_DRV_MODE` of `linux/if_link.h`.
const NATIVE: u32 = 1 << 2;

/// A link.
#[derive(Debug)]
pub(super) struct Link(OwnedFd);

/// What the kernel says of an XDP link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LinkInfo {
    /// The id of the program that it holds.
    pub(super) program: u32,
    /// The index of its interface, in whatever network namespace that is now; `None` if the interface is gone.
    pub(super) interface: Option<u32>,
}

impl Link {
    /// Ties an XDP program to an interface in native mode. It ends when this is dropped.
    pub(super) fn create_native(program: BorrowedFd<'_>, interface: u32) -> io::Result<Self> {
        /// The part of `union bpf_attr` that `BPF_LINK_CREATE` reads for an XDP link.
        #[repr(C)]
        struct Attributes {
            program: i32,
            interface: u32,
            attach_type: u32,
            flags: u32,
        }
        let mut attributes =
            Attributes { program: program.as_raw_fd(), interface, attach_type: XDP, flags: NATIVE };
        // SAFETY: it makes a descriptor.
        unsafe { object::make(LINK_CREATE, &mut attributes) }.map(Self)
    }

    /// Opens the link that is pinned at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        object::from_pin(path).map(Self)
    }

    /// Asks what it ties together. aya's own answer leaves the interface out; the kernel also tells it in fdinfo.
    pub(super) fn info(&self) -> io::Result<LinkInfo> {
        let text = fs::read_to_string(format!("/proc/thread-self/fdinfo/{}", self.0.as_raw_fd()))?;
        parse(&text)
            .ok_or_else(|| io::Error::other("the kernel's fdinfo doesn't tell its program and interface"))
    }

    /// Takes its program off its interface, whoever else holds the link.
    pub(super) fn detach(&self) -> io::Result<()> {
        let mut descriptor = self.0.as_raw_fd();
        // SAFETY: the command reads a descriptor, and writes nothing.
        unsafe { bpf(LINK_DETACH, &mut descriptor) }.map(drop)
    }
}

/// Calls bpf(2) with the attributes that the command reads and may write.
///
/// # Safety
/// The attributes are those of the command, any bytes that it writes into them are a value, and what they point to is as large as the command
/// reads or writes and outlives the call.
pub(super) unsafe fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: the kernel reads and writes as many bytes as it is told, which are the attributes', and takes all further ones
    // for zero; the caller vouches for what they point to.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<T>() as libc::c_uint)
    };
    i32::try_from(result).ok().filter(|&result| result >= 0).ok_or_else(io::Error::last_os_error)
}

fn parse(fdinfo: &str) -> Option<LinkInfo> {
    let field = |name: &str| {
        let value = fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.trim().parse::<u32>().ok()
    };
    Some(LinkInfo {
        program: field("prog_id")?,
        interface: Some(field("ifindex")?).filter(|&index| index != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_fdinfo_is_understood() {
        let text = |index| {
            format!(
                "pos:\t0\nflags:\t02000000\nlink_type:\txdp\nlink_id:\t3\nprog_id:\t17\nifindex:\t{index}\n"
            )
        };
        assert_eq!(parse(&text(4)), Some(LinkInfo { program: 17, interface: Some(4) }));
        assert_eq!(parse(&text(0)), Some(LinkInfo { program: 17, interface: None }));
        assert_eq!(parse("pos:\t0\nprog_id:\t17\n"), None);
    }
}
