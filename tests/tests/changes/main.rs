//! Changes of a filter in force: whole configurations, changes that go back by themselves, observing first, and the guard
//! against locking oneself out. By the real binary, on real interfaces, with real packets.

mod apply;
mod guard;
mod hits;
mod named_interface;
mod observe;
mod rollback;
mod save;
mod unconfirmed;
mod wait;

use std::net::{IpAddr, UdpSocket};
use std::process::Output;
use std::time::Duration;

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp::{pending, receive, socket};

/// A port that every test's rules allow.
const OPEN: u16 = 7000;
/// A port that they allow or deny.
const TRIED: u16 = 7001;
/// Only a lost packet is waited for as long.
const LOST: Duration = Duration::from_secs(20);

/// A neighbour that tries which of a host's ports can be reached.
struct Probe {
    to: IpAddr,
    sender: UdpSocket,
    open: UdpSocket,
    tried: UdpSocket,
}

impl Probe {
    fn new(host: &Host) -> Self {
        let to = HOST[0];
        Self {
            to,
            sender: socket(&host.neighbour, to, 0).unwrap(),
            open: socket(&host.netns, to, OPEN).unwrap(),
            tried: socket(&host.netns, to, TRIED).unwrap(),
        }
    }

    /// Whether a datagram of so many bytes reaches the port that is tried. What is sent to the open port after it tells when
    /// it would have.
    fn reaches(&self, size: usize) -> bool {
        self.sender.send_to(&vec![1; size], (self.to, TRIED)).unwrap();
        self.sender.send_to(&[2], (self.to, OPEN)).unwrap();
        assert!(receive(&self.open, LOST).unwrap().is_some(), "the open port can't be reached");
        let arrived = pending(&self.tried).unwrap();
        assert!(arrived.iter().all(|datagram| datagram.len() == size));
        !arrived.is_empty()
    }
}

/// Runs a command; its exit code and what it says.
fn run(host: &Host, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = host.fragwall().run(arguments).unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

/// The numbers of the generations that are pinned.
fn generations(host: &Host) -> Vec<String> {
    let mut namespaces = std::fs::read_dir(host.bpffs.path().join("fragwall")).unwrap();
    let root = namespaces.next().unwrap().unwrap().path();
    let generations = std::fs::read_dir(root.join("generations")).unwrap();
    generations.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
