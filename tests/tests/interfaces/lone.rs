//! Kinds of interfaces that no neighbour is behind: the loopback, a dummy, a tap and a tun.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::packet::{Ether, Internet as _, ip4, ip6, patched, pattern};
use firewall_tests::harness::tap::Tap;
use firewall_tests::harness::udp::{pending, receive, socket};
use serde_json::Value;

use super::kind::{TAP, give, is_there};

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
    let mut tap = Tap::new(&host.netns, TAP).unwrap();
    give(&host.netns, TAP, &HOST).unwrap();
    let own = host.netns.interface(TAP).unwrap().address;
    assert_eq!(attach(&host, TAP)["mode"], "native");
    let data = pattern(3000);
    for (to, from) in HOST.into_iter().zip(NEIGHBOUR) {
        let [allowed, denied] = [7000, 7001].map(|port| socket(&host.netns, to, port).unwrap());
        for port in [7001, 7000] {
            for frame in datagrams(&from.to_string(), &to.to_string(), port, &data) {
                tap.send(&patched(&frame, 0, &own)).unwrap();
            }
        }
        for expected in [&data[..100], &data] {
            assert_eq!(receive(&allowed, LIMIT).unwrap().as_deref(), Some(expected), "{to}");
        }
        assert!(pending(&denied).unwrap().is_empty(), "{to}");
    }
    let statistics = host.fragwall().json(&["stats"]).unwrap();
    for counted in [&statistics["rules"][0], &statistics["default"]] {
        assert_eq!(counted["trailing"]["packets"], 2 * 2, "{statistics}");
    }
    detach(&host, TAP);
}

/// The frames of two datagrams to a port: one of 100 bytes, which is whole, and one in three fragments.
fn datagrams(from: &str, to: &str, port: u16, data: &[u8]) -> Vec<Vec<u8>> {
    let frames = |packets: Vec<Ether>| packets.iter().map(Ether::frame).collect();
    let (id, cuts) = (u32::from(port), [1000, 2000]);
    if from.contains(':') {
        let udp = |data: &[u8]| ip6(from, to).udp(5000, port, data);
        let fragments = udp(data).fragments(id, &cuts);
        frames([udp(&data[..100])].into_iter().chain(fragments).map(Ether::to).collect())
    } else {
        let udp = |data: &[u8]| ip4(from, to).udp(5000, port, data);
        let fragments = udp(data).fragments(id as u16, &cuts);
        frames([udp(&data[..100])].into_iter().chain(fragments).map(Ether::to).collect())
    }
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
