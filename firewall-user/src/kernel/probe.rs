//! What the kernel has of that which Fragwall's programs need: tried out, not guessed from its version.

use std::io;

use aya::{
    programs::{ProgramType, SchedClassifier, TcAttachType},
    sys::is_helper_supported,
};
use aya_obj::generated::bpf_func_id;

use super::{
    Error,
    clock::CLOCK,
    document::Document,
    instance::{Instance, host},
    loader::Loader,
    program::Program,
    syscall::Link,
};
use crate::ruleset::Config;

/// What the kernel has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Features {
    /// Whether programs may get frames in several buffers (`xdp.frags`, Linux 5.18), and read them
    /// (`bpf_xdp_load_bytes`).
    pub frags: bool,
    /// Whether a program may be tied to an interface by a link, which can be pinned (Linux 5.9).
    pub xdp_links: bool,
    /// Whether a program on egress may be tied to an interface by a link (Linux 6.6); otherwise it's a classifier.
    pub tcx: bool,
    /// Whether programs are compiled to the machine's own code; `None` if the kernel doesn't tell.
    pub jit: Option<bool>,
}

/// The index of the loopback, which every network namespace has.
const LOOPBACK: u32 = 1;

impl Features {
    /// Tries them out. Nothing stays behind.
    ///
    /// # Errors
    /// The kernel loads no XDP program at all, or not for this process.
    pub fn probe() -> Result<Self, Error> {
        let reads = is_helper_supported(ProgramType::Xdp, bpf_func_id::BPF_FUNC_xdp_load_bytes)
            .map_err(|error| Error::aya("loading an XDP program", error))?;
        let tcx = SchedClassifier::query_tcx("lo", TcAttachType::Egress).is_ok();
        // A small program that is made for frames in several buffers, as the large one is.
        let (frags, xdp_links, jit) = match Loader::new(CLOCK).load() {
            Ok(clock) => (true, has_links(&clock.program), is_compiled(&clock.program)),
            Err(error @ Error::Privileges { .. }) => return Err(error),
            Err(_) => (false, false, None),
        };
        Ok(Self { frags: frags && reads, xdp_links, tcx, jit })
    }
}

/// Whether there are XDP links: a kernel that has none doesn't understand the question. One that has them refuses, since the
/// loopback has no native mode.
fn has_links(program: &Program) -> bool {
    let refusal = Link::create_native(program.fd(), LOOPBACK).err();
    refusal.as_ref().and_then(io::Error::raw_os_error) != Some(nix::libc::EINVAL)
}

fn is_compiled(program: &Program) -> Option<bool> {
    program.size().ok().map(|size| size.machine_code > 0)
}

/// Loads the whole program, away from any interface, and drops it.
///
/// # Errors
/// The kernel refuses it.
pub fn load() -> Result<(), Error> {
    Instance::of_document(&Document::new(Config::default())?, &host()?).map(drop)
}
