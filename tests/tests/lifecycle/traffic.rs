//! What a default of deny cuts, and what it doesn't.

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::process::{run_ok, tool};
use firewall_tests::harness::udp::{only_the_allowed_is_reached, pending, receive, socket};
use serde_json::Value;

const ALLOWED: u16 = 7000;
const DENIED: u16 = 7001;
/// Far longer than a datagram takes; only a lost one is waited for as long.
const LIMIT: Duration = Duration::from_secs(20);
/// Whole, and in three fragments.
const SIZES: [usize; 2] = [100, 3000];

#[test]
fn a_filter_passes_its_ports_and_neighbour_discovery_and_nothing_else() {
    for mode in ["native", "generic"] {
        let host = Host::new("ports").unwrap();
        let allowed = format!("udp {ALLOWED}");
        host.ok(&["attach", "eth0", "--mode", mode, "--allow", &allowed]).unwrap();
        for address in HOST {
            only_the_allowed_is_reached(&host, address, [ALLOWED, DENIED], &SIZES).unwrap();
        }
        let statistics = host.fragwall().json(&["stats"]).unwrap();
        // One whole datagram and three fragments of each family, at either port.
        for counted in [&statistics["rules"][0], &statistics["default"]] {
            assert_eq!(counted["packets"], 8, "{mode}: {statistics}");
            assert_eq!(counted["trailing"]["packets"], 4, "{mode}: {statistics}");
        }
        host.ok(&["detach"]).unwrap();
        for address in HOST {
            let sender = socket(&host.neighbour, address, 0).unwrap();
            let receiver = socket(&host.netns, address, DENIED).unwrap();
            sender.send_to(&[1], SocketAddr::new(address, DENIED)).unwrap();
            assert_eq!(receive(&receiver, LIMIT).unwrap(), Some(vec![1]), "without a filter");
        }
    }
}

/// The link-layer address that the neighbour has for the host.
fn resolved(host: &Host, address: IpAddr) -> Option<String> {
    let output = run_ok(
        tool("ip").args(["-n", host.neighbour.name(), "-j", "neighbour", "show"]).arg(address.to_string()),
    )
    .unwrap();
    let neighbours: Value = serde_json::from_slice(&output.stdout).unwrap();
    neighbours[0]["lladdr"].as_str().map(str::to_owned)
}

#[test]
fn addresses_are_resolved_although_everything_is_denied() {
    let host = Host::new("resolved").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    for address in HOST {
        assert_eq!(resolved(&host, address), None, "{address}: known before");
        let sender = socket(&host.neighbour, address, 0).unwrap();
        let receiver = socket(&host.netns, address, DENIED).unwrap();
        sender.send_to(&[1], SocketAddr::new(address, DENIED)).unwrap();
        let start = Instant::now();
        while resolved(&host, address).is_none() {
            assert!(start.elapsed() < LIMIT, "{address} isn't resolved");
            thread::sleep(Duration::from_millis(10));
        }
        // The datagram that waited for the address has now been sent, and denied.
        let start = Instant::now();
        let denied = || host.fragwall().json(&["stats"]).unwrap()["default"]["packets"].clone();
        while denied() == 0 {
            assert!(start.elapsed() < LIMIT, "{address}: nothing was denied");
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(pending(&receiver).unwrap(), Vec::<Vec<u8>>::new());
    }
}
