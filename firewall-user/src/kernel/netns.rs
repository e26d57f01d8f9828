//! Network namespaces.

use std::{
    fs::{self, File},
    io,
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
        _ => Error::Netns { name: name.to_owned(), cause: source },
    };
    if name.is_empty() || name.contains('/') {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    let namespace = File::open(Path::new(NAMED).join(name)).map_err(failed)?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))
}

/// The name of the network namespace whose `ip netns exec` this process is inside of. That command mounts /sys anew, which
/// hides the host's bpffs, and names the mount after the namespace.
pub(super) fn of_ip_netns_exec() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let name = source_of_sys(&mounts)?;
    Path::new(NAMED).join(name).exists().then(|| name.to_owned())
}

/// The source of the topmost mount on /sys, in the form of proc_pid_mountinfo(5): "… mount-point options [fields…] - type
/// source super-options".
fn source_of_sys(mounts: &str) -> Option<&str> {
    mounts.lines().rev().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let is_sys = mount.split(' ').nth(4) == Some("/sys");
        is_sys.then(|| filesystem.split(' ').nth(1)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_mount_counts() {
        let mounts = "21 26 0:19 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n\
                      30 21 0:25 / /sys/fs/bpf rw - bpf bpf rw\n\
                      99 26 0:50 / /sys rw,relatime - sysfs blue rw\n";
        assert_eq!(source_of_sys(mounts), Some("blue"));
        assert_eq!(source_of_sys("21 26 0:19 / /proc rw - proc proc rw\n"), None);
    }
}
