//! A root directory that is booted: a real systemd, in namespaces of its own, on the kernel that is running.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{Daemon, run, succeeded, tool};

use super::cgroup::Cgroup;

/// How long booting may take, with the program being loaded on an emulated machine, and anything else that is done inside.
const LIMIT: Duration = Duration::from_secs(180);

/// A booted root directory with the network of a host; it ends on drop.
#[derive(Debug)]
pub struct Machine {
    // Before its control group, which can only be removed after it.
    daemon: Daemon,
    _cgroup: Option<Cgroup>,
}

impl Machine {
    /// Boots it, and waits until all that is started at boot has been.
    ///
    /// # Errors
    /// It doesn't boot, or a unit fails.
    pub fn boot(root: &Path, host: &Host, log: &Path) -> Result<Self> {
        // Its first process outlives systemd-nspawn; in a PID namespace that ends with that, it can't.
        let mut command = tool("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "systemd-nspawn"]);
        command.args(["--boot", "--quiet", "--register=no", "--link-journal=no", "--console=pipe"]);
        command.args(["--capability=all", "--system-call-filter=bpf perf_event_open"]);
        command.arg("--directory").arg(root);
        command.arg(format!("--network-namespace-path=/run/netns/{}", host.netns.name()));
        // As the kernel would have it mounted on a host of its own.
        command.arg(format!("--bind={}:/sys/fs/bpf", host.bpffs.path().display()));
        command.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network");
        // Under systemd it's given a scope; elsewhere it takes the group that it's in.
        let has_manager = Path::new("/run/systemd/system").is_dir();
        let cgroup = if has_manager {
            None
        } else {
            command.arg("--keep-unit");
            Some(Cgroup::around(&mut command, host.netns.name())?)
        };
        let daemon = Daemon::spawn(&mut command, log)?;
        let mut machine = Self { daemon, _cgroup: cgroup };
        let id = machine.daemon.id();
        let settled = || state(id).is_some_and(|state| state != "initializing" && state != "starting");
        machine.daemon.wait_until(settled, LIMIT)?;
        let state = state(id);
        ensure!(state.as_deref() == Some("running"), "{state:?}: {}", machine.journal());
        Ok(machine)
    }

    /// Runs a line of a shell's inside, by root in its own directory.
    ///
    /// # Errors
    /// It takes too long.
    pub fn run(&self, line: &str) -> Result<Output> {
        run(inside(self.daemon.id())?.args(["/bin/sh", "-c", line]), LIMIT)
    }

    /// Runs a line that must succeed; what it prints.
    ///
    /// # Errors
    /// It fails.
    pub fn ok(&self, line: &str) -> Result<String> {
        let mut command = inside(self.daemon.id())?;
        command.args(["/bin/sh", "-c", line]);
        let output = run(&mut command, LIMIT)?;
        let output = succeeded(&command, output).with_context(|| self.journal())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What was written down last.
    pub fn journal(&self) -> String {
        self.run("journalctl --no-pager -o short-monotonic -n 60").map_or_else(
            |error| format!("{error:#}"),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }
}

/// How far systemd has come; nothing as long as it doesn't answer.
fn state(unshare: u32) -> Option<String> {
    let output = run(inside(unshare).ok()?.args(["/bin/systemctl", "is-system-running"]), LIMIT).ok()?;
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!state.is_empty() && state != "offline").then_some(state)
}

/// A command that enters all of the machine's namespaces, to be given its own program.
fn inside(unshare: u32) -> Result<Command> {
    let init = child(&child(&unshare.to_string())?)?;
    ensure!(fs::read_to_string(format!("/proc/{init}/comm"))?.trim() == "systemd", "it isn't booting yet");
    let mut command = tool("nsenter");
    command.args(["--target", &init, "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--root"]);
    command.args([
        "/usr/bin/env",
        "-i",
        "--chdir=/root",
        "HOME=/root",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND=noninteractive",
    ]);
    Ok(command)
}

/// The one child of a process.
fn child(process: &str) -> Result<String> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let child = children.split_whitespace().next().context("the machine has no first process yet")?;
    Ok(child.to_owned())
}
