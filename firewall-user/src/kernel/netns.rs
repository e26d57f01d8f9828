//! Network namespaces.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use nix::sched::{CloneFlags, setns};

use super::Error;

/// The network namespace of the current thread.
pub(super) const CURRENT: &str = "/proc/thread-self/ns/net";

/// Where `ip netns add` keeps namespaces by name.
const NAMED: &str = "/run/netns";

/// Moves the current thread into the network namespace of that name, and into nothing else of it: unlike `ip netns exec`
/// it keeps the caller's mounts, so the host's bpffs stays in sight.
///
/// # Errors
/// There is no such namespace, or it may not be entered.
pub fn enter(name: &str) -> Result<(), Error> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::PermissionDenied => Error::os(format!("entering network namespace {name:?}"), source),
        _ => Error::Netns {
            name: name.to_owned(),
            source,
        },
    };
    if name.is_empty() || name.contains('/') {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    let namespace = File::open(Path::new(NAMED).join(name)).map_err(failed)?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))
}

/// Whether a missing bpffs at `bpffs` is `ip netns exec`'s doing: it gives a command a mount namespace of its own, in
/// which /sys is mounted anew.
pub(super) fn hides_bpffs(bpffs: &Path) -> bool {
    let differs = |kind: &str| {
        let of = |process: &str| {
            fs::metadata(format!("/proc/{process}/ns/{kind}"))
                .map(|found| found.ino())
                .ok()
        };
        match (of("self"), of("1")) {
            (Some(own), Some(first)) => own != first,
            _ => false,
        }
    };
    bpffs.starts_with("/sys") && differs("mnt") && differs("net")
}
