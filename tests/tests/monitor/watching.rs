//! A monitor that runs, and what it has said.

use std::time::Duration;

use anyhow::{Context as _, Result};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::Daemon;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// Far longer than anything takes; only what went wrong is waited for as long.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A monitor. It ends with this.
pub(crate) struct Watching {
    pub(crate) daemon: Daemon,
    _directory: TempDir,
}

impl Watching {
    /// Starts one with these arguments, and waits until it watches.
    pub(crate) fn new(host: &Host, arguments: &[&str]) -> Result<Self> {
        let directory = temporary_directory("monitor")?;
        let mut command = host.fragwall().command()?;
        command.arg("monitor").args(arguments);
        let mut daemon = Daemon::spawn(&mut command, &directory.path().join("log"))?;
        let log = directory.path().join("log");
        let watches = || std::fs::read_to_string(&log).is_ok_and(|said| said.contains("watching eth0"));
        daemon.wait_until(watches, LIMIT)?;
        Ok(Self { daemon, _directory: directory })
    }

    /// Waits until it has said that.
    pub(crate) fn says(&mut self, words: &str) -> Result<()> {
        let log = self._directory.path().join("log");
        self.daemon.wait_until(|| std::fs::read_to_string(&log).is_ok_and(|said| said.contains(words)), LIMIT)
    }

    /// Waits until it has ended, which it must have done well. What it has said.
    pub(crate) fn ended(mut self) -> Result<String> {
        let status = self.daemon.ended(LIMIT)?;
        anyhow::ensure!(status.success(), "it ended with {status}: {}", self.daemon.log());
        Ok(self.daemon.log())
    }

    /// Ends it as a terminal does. What it has said.
    pub(crate) fn end(self) -> Result<String> {
        self.daemon.signal(Signal::SIGINT)?;
        self.ended()
    }
}

/// The objects that were printed, with the summary apart.
pub(crate) fn objects(said: &str) -> Result<(Vec<Value>, Value)> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let mut objects: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let summary = objects.pop().context("nothing was printed")?;
    Ok((objects, summary))
}
