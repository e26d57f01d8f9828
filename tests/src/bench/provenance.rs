//! What a benchmark's figures were taken on, and when.

use std::{fmt, fs, process::Command, time::SystemTime};

use anyhow::{Context as _, Result};
use fragwall::observe::last_hit::rfc3339;
use serde::Serialize;

/// What figures say nothing without.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// The kernel's release.
    pub kernel: String,
    /// What the CPU calls itself.
    pub cpu: String,
    /// How many CPUs there are.
    pub cpus: usize,
    /// Whether they are a virtual machine's.
    pub virtual_machine: bool,
    /// When it was begun, as RFC 3339 writes it.
    pub date: String,
    /// The commit that was built, with `+` behind it if more was changed; nothing outside a repository.
    pub commit: Option<String>,
}

impl Provenance {
    /// Of this machine, now.
    ///
    /// # Errors
    /// The kernel tells nothing of itself or of the CPU.
    pub fn here() -> Result<Self> {
        const RELEASE: &str = "/proc/sys/kernel/osrelease";
        const CPUS: &str = "/proc/cpuinfo";
        let cpuinfo = fs::read_to_string(CPUS).context(CPUS)?;
        let field = |name: &str| {
            cpuinfo.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        Ok(Self {
            kernel: fs::read_to_string(RELEASE).context(RELEASE)?.trim().to_owned(),
            cpu: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cpus: std::thread::available_parallelism()?.get(),
            virtual_machine: field("flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            date: rfc3339(SystemTime::now()),
            commit: commit(),
        })
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, cpu, cpus, virtual_machine, date, commit } = self;
        let machine = if *virtual_machine { "virtual machine" } else { "machine" };
        let day = date.split('T').next().unwrap_or_default();
        write!(f, "{machine} with {cpus} CPUs ({cpu}), Linux {kernel}, {day}")?;
        commit.as_ref().map_or(Ok(()), |commit| write!(f, ", commit {commit}"))
    }
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{commit}+") } else { commit })
}
