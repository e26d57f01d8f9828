//! Makes the root directory a mount point for the commands that need it to be one.
//!
//! In a root directory entered by plain `chroot` (one made by debootstrap, say) it mostly isn't. There the kernel refuses
//! to change the propagation of the mounts from `/` down (EINVAL, mount(2)), which is the first thing that `ip -n`,
//! `ip netns exec` and the IKE daemons' harness do in their own mount namespaces.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::setup::{is_root, program};

const MOUNTS: &str = "/proc/self/mountinfo";

/// The command itself where the root directory is a mount point, as it is on ordinary machines. Elsewhere, one that runs
/// it in a mount namespace where it is, with the same directory, environment, signals and exit code.
///
/// # Errors
///
/// The mounts can't be read, or the mount namespace can't be made: not root, or a program for it is missing.
pub(crate) fn ensure(command: Command) -> Result<Command> {
    let mounts = fs::read_to_string(MOUNTS)
        .with_context(|| format!("can't read {MOUNTS}, which tells the mounts: mount proc on /proc"))?;
    if is_mount_point(&mounts) { Ok(command) } else { wrap(&command) }
}

/// Whether there is a mount on the root directory, in the form of proc_pid_mountinfo(5): "id parent device root
/// mount-point …", with mount points as seen from the process's root directory, and those outside of it left out.
fn is_mount_point(mounts: &str) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"))
}

fn wrap(command: &Command) -> Result<Command> {
    if !is_root()? {
        bail!(
            "the root directory isn't a mount point here (was it entered by chroot?), and only root can make it one: \
             run this as root"
        );
    }
    let mut wrapped = Command::new("sh");
    wrapped.args(["-c", include_str!("mount_root.sh"), "mount_root.sh"]);
    for (name, package) in
        [("unshare", "util-linux"), ("mount", "mount"), ("umount", "mount"), ("chroot", "coreutils")]
    {
        wrapped.arg(program(name).ok_or_else(|| {
            anyhow!(
                "the root directory isn't a mount point here (was it entered by chroot?), and there is no `{name}` to \
                 make it one: install it (Debian has it in {package})"
            )
        })?);
    }
    wrapped.arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    Ok(wrapped)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn an_ordinary_root_directory_is_a_mount_point() {
        let mounts = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
                      27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n";
        assert!(is_mount_point(mounts));
        let subvolume = "30 1 0:27 /@rootfs / rw,relatime - btrfs /dev/sda2 rw,subvol=/@rootfs\n";
        assert!(is_mount_point(subvolume));
    }

    #[test]
    fn the_root_of_the_mounted_filesystem_is_not_the_mount_point() {
        let mounts = "46 27 0:40 / /proc rw,relatime - proc / rw\n\
                      47 27 0:22 / /sys rw,relatime shared:2 - sysfs sysfs rw\n\
                      48 47 254:0 / /mnt/a\\040/ rw - ext4 /dev/vda rw\n";
        assert!(!is_mount_point(mounts));
        assert!(!is_mount_point(""));
        assert!(!is_mount_point("46 27 0:40 /\n"));
    }

    #[test]
    fn the_mounts_of_this_process_are_understood() {
        let mounts = fs::read_to_string(MOUNTS).unwrap();
        assert!(mounts.lines().any(|line| line.split(' ').nth(4) == Some("/proc")), "{mounts}");
    }

    /// Where the root directory is a mount point, as under `cargo xtask test` it always is.
    #[test]
    fn a_command_is_left_alone_where_nothing_has_to_be_done() {
        if !is_mount_point(&fs::read_to_string(MOUNTS).unwrap()) {
            return;
        }
        let mut command = Command::new("cargo");
        command.arg("test").current_dir("/usr");
        let kept = ensure(command).unwrap();
        assert_eq!(kept.get_program(), "cargo");
        assert_eq!(kept.get_args().collect::<Vec<_>>(), [OsStr::new("test")]);
    }
}
