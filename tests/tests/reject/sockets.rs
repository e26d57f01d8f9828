//! What a program sees that talks to a port which is rejected.

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use firewall_tests::harness::{
    gro,
    host::{HOST, Host, MTU, NEIGHBOUR},
    netns::{End, Netns, veth},
};

/// Far longer than an answer takes, and far shorter than a connection attempt that nobody answers.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

/// Filters a host; what its neighbour sends is native XDP's or generic XDP's.
fn host(label: &str, mode: &str, rules: &[&[&str]]) -> Host {
    let host = Host::new(label).unwrap();
    gro::enable(&host.neighbour, "eth0").unwrap();
    host.ok(&["attach", "eth0", "--mode", mode, "--allow", "icmpv6", "--allow", "icmp"]).unwrap();
    for rule in rules {
        host.ok(rule).unwrap();
    }
    host
}

/// What a connected UDP socket says of a datagram that it sent.
fn udp(netns: &Netns, own: IpAddr, to: IpAddr) -> Result<ErrorKind> {
    netns.enter(|| {
        let socket = UdpSocket::bind(SocketAddr::new(own, 0))?;
        socket.connect(SocketAddr::new(to, 7))?;
        socket.set_read_timeout(Some(LONG_ENOUGH))?;
        socket.send(b"is anybody there?")?;
        Ok(socket.recv(&mut [0; 8]).map_or_else(|error| error.kind(), |_| ErrorKind::Other))
    })
}

/// What comes of an attempt to connect.
fn tcp(netns: &Netns, to: IpAddr) -> Result<ErrorKind> {
    netns.enter(|| {
        let attempt = TcpStream::connect_timeout(&SocketAddr::new(to, 23), LONG_ENOUGH);
        Ok(attempt.map_or_else(
            |error| error.kind(),
            |mut stream| stream.read(&mut [0; 8]).map_or_else(|error| error.kind(), |_| ErrorKind::Other),
        ))
    })
}

#[test]
fn a_rejected_port_is_refused_at_once() {
    for mode in ["native", "generic"] {
        let host = host("sockets", mode, &[&["reject", "udp"], &["reject", "with", "tcp-reset", "tcp"]]);
        for (own, to) in NEIGHBOUR.into_iter().zip(HOST) {
            assert_eq!(udp(&host.neighbour, own, to).unwrap(), ErrorKind::ConnectionRefused, "{mode} {to}");
            assert_eq!(tcp(&host.neighbour, to).unwrap(), ErrorKind::ConnectionRefused, "{mode} {to}");
        }
        host.ok(&["delete", "reject with tcp-reset tcp"]).unwrap();
        host.ok(&["reject", "tcp"]).unwrap();
        for to in HOST {
            assert_eq!(tcp(&host.neighbour, to).unwrap(), ErrorKind::ConnectionRefused, "{mode} {to}");
        }
    }
}

/// How answers leave by a veth, a program that is in force already is told when it's attached to one that wasn't there.
#[test]
fn an_interface_that_comes_later_answers_as_well() {
    let (own, neighbours) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([203, 0, 113, 2]));
    for command in ["attach", "apply"] {
        let host = Host::new("later").unwrap();
        host.ok(&["attach", "eth0", "--mode", "native", "--default", "reject"]).unwrap();
        let end = |netns, addresses| End { netns, interface: "eth1", receive_queues: 1, addresses };
        veth(&end(&host.netns, &[(own, 24)]), &end(&host.neighbour, &[(neighbours, 24)]), MTU).unwrap();
        gro::enable(&host.neighbour, "eth1").unwrap();
        if command == "attach" {
            host.ok(&["attach", "eth1", "--mode", "native"]).unwrap();
        } else {
            let file = host.bpffs.path().parent().unwrap().join(format!("{}.toml", host.netns.name()));
            std::fs::write(&file, "interfaces = [\"eth0\", \"eth1\"]\ndefault = \"reject\"\nrules = []\n")
                .unwrap();
            host.ok(&["apply", file.to_str().unwrap()]).unwrap();
            std::fs::remove_file(&file).unwrap();
        }
        assert_eq!(udp(&host.neighbour, neighbours, own).unwrap(), ErrorKind::ConnectionRefused, "{command}");
    }
}

#[test]
fn who_only_watches_answers_nobody() {
    let host = Host::new("watching").unwrap();
    gro::enable(&host.neighbour, "eth0").unwrap();
    host.ok(&["attach", "eth0", "--observe", "--default", "reject"]).unwrap();
    let server = host.netns.enter(|| Ok(UdpSocket::bind(SocketAddr::new(HOST[0], 7))?)).unwrap();
    server.set_read_timeout(Some(LONG_ENOUGH)).unwrap();
    let client = host.neighbour.enter(|| {
        let socket = UdpSocket::bind(SocketAddr::new(NEIGHBOUR[0], 0))?;
        socket.connect(SocketAddr::new(HOST[0], 7))?;
        Ok(socket)
    });
    let client = client.unwrap();
    client.set_read_timeout(Some(LONG_ENOUGH)).unwrap();
    client.send(b"ping").unwrap();
    let mut buffer = [0; 8];
    let (_, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(b"pong", from).unwrap();
    // An error that came before it would be read first.
    assert_eq!(client.recv(&mut buffer).unwrap(), 4);
}
