//! Where it takes place: a host that a daemon keeps filtered, its neighbour, and another host.

use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

use crate::harness::host::Host;
use crate::harness::serving::{Serving, configure};
use crate::harness::stream::Ports;
use crate::harness::{cpu, temporary_directory};

/// The link's MTU, in bytes: the least that IPv6 allows.
pub(super) const MTU: u32 = 1280;
/// The interface that comes and goes; the other one, which the traffic comes by, stays.
pub(super) const COMING: &str = "usb0";
/// The rules that are in force at the end of each cycle. What the streams send is let in by the first, what comes by the interface that
/// comes and goes by the second, and floods are judged by the two behind.
pub(super) const RULES: [&str; 4] =
    ["allow udp 7000,7004", "allow udp 7002", "allow udp 4500", "deny udp 53"];
/// The ports of the streams, of IPv6 and of IPv4, allowed and denied.
pub(super) const STREAM_PORTS: [Ports; 2] =
    [Ports { allowed: 7000, denied: 7001 }, Ports { allowed: 7004, denied: 7005 }];
/// Those of what comes by the interface that comes and goes.
pub(super) const COMING_PORTS: [u16; 2] = [7002, 7003];

/// The two hosts; all of it is removed on drop.
#[derive(Debug)]
pub(super) struct Scene {
    /// The one with the daemon.
    pub(super) host: Host,
    /// Another one, whose filter comes and goes.
    pub(super) other: Host,
    /// Where the daemon's files are, and those that commands read.
    directories: [TempDir; 2],
    /// The CPU that floods are made on.
    pub(super) flood_cpu: usize,
}

impl Scene {
    /// Makes it.
    pub(super) fn new() -> Result<Self> {
        // A flood fills the receive queue of the CPU that makes it, and all else comes by the first one: what no filter can help is that
        // a frame finds its queue full.
        let [_, flood_cpu] = cpu::two()?;
        let host = Host::with_link("soak", MTU, flood_cpu + 1)?;
        let other = Host::new("soak-other")?;
        Ok(Self {
            host,
            other,
            directories: [temporary_directory("soak")?, temporary_directory("soak")?],
            flood_cpu,
        })
    }

    /// Writes the daemon's config file, with those rules beside the usual ones. Returns its path.
    pub(super) fn configure(&self, further: &[String]) -> Result<String> {
        write(&self.directories[0], further)
    }

    /// Writes a config file that the daemon doesn't know. Returns its path.
    pub(super) fn configure_another(&self, further: &[String]) -> Result<String> {
        write(&self.directories[1], further)
    }

    /// A file that events go to.
    pub(super) fn events(&self) -> String {
        self.directories[0].path().join("events").to_string_lossy().into_owned()
    }

    /// Starts the daemon.
    pub(super) fn serve(&self) -> Result<Serving<'_>> {
        let (config, events) = (self.configure(&[])?, self.events());
        Serving::new(&self.host, &["--config", &config, "--events", &events, "--events-rate", "50"])
    }

    /// Where the filters are pinned.
    pub(super) fn bpffs(&self) -> [&Path; 2] {
        [self.host.bpffs.path(), self.other.bpffs.path()]
    }
}

/// Writes a config file with the usual rules and others.
fn write(directory: &TempDir, further: &[String]) -> Result<String> {
    let rules = RULES.iter().copied().chain(further.iter().map(String::as_str));
    let rules: String = rules.map(|rule| format!("  \"{rule}\",\n")).collect();
    let text = format!("interfaces = [\"eth0\", \"{COMING}\"]\nrules = [\n{rules}]\n");
    configure(directory.path(), &text)
}
