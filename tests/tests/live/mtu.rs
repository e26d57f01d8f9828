//! Path-MTU discovery: what the host sends is too large for a link on the way, and a router says so.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::packet::pattern;
use firewall_tests::harness::process::{run_ok, tool};
use firewall_tests::harness::udp::{receive, socket};
use nix::libc;
use serde_json::Value;

use super::path::{FAR, MODES, NARROW, Path, WIDE};

/// Far longer than anything takes; only what is lost is waited for as long.
const LOST: Duration = Duration::from_secs(20);
/// What the host sends over TCP, in bytes.
const UPLOAD: usize = 100_000;

/// The MTU that the host has learned of its way to an address.
fn learned(path: &Path, to: IpAddr) -> Result<Option<u64>> {
    let to = to.to_string();
    let output = run_ok(tool("ip").args(["-n", path.host.netns.name(), "-j", "route", "get", &to]))?;
    let routes: Value = serde_json::from_slice(&output.stdout).context("`ip -j route get` prints no JSON")?;
    Ok(routes[0]["metrics"][0]["mtu"].as_u64())
}

/// Sends to the far host over TCP, which says when it has got all of it.
fn upload(path: &Path, to: IpAddr) -> Result<()> {
    let place = SocketAddr::new(to, 80);
    let listener = path.far.enter(|| Ok(TcpListener::bind(place)?))?;
    let server = thread::spawn(move || -> Result<Vec<u8>> {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(LOST))?;
        let mut body = Vec::new();
        stream.read_to_end(&mut body)?;
        stream.write_all(b"thanks")?;
        Ok(body)
    });
    let mut stream = path.host.netns.enter(|| Ok(TcpStream::connect_timeout(&place, LOST)?))?;
    stream.set_read_timeout(Some(LOST))?;
    stream.set_write_timeout(Some(LOST))?;
    stream.write_all(&pattern(UPLOAD))?;
    stream.shutdown(Shutdown::Write)?;
    stream.read_exact(&mut [0; 6]).context("the far host hasn't got all of it")?;
    let body = server.join().expect("the service doesn't panic")?;
    ensure!(body == pattern(UPLOAD), "{} bytes of {UPLOAD}", body.len());
    Ok(())
}

/// A socket on the host that is connected to the far one, and has nothing fragmented.
fn whole_datagrams(path: &Path, to: SocketAddr) -> Result<UdpSocket> {
    let socket = socket(&path.host.netns, to.ip(), 0)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(LOST))?;
    let (level, name, value) = match to {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
    };
    // SAFETY: the option's value is an integer, which outlives the call, and its length is told.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    ensure!(result == 0, "can't set the option: {}", std::io::Error::last_os_error());
    Ok(socket)
}

/// The payload of the largest datagram that goes by a link.
fn largest(to: IpAddr, mtu: u32) -> usize {
    mtu as usize - if to.is_ipv6() { 40 } else { 20 } - 8
}

/// With a filter in each mode, and for each IP version.
fn each(label: &str, check: impl Fn(&Path, IpAddr) -> Result<()>) {
    for mode in MODES {
        let path = Path::new(label).unwrap();
        path.filter(mode).unwrap();
        for to in FAR {
            assert_eq!(learned(&path, to).unwrap(), None, "{mode} {to}");
            check(&path, to).unwrap_or_else(|error| panic!("{mode} {to}: {error:#}"));
            assert_eq!(learned(&path, to).unwrap(), Some(u64::from(NARROW)), "{mode} {to}");
        }
    }
}

#[test]
fn tcp_gets_through_a_smaller_link() {
    each("tcp", upload);
}

#[test]
fn a_udp_socket_is_told_of_a_smaller_link() {
    each("udp", |path, to| {
        let receiver = socket(&path.far, to, 7)?;
        let sender = whole_datagrams(path, SocketAddr::new(to, 7))?;
        let told = |result: std::io::Result<usize>| result.err().and_then(|error| error.raw_os_error());
        let too_large = pattern(largest(to, WIDE));
        sender.send(&too_large)?;
        ensure!(told(sender.recv(&mut [0; 8])) == Some(libc::EMSGSIZE), "no router has said a thing");
        ensure!(told(sender.send(&too_large)) == Some(libc::EMSGSIZE), "it's sent again");
        let fits = pattern(largest(to, NARROW));
        sender.send(&fits)?;
        ensure!(receive(&receiver, LOST)? == Some(fits), "what fits doesn't arrive");
        Ok(())
    });
}
