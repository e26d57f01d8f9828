//! A control group for a machine's processes, in each hierarchy that systemd uses.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use firewall_tests::harness::wait::wait_until;

/// The groups' directories, removed on drop.
#[derive(Debug)]
pub struct Cgroup(Vec<PathBuf>);

impl Cgroup {
    /// Makes it, and has a command run inside of it.
    ///
    /// # Errors
    /// The hierarchies can't be found or written to.
    pub fn around(command: &mut Command, name: &str) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mut directories = Self(Vec::new());
        let mut members = Vec::new();
        for hierarchy in mounts.lines().filter_map(hierarchy) {
            let directory = hierarchy.join(name);
            fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
            let procs = directory.join("cgroup.procs");
            directories.0.push(directory);
            members.push(File::options().write(true).open(procs)?);
        }
        // SAFETY: the closure makes system calls alone between fork and exec, on descriptors that it owns; an error has no
        // allocation.
        unsafe {
            command.pre_exec(move || {
                for mut procs in &members {
                    // The writing process itself.
                    procs.write_all(b"0")?;
                }
                Ok(())
            });
        }
        Ok(directories)
    }
}

/// The mount point of a hierarchy that systemd keeps its services in (proc_pid_mountinfo(5)).
fn hierarchy(mount: &str) -> Option<PathBuf> {
    let (mount, filesystem) = mount.split_once(" - ")?;
    let is_meant = filesystem.starts_with("cgroup2 ")
        || filesystem.starts_with("cgroup ")
            && filesystem.split([' ', ',']).any(|option| option == "name=systemd");
    is_meant.then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for directory in &self.0 {
            // What was killed a moment ago may still be on its way out.
            if let Err(error) = wait_until(|| Ok(remove(directory).is_ok())) {
                eprintln!("the control group {} is left: {error:#}", directory.display());
            }
        }
    }
}

/// Removes a group and those below it.
fn remove(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}
