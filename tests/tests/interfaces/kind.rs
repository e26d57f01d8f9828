//! The kinds of interfaces, and how a host gets one of each in place of its `eth0`.

use anyhow::{Context as _, Result};
use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::{run_ok, tool};
use firewall_tests::harness::wait::wait_until;

/// A kind of interface that packets come by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Veth,
    Bridge,
    Bond,
    Vlan,
    MacVlan,
    IpVlan,
    Virtio,
}

impl Kind {
    /// The name of an interface of it.
    pub(crate) const fn interface(self) -> &'static str {
        match self {
            Self::Veth | Self::Virtio => "eth0",
            Self::Bridge => "br0",
            Self::Bond => "bond0",
            Self::Vlan => "eth0.5",
            Self::MacVlan => "mac0",
            Self::IpVlan => "ipv0",
        }
    }

    /// The kernel module that has it.
    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Veth => "veth",
            Self::Bridge => "bridge",
            Self::Bond => "bonding",
            Self::Vlan => "8021q",
            Self::MacVlan => "macvlan",
            Self::IpVlan => "ipvlan",
            Self::Virtio => "virtio_net",
        }
    }

    /// Whether it runs programs natively. A bond does if its ports do.
    pub(crate) const fn is_native(self) -> bool {
        matches!(self, Self::Veth | Self::Bond | Self::Virtio)
    }

    /// Gives the host an interface of this kind upon its `eth0`, which has that MTU in bytes, with the addresses of that one.
    pub(crate) fn make(self, host: &Host, mtu: u32) -> Result<()> {
        let (netns, name) = (&host.netns, self.interface());
        match self {
            Self::Veth | Self::Virtio => return Ok(()),
            Self::Bridge => {
                netns.ip(&["link", "add", name, "type", "bridge"])?;
                netns.ip(&["link", "set", "eth0", "master", name])?;
            }
            Self::Bond => {
                netns.ip(&["link", "add", name, "type", "bond", "mode", "active-backup", "miimon", "50"])?;
                // Its ports get its MTU.
                netns.ip(&["link", "set", name, "mtu", &mtu.to_string()])?;
                netns.ip(&["link", "set", "eth0", "down"])?;
                netns.ip(&["link", "set", "eth0", "master", name])?;
            }
            Self::Vlan => {
                for netns in [netns, &host.neighbour] {
                    netns.ip(&["link", "add", "link", "eth0", "name", name, "type", "vlan", "id", "5"])?;
                }
                give(&host.neighbour, name, &NEIGHBOUR)?;
            }
            Self::MacVlan => {
                netns.ip(&["link", "add", "link", "eth0", "name", name, "type", "macvlan"])?;
                // Its address is its own: `eth0`, which nothing filters, mustn't say that it has it.
                netns.set_parameter("ipv4/conf/all/arp_ignore", "1")?;
            }
            Self::IpVlan => {
                netns.ip(&["link", "add", "link", "eth0", "name", name, "type", "ipvlan", "mode", "l2"])?;
            }
        }
        give(netns, name, &HOST)
    }
}

/// The name of a tap.
pub(crate) const TAP: &str = "tap0";

/// Takes the addresses from `eth0` and gives them to another interface.
pub(crate) fn give(netns: &Netns, name: &str, addresses: &[std::net::IpAddr; 2]) -> Result<()> {
    netns.ip(&["address", "flush", "dev", "eth0", "scope", "global"])?;
    netns.ip(&["link", "set", name, "up"])?;
    // The state of an ipvlan and of a tap is unknown for good.
    if ![Kind::IpVlan.interface(), TAP].contains(&name) {
        wait_until(|| netns.is_operational(name)).with_context(|| format!("{name} isn't up"))?;
    }
    for (address, prefix) in addresses.iter().zip([64, 24]) {
        netns.ip(&["address", "add", &format!("{address}/{prefix}"), "dev", name, "nodad"])?;
    }
    Ok(())
}

/// Whether the kernel has interfaces of a kind that `ip` calls so, for which it may need a module. If it has none, that is said.
pub(crate) fn is_there(kind: &str, add: &[&str], module: &str) -> Result<bool> {
    let netns = Netns::new("has")?;
    netns.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "peer"])?;
    let Err(refused) = netns.ip(add) else { return Ok(true) };
    // Not every kind brings its module by itself.
    let Err(lacks) = run_ok(tool("modprobe").arg(module)) else {
        netns.ip(add).with_context(|| format!("{kind}: the module {module} is there"))?;
        return Ok(true);
    };
    println!("{kind}: left out, this kernel has none: {refused:#}; {lacks:#}");
    Ok(false)
}
