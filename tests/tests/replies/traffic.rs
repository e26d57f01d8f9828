//! What everyday traffic takes.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use firewall_tests::harness::host::{Host, NEIGHBOUR};
use firewall_tests::harness::packet::pattern;
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::process::run;

use super::service::{BLOCKED, LOST, answer, ask, counted, denied, download, pairs};

const MODES: [&str; 2] = ["native", "generic"];

#[test]
fn what_the_host_asks_for_comes_back() {
    for mode in MODES {
        let host = Host::new("asks").unwrap();
        host.ok(&["attach", "eth0", "--mode", mode]).unwrap();
        for (neighbour, _) in pairs() {
            // A name server's answers, one of them in fragments.
            let service = answer(&host.neighbour, neighbour, 53, 2).unwrap();
            for length in [100, 4000] {
                let answered = ask(&host.netns, SocketAddr::new(neighbour, 53), length).unwrap();
                assert!(answered == Some(pattern(length as usize)), "{mode}, {neighbour}: {length} bytes");
            }
            service.join().unwrap().unwrap();
            download(&host, neighbour, 3 << 20).unwrap();
            let mut ping = host.netns.command("ping").unwrap();
            ping.args(["-c", "3", "-i", "0.2", "-s", "3000", &neighbour.to_string()]);
            assert!(run(&mut ping, LOST).unwrap().status.success(), "{mode}, {neighbour}");
        }
        assert!(counted(&host, "reply").unwrap() > 0);
        assert_eq!(denied(&host).unwrap(), 0);
    }
}

#[test]
fn nobody_else_gets_in() {
    for mode in MODES {
        let host = Host::new("asked").unwrap();
        host.ok(&["attach", "eth0", "--mode", mode]).unwrap();
        for (_, own) in pairs() {
            let place = SocketAddr::new(own, 53);
            let (socket, _listener) =
                host.netns.enter(|| Ok((UdpSocket::bind(place)?, TcpListener::bind(place)?))).unwrap();
            let before = denied(&host).unwrap();
            host.neighbour
                .enter(|| {
                    let any: SocketAddr = if own.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse()?;
                    UdpSocket::bind(any)?.send_to(b"whatever", place)?;
                    let connected = TcpStream::connect_timeout(&place, BLOCKED);
                    assert_eq!(connected.map(drop).unwrap_err().kind(), ErrorKind::TimedOut);
                    Ok(())
                })
                .unwrap();
            socket.set_nonblocking(true).unwrap();
            assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(denied(&host).unwrap() >= before + 2);
        }
    }
}

/// The host's sockets are told why what they sent didn't arrive: by errors that pass by themselves, or as replies do.
#[test]
fn errors_about_what_was_sent_come_back() {
    let host = Host::new("errors").unwrap();
    let file = host.bpffs.path().parent().unwrap().join(format!("{}.toml", host.netns.name()));
    for (icmp_errors, reason) in [(true, "icmp-error"), (false, "related")] {
        std::fs::write(&file, format!("interfaces = [\"eth0\"]\nicmp-errors = {icmp_errors}\n")).unwrap();
        host.ok(&["apply", file.to_str().unwrap()]).unwrap();
        told_of_closed_ports(&host);
        assert_eq!(counted(&host, reason).unwrap(), 2);
    }
    std::fs::remove_file(file).unwrap();
}

/// Asserts that sockets of the host are told that nobody listens on a port of the neighbour's.
fn told_of_closed_ports(host: &Host) {
    for neighbour in NEIGHBOUR {
        host.netns
            .enter(|| {
                let any: SocketAddr = if neighbour.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse()?;
                let socket = UdpSocket::bind(any)?;
                socket.connect(SocketAddr::new(neighbour, 9))?;
                socket.set_read_timeout(Some(LOST))?;
                socket.send(b"to a port on which nobody listens")?;
                assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
                Ok(())
            })
            .unwrap();
    }
}

/// The addresses of links are found again, whatever the rules say.
#[test]
fn neighbours_are_found_again() {
    let host = Host::new("neighbours").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    for (neighbour, _) in pairs() {
        host.netns.ip(&["neigh", "flush", "dev", "eth0"]).unwrap();
        let service = answer(&host.neighbour, neighbour, 53, 1).unwrap();
        assert!(ask(&host.netns, SocketAddr::new(neighbour, 53), 100).unwrap().is_some(), "{neighbour}");
        service.join().unwrap().unwrap();
    }
}

/// Not to accept replies is a setting: then there's nothing on egress.
#[test]
fn without_replies_nothing_looks_at_what_goes_out() {
    let host = Host::new("without").unwrap();
    let file = host.bpffs.path().parent().unwrap().join(format!("{}.toml", host.netns.name()));
    let config =
        |replies: &str| std::fs::write(&file, format!("interfaces = [\"eth0\"]\n{replies}\n")).unwrap();
    let path = file.to_str().unwrap();
    let egress = || host.fragwall().json(&["status"]).unwrap()["replies"].clone();
    let ping = || {
        let mut ping = host.netns.command("ping").unwrap();
        ping.args(["-c", "1", "-W", "1", &NEIGHBOUR[0].to_string()]);
        run(&mut ping, LOST).unwrap().status.success()
    };
    config("replies = false");
    host.ok(&["apply", path]).unwrap();
    assert!(egress().is_null());
    assert!(!ping());
    config("replies = true");
    host.ok(&["apply", path]).unwrap();
    assert_eq!(egress()["interfaces"][0]["name"], "eth0");
    assert!(ping());
    config("[replies]\nicmp = \"5s\"");
    host.ok(&["apply", path]).unwrap();
    assert!(ping());
    let has_flows = || Pinned::of(&host).unwrap().table("flows").unwrap().exists();
    assert!(has_flows());
    config("replies = false");
    host.ok(&["apply", path]).unwrap();
    assert!(egress().is_null() && !has_flows());
    assert!(!ping());
    std::fs::remove_file(&file).unwrap();
}
