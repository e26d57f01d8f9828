//! A host, two routers and a far host, one behind the other. The link between the routers takes smaller packets than the others do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use firewall_tests::harness::host::{Host, NEIGHBOUR};
use firewall_tests::harness::netns::{End, Netns, veth};

/// Where the filter is run.
pub const MODES: [&str; 2] = ["native", "generic"];
/// The MTU of the host's link, and of the far host's.
pub const WIDE: u32 = 1500;
/// The MTU of the link between the routers: the least that IPv6 allows.
pub const NARROW: u32 = 1280;
/// The far host's addresses, IPv6 and IPv4.
pub const FAR: [IpAddr; 2] = on_far_link(2);
/// The far router's addresses on the link between the routers.
const FAR_ROUTER: [IpAddr; 2] = between_routers(2);

/// What a packet from the host comes to on its way to the far one, IPv6's and IPv4's.
pub const HOPS: [[IpAddr; 3]; 2] =
    [[NEIGHBOUR[0], FAR_ROUTER[0], FAR[0]], [NEIGHBOUR[1], FAR_ROUTER[1], FAR[1]]];

const fn between_routers(last: u8) -> [IpAddr; 2] {
    [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last as u16)),
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, last)),
    ]
}

const fn on_far_link(last: u8) -> [IpAddr; 2] {
    [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, last as u16)),
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, last)),
    ]
}

/// All of them; removed on drop.
pub struct Path {
    /// The host, whose neighbour is the near router.
    pub host: Host,
    /// The far host.
    pub far: Netns,
    _far_router: Netns,
}

impl Path {
    /// Makes them, without a filter.
    pub fn new(label: &str) -> Result<Self> {
        let host = Host::with_mtu(label, WIDE)?;
        let (far_router, far) = (Netns::new(label)?, Netns::new(label)?);
        let near_router = &host.neighbour;
        join([(near_router, "eth1"), (&far_router, "eth0")], between_routers, NARROW)?;
        join([(&far_router, "eth1"), (&far, "eth0")], on_far_link, WIDE)?;
        for router in [near_router, &far_router] {
            router.set_parameter("ipv4/ip_forward", "1")?;
            router.set_parameter("ipv6/conf/all/forwarding", "1")?;
        }
        for netns in [&host.netns, near_router, &far_router, &far] {
            // However many questions a test asks: each is answered.
            netns.set_parameter("ipv4/icmp_ratelimit", "0")?;
            netns.set_parameter("ipv6/icmp/ratelimit", "0")?;
        }
        for (netns, gateways) in [
            (&host.netns, NEIGHBOUR),
            (near_router, FAR_ROUTER),
            (&far_router, between_routers(1)),
            (&far, on_far_link(1)),
        ] {
            for gateway in gateways {
                let family = if gateway.is_ipv6() { "-6" } else { "-4" };
                netns.ip(&[family, "route", "add", "default", "via", &gateway.to_string()])?;
            }
        }
        Ok(Self { host, far, _far_router: far_router })
    }

    /// Attaches a filter to the host that allows nothing.
    pub fn filter(&self, mode: &str) -> Result<()> {
        self.host.ok(&["attach", "eth0", "--mode", mode]).map(drop)
    }
}

/// Joins two namespaces by a link, whose ends have a network's first and second address.
fn join(ends: [(&Netns, &str); 2], network: fn(u8) -> [IpAddr; 2], mtu: u32) -> Result<()> {
    let addresses =
        [1, 2].map(|last| network(last).map(|address| (address, if address.is_ipv6() { 64 } else { 24 })));
    let end = |n: usize| End {
        netns: ends[n].0,
        interface: ends[n].1,
        receive_queues: 1,
        addresses: &addresses[n],
    };
    veth(&end(0), &end(1), mtu)
}
