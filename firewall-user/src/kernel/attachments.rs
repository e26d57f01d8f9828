//! All links of the kernel that tie a program to an interface or to another program.

use std::{io, os::fd::AsFd as _};

use nix::libc;

use super::object::{Kind, describe};

/// What a program is tied to by a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// The XDP hook of the interface of that index, in some network namespace.
    Interface(u32),
    /// A function of the program of that id, in whose place it's called.
    Program(u32),
}

/// A link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attachment {
    /// The link's id.
    pub(super) link: u32,
    /// The id of the program.
    pub(super) program: u32,
    pub(super) target: Target,
}

/// `struct bpf_link_info` of `linux/bpf.h`, as far as it's used.
#[derive(Default)]
#[repr(C)]
pub(super) struct Info {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    /// Of an XDP link, the interface; of a tracing link, the type of attachment, the id of the other program, and its function.
    of_kind: [u32; 4],
}

impl Info {
    /// What is tied together; `None` if it's a link of another kind.
    pub(super) fn attachment(&self) -> Option<Attachment> {
        /// `BPF_LINK_TYPE_TRACING` and `BPF_LINK_TYPE_XDP`.
        const TRACING: u32 = 2;
        const XDP: u32 = 6;
        /// The type of attachment that extensions have, which is none.
        const EXTENDS: u32 = 0;
        let target = match (self.kind, self.of_kind) {
            (XDP, [interface, ..]) => Target::Interface(interface),
            // Linux 5.13 tells it. What only traces a program has another type of attachment, and of a function of the kernel itself the
            // second number is no program's.
            (TRACING, [EXTENDS, program, ..]) => Target::Program(program),
            _ => return None,
        };
        Some(Attachment { link: self.id, program: self.program, target })
    }
}

/// All of them.
///
/// # Errors
/// The process may not see them: it lacks `CAP_SYS_ADMIN`.
pub(super) fn all() -> io::Result<Vec<Attachment>> {
    let mut all = Vec::new();
    for id in Kind::Link.ids()? {
        let link = match Kind::Link.open(id) {
            Ok(link) => link,
            // One that has gone meanwhile is none; nor is one that has an id and isn't made yet, of which the kernel says that it be tried again.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EAGAIN)) => continue,
            Err(error) => return Err(error),
        };
        let mut info = Info::default();
        // SAFETY: integers.
        let told = unsafe { describe(link.as_fd(), &mut info) };
        // Links of some other kinds tell nothing (of a perf event, say); those that are looked for always do.
        if told.is_ok() {
            all.extend(info.attachment());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_other_kinds_tie_nothing_that_is_looked_for() {
        let info = |kind, of_kind| Info { kind, id: 3, program: 17, padding: 0, of_kind };
        let attachment = |target| Some(Attachment { link: 3, program: 17, target });
        assert_eq!(info(6, [4, 0, 0, 0]).attachment(), attachment(Target::Interface(4)));
        assert_eq!(info(2, [0, 15, 7, 0]).attachment(), attachment(Target::Program(15)));
        // It traces.
        assert_eq!(info(2, [24, 15, 7, 0]).attachment(), None);
        assert_eq!(info(1, [1, 2, 3, 4]).attachment(), None);
    }
}
