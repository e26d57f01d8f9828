//! Fragwall beside xdp-filter, each run on the same frames, in turn, where xdp-filter can be told the same rules: UDP ports, or exact
//! addresses, are allowed, and all else is denied.
//!
//! What the other rulesets are made of, it doesn't know: prefixes, ranges of ports, a port together with an address, allowing and denying
//! in one ruleset, and protocols without ports, such as `@ike`'s ESP. It's loaded with no more features than its rules need, as its manual
//! recommends for speed, and without libxdp's dispatcher, so that it's measured at its best. Both keep a counter for each rule.
//!
//! All packets are whole: a trailing fragment goes by its datagram in Fragwall, and by its first bytes in xdp-filter, which isn't the same
//! work.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context as _, Result};
use firewall_common::rules::Slot;
use fragwall::ruleset::{Names, Rule};

use super::{
    cases::{Case, DROP, PASS, frame},
    live::LeftOut,
    rules::program,
};
use crate::harness::{
    packet::{Internet as _, ip6, pattern},
    xdp_filter::{Feature, XdpFilter},
};

/// The ports that are allowed, and one that isn't.
const PORTS: [u16; 2] = [500, 4500];
const DENIED: u16 = 53;
/// How many addresses are allowed: xdp-filter is started once for each.
const SIZES: [usize; 3] = [1, 16, 256];

/// A ruleset that both have.
struct Both {
    name: String,
    fragwall: Vec<(Rule, Slot)>,
    xdp_filter: XdpFilter,
}

impl Both {
    /// What both do with a packet.
    fn cases(&self, what: &str, frame: &[u8], action: u32) -> Result<[Case; 2]> {
        let name = |who| format!("{}, {what}, {who}", self.name);
        Ok([
            Case::new(name("Fragwall"), program(&self.fragwall)?, frame.to_vec(), action)?,
            Case::new(name("xdp-filter"), self.xdp_filter.program()?, frame.to_vec(), action)?,
        ])
    }
}

fn rules(texts: impl IntoIterator<Item = String>) -> Result<Vec<(Rule, Slot)>> {
    let names = Names::parse("", "");
    let rule = |(n, text): (usize, String)| {
        Ok((Rule::parse(&text, &names)?, Slot::rule(n).context("too many rules")?))
    };
    texts.into_iter().enumerate().map(rule).collect()
}

fn ports() -> Result<Both> {
    let xdp_filter = XdpFilter::load(Feature::Udp)?;
    PORTS.iter().try_for_each(|port| xdp_filter.allow_port(*port))?;
    let fragwall = rules(PORTS.map(|port| format!("allow udp {port}")))?;
    Ok(Both { name: format!("{} ports", PORTS.len()), fragwall, xdp_filter })
}

fn sources(addresses: &[Ipv6Addr]) -> Result<Both> {
    let xdp_filter = XdpFilter::load(Feature::Ipv6)?;
    addresses.iter().try_for_each(|address| xdp_filter.allow_source(IpAddr::V6(*address)))?;
    let fragwall = rules(addresses.iter().map(|address| format!("allow any from {address}")))?;
    let name = format!("{} source{}", addresses.len(), if addresses.len() == 1 { "" } else { "s" });
    Ok(Both { name, fragwall, xdp_filter })
}

/// The addresses that are allowed: each in a network of its own.
fn address(n: usize) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, n as u16, 0, 0, 0, 0xbe6b, 0xd879)
}

/// A packet of the size that the others have.
fn packet(source: Ipv6Addr, port: u16) -> Vec<u8> {
    frame(ip6(&source.to_string(), "2001:db8:f:608::2").udp(4500, port, &pattern(100)))
}

/// Every case; none if xdp-filter can't be had here, with the reason.
///
/// # Errors
/// The kernel refuses a program, or xdp-filter its rules.
pub fn all() -> Result<(Vec<Case>, Vec<LeftOut>)> {
    if let Err(error) = XdpFilter::load(Feature::Udp) {
        let left_out = LeftOut { contender: "xdp-filter".to_owned(), reason: format!("{error:#}") };
        return Ok((Vec::new(), vec![left_out]));
    }
    let mut cases = Vec::new();
    let both = ports()?;
    cases.extend(both.cases("one matches", &packet(address(0), PORTS[1]), PASS)?);
    cases.extend(both.cases("none matches", &packet(address(0), DENIED), DROP)?);
    for size in SIZES {
        let addresses: Vec<_> = (0..size).map(address).collect();
        let both = sources(&addresses)?;
        cases.extend(both.cases("one matches", &packet(address(size - 1), DENIED), PASS)?);
        cases.extend(both.cases("none matches", &packet(address(size), DENIED), DROP)?);
    }
    Ok((cases, Vec::new()))
}
