//! xdp-filter, loaded and told its rules by its own command, in a namespace of its own.

use std::ffi::CStr;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use aya::programs::Xdp;
use aya_obj::programs::XdpAttachType;

use super::bpffs::Bpffs;
use super::mounts;
use super::netns::Netns;
use super::process::run_ok;
use super::requirements;

/// Where it keeps its state, whatever else is said.
const BPFFS: &CStr = c"/sys/fs/bpf";
/// Where it's loaded: packets come from test runs, so any interface will do.
const INTERFACE: &str = "lo";

/// What it can be told to look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feature {
    /// Ports of UDP.
    Udp,
    /// IPv6 addresses.
    Ipv6,
}

/// An xdp-filter that drops all but what it's told to allow; removed on drop.
#[derive(Debug)]
pub struct XdpFilter {
    // The namespace goes first, and with it what holds the pinned programs.
    netns: Netns,
    bpffs: Bpffs,
}

impl XdpFilter {
    /// Loads it with one feature.
    ///
    /// # Errors
    /// The process isn't root's, or xdp-filter is missing or fails.
    pub fn load(feature: Feature) -> Result<Self> {
        requirements::require(&["ip", "xdp-filter"])?;
        let filter = Self { netns: Netns::new("xdp-filter")?, bpffs: Bpffs::new()? };
        let feature = match feature {
            Feature::Udp => "udp",
            Feature::Ipv6 => "ipv6",
        };
        filter.run(&["load", "--mode", "skb", "--policy", "deny", "--features", feature, INTERFACE])?;
        Ok(filter)
    }

    /// Allows a destination port.
    ///
    /// # Errors
    /// It fails, as it does if it was loaded without [`Feature::Udp`].
    pub fn allow_port(&self, port: u16) -> Result<()> {
        self.run(&["port", "--mode", "dst", "--proto", "udp", &port.to_string()])
    }

    /// Allows a source address.
    ///
    /// # Errors
    /// It fails, as it does if it was loaded without [`Feature::Ipv6`].
    pub fn allow_source(&self, address: IpAddr) -> Result<()> {
        self.run(&["ip", "--mode", "src", &address.to_string()])
    }

    /// Its XDP program, which holds its rules also when this is gone.
    ///
    /// # Errors
    /// It has pinned none, or several.
    pub fn program(&self) -> Result<Xdp> {
        let directory = self.bpffs.path().join("xdp-filter/programs").join(INTERFACE);
        let pins = std::fs::read_dir(&directory)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| directory.display().to_string())?;
        let [pin] = pins.as_slice() else {
            bail!("xdp-filter has pinned {} programs in {}", pins.len(), directory.display())
        };
        Ok(Xdp::from_pin(pin.path(), XdpAttachType::Interface)?)
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.netns.command("xdp-filter")?;
        // With libxdp's dispatcher, the program would be an extension of that one, which can't be run by itself.
        command.args(arguments).env("LIBXDP_SKIP_DISPATCHER", "1");
        mounts::replace(&mut command, BPFFS, self.bpffs.path())?;
        run_ok(&mut command).map(drop)
    }
}
