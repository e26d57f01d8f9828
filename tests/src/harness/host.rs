//! A host to be filtered, and a neighbour that sends to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use fragwall::{
    kernel::{change::Precautions, filter::Filter},
    ruleset::{Config, Rule},
};
use serde_json::Value;

use super::bpffs::Bpffs;
use super::fragwall::Fragwall;
use super::netns::{End, Netns, bring_up, veth};
use super::nics::NicPair;
use super::process::{run_ok, tool};
use super::requirements;

/// The MTU of the link between the two, in bytes: the least that IPv6 allows.
pub const MTU: u32 = 1280;
/// The host's addresses, IPv6 and IPv4.
pub const HOST: [IpAddr; 2] =
    [IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))];
/// The neighbour's addresses, IPv6 and IPv4.
pub const NEIGHBOUR: [IpAddr; 2] =
    [IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];

/// The same, with their prefixes' lengths.
const HOST_WITH_PREFIXES: [(IpAddr, u8); 2] = [(HOST[0], 64), (HOST[1], 24)];
const NEIGHBOUR_WITH_PREFIXES: [(IpAddr, u8); 2] = [(NEIGHBOUR[0], 64), (NEIGHBOUR[1], 24)];

/// A namespace with an interface `eth0` and a BPF filesystem, joined to a neighbour's `eth0`; all of it removed on drop.
#[derive(Debug)]
pub struct Host {
    /// Where its state is pinned.
    pub bpffs: Bpffs,
    /// The host.
    pub netns: Netns,
    /// The neighbour.
    pub neighbour: Netns,
}

/// An XDP program on an interface, as `ip` shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attached {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub generic: bool,
}

impl Host {
    /// Makes one.
    ///
    /// # Errors
    /// The process isn't root's, `ip` is missing or fails.
    pub fn new(label: &str) -> Result<Self> {
        Self::with_mtu(label, MTU)
    }

    /// Makes one whose link has another MTU, in bytes.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn with_mtu(label: &str, mtu: u32) -> Result<Self> {
        Self::with_link(label, mtu, 1)
    }

    /// Makes one whose link has another MTU, in bytes, and each of its ends so many receive queues.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn with_link(label: &str, mtu: u32, receive_queues: usize) -> Result<Self> {
        let host = Self::apart(label)?;
        let [one, other] = host.ends("eth0", receive_queues);
        veth(&one, &other, mtu)?;
        Ok(host)
    }

    /// Makes one that nothing comes to but what a test sends: its kernel and the neighbour's send nothing by themselves.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn quiet(label: &str) -> Result<Self> {
        let host = Self::with_mtu(label, 1500)?;
        for netns in [&host.netns, &host.neighbour] {
            netns.set_parameter("ipv6/conf/all/disable_ipv6", "1")?;
            netns.ip(&["link", "set", "eth0", "arp", "off"])?;
            netns.ip(&["-4", "address", "flush", "dev", "eth0"])?;
        }
        Ok(host)
    }

    /// Makes one that is joined to its neighbour by two network cards, which come back to the namespace that they were in.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn with_nics(label: &str, nics: &NicPair) -> Result<Self> {
        let host = Self::apart(label)?;
        nics.move_to([&host.netns, &host.neighbour], "eth0")?;
        let [one, other] = host.ends("eth0", 1);
        bring_up([&one, &other])?;
        Ok(host)
    }

    /// A host and a neighbour that nothing joins yet.
    fn apart(label: &str) -> Result<Self> {
        requirements::require(&["ip"])?;
        Ok(Self { bpffs: Bpffs::new()?, netns: Netns::new(label)?, neighbour: Netns::new(label)? })
    }

    /// The ends of the link between the two.
    fn ends<'a>(&'a self, interface: &'a str, receive_queues: usize) -> [End<'a>; 2] {
        let end = |netns, addresses| End { netns, interface, receive_queues, addresses };
        [end(&self.netns, &HOST_WITH_PREFIXES), end(&self.neighbour, &NEIGHBOUR_WITH_PREFIXES)]
    }

    /// Gives the host another interface, that no traffic comes by.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn add_interface(&self, name: &str) -> Result<()> {
        let peer = format!("{name}-peer");
        self.netns.ip(&["link", "add", name, "type", "veth", "peer", "name", &peer])
    }

    /// The command line on this host.
    pub fn fragwall(&self) -> Fragwall<'_> {
        Fragwall { netns: &self.netns, bpffs: &self.bpffs }
    }

    /// Runs a command of the command line that must succeed.
    ///
    /// # Errors
    /// It fails.
    pub fn ok(&self, arguments: &[&str]) -> Result<Output> {
        self.fragwall().run_ok(arguments)
    }

    /// Puts other rules into force, as each command would that changes them, but in this process.
    ///
    /// # Errors
    /// No filter is in force, or the kernel refuses.
    pub fn replace_rules(&self, rules: Vec<Rule>) -> Result<()> {
        self.netns.enter(|| {
            let mut filter = Filter::open_to_change(self.bpffs.path())?;
            let document = filter.document();
            let (config, stance) = (Config { rules, ..document.config.clone() }, document.stance);
            let precautions = Precautions { confirm: None, guard: &|_| Ok(()) };
            filter.change(config, stance, &precautions)?;
            Ok(())
        })
    }

    /// The XDP program on an interface.
    ///
    /// # Errors
    /// There's no such interface.
    pub fn attached(&self, interface: &str) -> Result<Option<Attached>> {
        attached(&self.netns, interface)
    }

    /// The rules in force, as texts.
    ///
    /// # Errors
    /// `fragwall list` fails.
    pub fn rules(&self) -> Result<Vec<String>> {
        rules(&self.fragwall())
    }

    /// The names of what is on the BPF filesystem, but for the two files that the kernel itself puts there.
    ///
    /// # Errors
    /// It can't be read.
    pub fn pins(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.bpffs.path())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".debug") {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// The XDP program on an interface of a namespace.
///
/// # Errors
/// There's no such interface.
pub fn attached(netns: &Netns, interface: &str) -> Result<Option<Attached>> {
    let output = run_ok(tool("ip").args(["-n", netns.name(), "-j", "link", "show", "dev", interface]))?;
    let links: Value = serde_json::from_slice(&output.stdout).context("`ip -j link show` prints no JSON")?;
    let xdp = &links[0]["xdp"];
    if xdp.is_null() {
        return Ok(None);
    }
    ensure!(
        xdp["attached"].as_array().is_none_or(|all| all.len() == 1),
        "more than one program on {interface}: {xdp}"
    );
    Ok(Some(Attached {
        id: xdp["prog"]["id"].as_u64().context("a program without id")?,
        name: xdp["prog"]["name"].as_str().unwrap_or_default().to_owned(),
        // IFLA_XDP_ATTACHED: XDP_ATTACHED_SKB.
        generic: xdp["mode"] == 2,
    }))
}

/// The rules in force, as texts.
///
/// # Errors
/// `fragwall list` fails.
pub fn rules(fragwall: &Fragwall<'_>) -> Result<Vec<String>> {
    let list = fragwall.json(&["list"])?;
    let rules = list["rules"].as_array().context("`fragwall list` has no rules")?;
    rules.iter().map(|rule| Ok(rule["rule"].as_str().context("a rule without text")?.to_owned())).collect()
}
