//! A run that needs nothing but this machine: two network namespaces, a veth between them, and a filter in one of them.

use anyhow::Result;

use super::filter::Look;
use super::options::{Mac, Send};
use super::refusal::Refusal;
use super::run::{finish, go};
use super::traffic::{Traffic, Way};
use crate::harness::fragwall;
use crate::harness::host::{HOST, Host, NEIGHBOUR};
use crate::harness::process::succeeded;

/// The interface on both sides.
const INTERFACE: &str = "eth0";
/// The MTU of the link unless a whole frame is longer, and the largest that a veth can have, in bytes.
const MTU: usize = 1500;
const LARGEST_MTU: usize = 65_535;

/// Makes them, sends from the one to the other, and prints what came of it.
///
/// # Errors
/// A rule isn't one; or as of every run.
pub(super) fn run(send: &Send) -> Result<()> {
    eprintln!("building Fragwall, if need be");
    fragwall::binary()?;
    let whole = if send.fragments.is_some() { None } else { send.size };
    let mtu = MTU.max(whole.unwrap_or(0).min(LARGEST_MTU)).max(send.mtu.unwrap_or(0).min(LARGEST_MTU));
    let host = Host::with_mtu("pktgen", mtu as u32)?;
    attach(&host, &send.allow)?;
    let which = usize::from(send.ipv4);
    let (from, to) = (host.neighbour.interface(INTERFACE)?, host.netns.interface(INTERFACE)?);
    let way = Way {
        interface: INTERFACE.to_owned(),
        index: from.index,
        mtu,
        from_mac: Mac(from.address),
        to_mac: Mac(to.address),
        from: NEIGHBOUR[which],
        to: HOST[which],
    };
    let traffic = Traffic::new(send, way)?;
    let look = || host.netns.enter(|| Look::take(INTERFACE, host.bpffs.path()));
    let report = host.neighbour.enter(|| go(&traffic, Some(&look)))?;
    finish(&report, send.json)
}

/// Attaches a filter that allows this, and denies the rest.
fn attach(host: &Host, allow: &[String]) -> Result<()> {
    let mut arguments = vec!["attach", INTERFACE];
    for rule in allow {
        arguments.extend(["--allow", rule]);
    }
    let output = host.fragwall().run(&arguments)?;
    if output.status.code() == Some(2) {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        return Err(Refusal::Invalid(said.strip_prefix("error: ").unwrap_or(said).to_owned()).into());
    }
    let mut command = host.fragwall().command()?;
    succeeded(command.args(&arguments), output).map(drop)
}
