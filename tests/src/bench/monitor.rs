//! A flood of drops while `fragwall monitor` watches, beside one that nobody watches.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Effort,
    flood::Flood,
    report::{Row, Section},
    rules::PORT,
};
use crate::harness::{process::Daemon, temporary_directory};

/// The packets a second that it's asked to show: what it shows by itself, and a thousand times that.
const RATES: [&str; 2] = ["1000", "1000000"];
/// Far longer than it takes to start or end.
const LIMIT: Duration = Duration::from_secs(60);
/// By how much its memory may have grown at the end of a flood, in KiB: that of some buffers.
const GROWTH: u64 = 2048;

/// Measures it.
///
/// # Errors
/// A packet is neither shown nor counted as left out, or the monitor's memory grows.
pub fn section(effort: Effort) -> Result<Section> {
    let mut flood = Flood::new("watched", PORT)?;
    flood.attach(&[])?;
    let mut unwatched = Vec::new();
    let mut watched = RATES.map(|_| Vec::new());
    for _ in 0..effort.live_rounds {
        unwatched.push(flood.time(effort.live, Flood::dropped)?);
        for (rate, samples) in RATES.iter().zip(&mut watched) {
            let mut monitor = Monitor::start(&flood, rate)?;
            // Its buffers grow as they are used for the first time.
            flood.time(effort.live / 10, Flood::dropped)?;
            let memory = monitor.memory()?;
            samples.push(flood.time(effort.live, Flood::dropped)?);
            let grown = monitor.memory()?.saturating_sub(memory);
            ensure!(grown < GROWTH, "the monitor's memory has grown by {grown} KiB in a flood");
            let told = monitor.end()?;
            let dropped = flood.dropped()? - monitor.before;
            ensure!(told == dropped, "{dropped} packets were dropped, and {told} shown or left out");
        }
    }
    let row = |name: &str, samples: &[f64]| {
        let pairs: Vec<(f64, f64)> = samples.iter().copied().zip(unwatched.iter().copied()).collect();
        Row::new(name.to_owned(), &pairs, None)
    };
    let mut rows = vec![row("a flood of drops, nobody watches", &unwatched)?];
    for (rate, samples) in RATES.iter().zip(&watched) {
        rows.push(row(&format!("the same, `fragwall monitor --rate {rate}`"), samples)?);
    }
    Ok(Section {
        name: "monitor",
        title: "a monitor, over a veth",
        over: "unwatched",
        rows,
        left_out: Vec::new(),
    })
}

/// The real command, which shows packets to a file.
struct Monitor {
    daemon: Daemon,
    directory: TempDir,
    /// How many packets had been dropped before it watched.
    before: u64,
}

impl Monitor {
    fn start(flood: &Flood, rate: &str) -> Result<Self> {
        let directory = temporary_directory("monitor")?;
        let log = directory.path().join("log");
        let before = flood.dropped()?;
        let mut command = flood.host.fragwall().command()?;
        command.args(["monitor", "--json", "--rate", rate]);
        let mut daemon = Daemon::spawn(&mut command, &log)?;
        daemon.wait_until(|| fs::read_to_string(&log).is_ok_and(|said| said.contains("watching")), LIMIT)?;
        Ok(Self { daemon, directory, before })
    }

    /// What it has in memory, in KiB.
    fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kibibytes.and_then(|number| number.trim().parse().ok()).context("the kernel tells no memory")
    }

    /// Ends it. How many packets it has shown and left out.
    fn end(&mut self) -> Result<u64> {
        self.daemon.signal(Signal::SIGINT)?;
        self.daemon.ended(LIMIT)?;
        let said = fs::read_to_string(self.directory.path().join("log"))?;
        let summary = said.lines().rev().find(|line| line.starts_with('{')).context("it said nothing")?;
        let summary: Value = serde_json::from_str(summary)?;
        let count = |key: &str| summary[key].as_u64().with_context(|| format!("no {key} in {summary}"));
        Ok(count("shown")? + count("left_out")?)
    }
}
