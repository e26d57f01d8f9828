//! Kinds of interfaces that no neighbour is behind: the loopback, a dummy, a tap and a tun.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::udp::{pending, receive, socket};
use serde_json::Value;

use super::kind::is_there;

/// Far longer than a datagram takes; only a lost one is waited for as long.
const LIMIT: Duration = Duration::from_secs(60);
/// The exit codes of a command whose input is no use, and of one that the interface doesn't allow.
const INVALID: i32 = 2;
const REFUSED: i32 = 3;

/// Attaches in the best mode there is; what is told of it.
fn attach(host: &Host, name: &str) -> Value {
    let attached = host.fragwall().json(&["attach", name, "--allow", "udp 7000"]).unwrap();
    assert!(host.attached(name).unwrap().is_some());
    attached["interfaces"][0].clone()
}

fn detach(host: &Host, name: &str) {
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached(name).unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn loopback() {
    let host = Host::new("lo").unwrap();
    assert_eq!(attach(&host, "lo")["mode"], "generic");
    for to in [IpAddr::from(Ipv6Addr::LOCALHOST), Ipv4Addr::LOCALHOST.into()] {
        let sender = socket(&host.netns, to, 0).unwrap();
        let [allowed, denied] = [7000, 7001].map(|port| socket(&host.netns, to, port).unwrap());
        for size in [100, 60_000] {
            // The loopback has an MTU of 65,536, so it carries these whole.
            for port in [7001, 7000] {
                sender.send_to(&vec![1; size], SocketAddr::new(to, port)).unwrap();
            }
            let arrived = receive(&allowed, LIMIT).unwrap().map(|datagram| datagram.len());
            assert_eq!(arrived, Some(size), "{to}");
            assert!(pending(&denied).unwrap().is_empty(), "{to}");
        }
    }
    detach(&host, "lo");
}

#[test]
fn dummy() {
    if !is_there("dummy", &["link", "add", "new", "type", "dummy"], "dummy").unwrap() {
        return;
    }
    let host = Host::new("dummy").unwrap();
    host.netns.ip(&["link", "add", "dum0", "type", "dummy"]).unwrap();
    host.netns.ip(&["link", "set", "dum0", "up"]).unwrap();
    // Nothing ever comes in by it.
    assert_eq!(attach(&host, "dum0")["mode"], "generic");
    detach(&host, "dum0");
}

#[test]
fn tap() {
    if !is_there("tap", &["tuntap", "add", "new", "mode", "tap"], "tun").unwrap() {
        return;
    }
    let host = Host::new("tap").unwrap();
    host.netns.ip(&["tuntap", "add", "tap0", "mode", "tap"]).unwrap();
    host.netns.ip(&["link", "set", "tap0", "up"]).unwrap();
    assert_eq!(attach(&host, "tap0")["mode"], "native");
    detach(&host, "tap0");
}

#[test]
fn tun() {
    if !is_there("tun", &["tuntap", "add", "new", "mode", "tun"], "tun").unwrap() {
        return;
    }
    let host = Host::new("tun").unwrap();
    host.netns.ip(&["tuntap", "add", "tun0", "mode", "tun"]).unwrap();
    let refused = host.fragwall().run(&["attach", "tun0", "--allow", "udp 7000"]).unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    // Its packets have no Ethernet header, by which the filter reads them.
    assert!(matches!(refused.status.code(), Some(INVALID | REFUSED)), "{said}");
    assert!(said.contains("tun0") && said.contains("Ethernet"), "{said}");
    println!("tun: refused: {}", said.trim());
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}
