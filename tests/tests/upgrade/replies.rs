//! Replies to what the host sent before the takeover, and that come after it.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::udp::{pending, receive, socket};

use super::{older, pinned, upgrade};

/// Far longer than a datagram takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(20);
/// Where the neighbour is asked, and the port that the rules allow.
const SERVICE: u16 = 7000;
const ALLOWED: u16 = 9999;

/// Two clients of a service, of which only one has a connected socket.
struct Clients {
    connected: UdpSocket,
    other: UdpSocket,
    service: UdpSocket,
    allowed: UdpSocket,
}

impl Clients {
    /// They ask.
    fn new(host: &Host) -> Self {
        let [connected, other] = [0, 1].map(|_| socket(&host.netns, HOST[1], 0).unwrap());
        let service = socket(&host.neighbour, HOST[1], SERVICE).unwrap();
        let allowed = socket(&host.netns, HOST[1], ALLOWED).unwrap();
        connected.connect((NEIGHBOUR[1], SERVICE)).unwrap();
        let clients = Self { connected, other, service, allowed };
        clients.connected.send(b"?").unwrap();
        clients.asks();
        for _ in 0..2 {
            assert!(receive(&clients.service, LOST).unwrap().is_some(), "a request is lost");
        }
        clients
    }

    /// The one without a connected socket asks.
    fn asks(&self) {
        self.other.send_to(b"?", (NEIGHBOUR[1], SERVICE)).unwrap();
    }

    /// The service answers both: who gets an answer.
    fn are_answered(&self) -> [bool; 2] {
        let clients = [&self.connected, &self.other];
        for client in clients {
            let port = client.local_addr().unwrap().port();
            self.service.send_to(b"!", SocketAddr::new(HOST[1], port)).unwrap();
        }
        // Once this has arrived, so would have the answers.
        self.service.send_to(b"last", (HOST[1], ALLOWED)).unwrap();
        assert!(receive(&self.allowed, LOST).unwrap().is_some(), "what is allowed is lost");
        clients.map(|client| !pending(client).unwrap().is_empty())
    }
}

#[test]
fn flows_go_on() {
    let host = older("flows", &["udp 9999"], |_| {});
    let clients = Clients::new(&host);
    pinned(&host).becomes_layout_7().unwrap();
    assert_eq!(upgrade(&host, &["upgrade"]), Vec::<String>::new());
    assert_eq!(clients.are_answered(), [true, true]);
}

#[test]
fn flows_of_connected_sockets_are_known_where_the_table_starts_anew() {
    let host = older("anew", &["udp 9999"], |_| {});
    let clients = Clients::new(&host);
    pinned(&host).means_otherwise_by(&["flows"]).unwrap();
    assert_eq!(upgrade(&host, &["upgrade"]), ["flows"]);
    assert_eq!(clients.are_answered(), [true, false]);
    clients.asks();
    assert!(receive(&clients.service, LOST).unwrap().is_some(), "a request is lost");
    assert_eq!(clients.are_answered(), [true, true]);
}
