//! How an address is reached: from which address, and to which Ethernet address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use serde_json::Value;

use super::options::{Mac, Send};
use super::refusal::Refusal;
use super::traffic::Way;
use crate::harness::process::{run, run_cleanup, run_ok, tool};

/// How long a neighbour may take to answer. Nothing tells that there's none; the kernel itself gives up after three seconds.
const LIMIT: Duration = Duration::from_secs(5);
/// How long `ip` may take.
const TOOL_LIMIT: Duration = Duration::from_secs(60);
/// The discard port (RFC 863): what is sent there is to make the kernel look for the neighbour.
const DISCARD: u16 = 9;

/// The way to an address by an interface; what wasn't given is asked of the kernel.
///
/// # Errors
/// There's no such interface, it's down or isn't Ethernet, there's no route by it, or the neighbour doesn't answer.
pub(super) fn find(send: &Send, interface: &str, to: IpAddr) -> Result<Way> {
    let link = link(interface)?;
    let index = link["ifindex"].as_u64().context("an interface without index")?;
    let mtu = link["mtu"].as_u64().context("an interface without MTU")?;
    let from_mac = mac(&link["address"]).context("an interface without Ethernet address")?;
    let index = u32::try_from(index)?;
    let (from, to_mac) = match (send.from, send.to_mac) {
        (Some(from), Some(to_mac)) => (from, to_mac),
        (from, to_mac) => {
            let route = route(interface, to)?;
            let from = from.or_else(|| address(&route["prefsrc"])).ok_or_else(|| {
                Refusal::Invalid(format!(
                    "{interface} has no address to send to {to} from: name one by --from"
                ))
            })?;
            let hop = address(&route["gateway"]).or_else(|| address(&route["via"]["host"])).unwrap_or(to);
            (from, to_mac.map_or_else(|| neighbour(interface, index, hop), Ok)?)
        }
    };
    Ok(Way { interface: interface.to_owned(), index, mtu: mtu as usize, from_mac, to_mac, from, to })
}

/// Whether there's an interface of that name which is up and has a carrier. It looks also if the process was interrupted.
///
/// # Errors
/// `ip` fails.
pub(super) fn has_carrier(interface: &str) -> Result<bool> {
    let output = run_cleanup(tool("ip").args(["-j", "link", "show"]))?;
    let links: Vec<Value> =
        serde_json::from_slice(&output.stdout).context("`ip -j link show` prints no JSON")?;
    Ok(links.iter().any(|link| link["ifname"] == interface && is_up(link)))
}

/// Whether `ip` says that an interface is up and has a carrier.
fn is_up(link: &Value) -> bool {
    link["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "LOWER_UP"))
}

/// What `ip` says of an interface that packets can be sent by.
fn link(interface: &str) -> Result<Value> {
    let links = json(&["link", "show"])?;
    let links = links.as_array().context("`ip -j link show` prints no list")?;
    let Some(link) = links.iter().find(|link| link["ifname"] == interface) else {
        let known: Vec<_> = links.iter().filter_map(|link| link["ifname"].as_str()).collect();
        let known = known.join(", ");
        return Err(
            Refusal::Invalid(format!("there is no interface {interface:?}; there are {known}")).into()
        );
    };
    if link["link_type"] != "ether" {
        return Err(Refusal::Invalid(format!("{interface} has no Ethernet frames")).into());
    }
    if !is_up(link) {
        return Err(Refusal::Invalid(format!(
            "{interface} is down or has no carrier: `ip link set {interface} up`, on both of its ends"
        ))
        .into());
    }
    Ok(link.clone())
}

fn route(interface: &str, to: IpAddr) -> Result<Value> {
    let to_text = to.to_string();
    let output = run(tool("ip").args(["-j", "route", "get", &to_text, "oif", interface]), TOOL_LIMIT)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Refusal::Invalid(format!(
            "--to {to}: there's no route by {interface} ({said}); --to-mac and --from tell what a route would"
        ))
        .into());
    }
    let mut routes: Vec<Value> =
        serde_json::from_slice(&output.stdout).context("`ip -j route get` prints no JSON")?;
    ensure!(!routes.is_empty(), "`ip -j route get {to}` says nothing");
    let route = routes.swap_remove(0);
    if route["dev"] != interface {
        return Err(Refusal::Invalid(format!("--to {to}: it isn't reached by {interface}")).into());
    }
    Ok(route)
}

/// The Ethernet address of a neighbour, which is looked for if it isn't known.
fn neighbour(interface: &str, index: u32, hop: IpAddr) -> Result<Mac> {
    let start = Instant::now();
    let mut is_asked = false;
    loop {
        let neighbours = json(&["neighbour", "show", "to", &hop.to_string(), "dev", interface])?;
        let known =
            neighbours.as_array().into_iter().flatten().find_map(|neighbour| mac(&neighbour["lladdr"]));
        if let Some(mac) = known {
            return Ok(mac);
        }
        if !is_asked {
            // What the socket says, that it isn't reached, comes of there being no neighbour: that is told below.
            let _ = ask(interface, index, hop);
            is_asked = true;
        }
        if start.elapsed() > LIMIT {
            return Err(Refusal::Invalid(format!(
                "{hop} doesn't answer on {interface}: is it up, and does it have that address? Or name its Ethernet address by --to-mac"
            ))
            .into());
        }
        crate::harness::interrupt::check()?;
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sends an empty datagram to a neighbour, so that the kernel looks for it.
fn ask(interface: &str, index: u32, hop: IpAddr) -> Result<()> {
    let any: IpAddr = if hop.is_ipv4() { [0; 4].into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    setsockopt(&socket, BindToDevice, &interface.into())?;
    let to = match hop {
        IpAddr::V6(hop) => SocketAddr::V6(SocketAddrV6::new(hop, DISCARD, 0, index)),
        hop => SocketAddr::new(hop, DISCARD),
    };
    socket.send_to(&[], to)?;
    Ok(())
}

fn json(arguments: &[&str]) -> Result<Value> {
    let output = run_ok(tool("ip").arg("-j").args(arguments))?;
    if output.stdout.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Array(Vec::new()));
    }
    serde_json::from_slice(&output.stdout).context("`ip -j` prints no JSON")
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn mac(value: &Value) -> Option<Mac> {
    value.as_str()?.parse().ok()
}
