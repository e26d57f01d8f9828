//! Two hosts that get the very same frames: one without a filter, one with it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::cpu;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::packet::{Ether, Internet, ip6};
use firewall_tests::harness::raw::RawSender;
use firewall_tests::harness::udp::{pending, receive};
use nix::sys::socket::{setsockopt, sockopt};

/// The ports that the filter allows; sockets are bound to all of them.
pub const ALLOWED: [u16; 2] = [4500, 7000];
/// Ports that it doesn't allow, with sockets too.
pub const DENIED: [u16; 2] = [53, 7001];
/// An allowed port that only tells how far the hosts have got.
const MARKER: u16 = 9;
/// Frames between two markers: less than what a veth's ring of 256 holds, so that none is lost.
const BATCH: usize = 120;
/// Far longer than a marker takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(60);
/// What a socket holds, so that no datagram is lost between two markers.
const SOCKET_BUFFER: usize = 64 << 20;
/// How the filter may run.
pub const MODES: [&str; 2] = ["native", "generic"];

/// Parameters that keep the kernel's reassembly from losing anything by itself: memory for all that a session leaves
/// unfinished, no limit on how far a source's IPv4 datagrams are apart, and more time than a session takes.
const PARAMETERS: [(&str, &str); 9] = [
    ("ipv4/ipfrag_high_thresh", "268435456"),
    ("ipv4/ipfrag_low_thresh", "201326592"),
    ("ipv4/ipfrag_max_dist", "0"),
    ("ipv4/ipfrag_time", "600"),
    ("ipv6/ip6frag_high_thresh", "268435456"),
    ("ipv6/ip6frag_low_thresh", "201326592"),
    ("ipv6/ip6frag_time", "600"),
    // The sources are many and have no route back.
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/eth0/rp_filter", "0"),
];

/// A datagram that arrived, and the socket that it came to.
pub type Delivery = (SocketAddr, Vec<u8>);

/// The two hosts, with the same addresses.
#[derive(Debug)]
pub struct Twins {
    reference: Receiver,
    filtered: Receiver,
}

/// What was delivered on each.
#[derive(Debug, Default)]
pub struct Delivered {
    pub reference: Vec<Delivery>,
    pub filtered: Vec<Delivery>,
}

impl Twins {
    /// Makes them; the filter runs as `--mode` says.
    pub fn new(mode: &str) -> Result<Self> {
        let [reference, filtered] = [Receiver::new("reference")?, Receiver::new("filtered")?];
        let allowed = [&ALLOWED[..], &[MARKER]].concat().iter().map(u16::to_string).collect::<Vec<_>>();
        let rule = format!("udp {}", allowed.join(","));
        filtered.host.ok(&["attach", "eth0", "--mode", mode, "--allow", &rule])?;
        Ok(Self { reference, filtered })
    }

    /// Sends frames to both, and gives what arrived.
    ///
    /// # Errors
    /// A frame can't be sent, or what is sent behind it doesn't arrive.
    pub fn send<'a>(&self, frames: impl Iterator<Item = &'a [u8]> + Send) -> Result<Delivered> {
        let sending = || {
            cpu::stay()?;
            let mut delivered = Delivered::default();
            let mut frames = frames.peekable();
            let mut number = 0_u32;
            while frames.peek().is_some() {
                for frame in frames.by_ref().take(BATCH) {
                    self.reference.sender.send(frame)?;
                    self.filtered.sender.send(frame)?;
                }
                number += 1;
                delivered.reference.extend(self.reference.drain(number).context("without a filter")?);
                delivered.filtered.extend(self.filtered.drain(number).context("behind the filter")?);
            }
            Ok(delivered)
        };
        let outcome = thread::scope(|scope| scope.spawn(sending).join());
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// One of the two hosts, with its sockets and its neighbour's.
#[derive(Debug)]
struct Receiver {
    host: Host,
    sender: RawSender,
    sockets: Vec<(SocketAddr, UdpSocket)>,
    marker: UdpSocket,
}

impl Receiver {
    fn new(label: &str) -> Result<Self> {
        let host = Host::new(label)?;
        // Where the test's frames are addressed to.
        host.netns.ip(&["link", "set", "eth0", "address", "02:00:00:00:00:02"])?;
        for (name, value) in PARAMETERS {
            host.netns.set_parameter(name, value)?;
        }
        let sender = RawSender::new(&host.neighbour, "eth0")?;
        let ports = [ALLOWED, DENIED].concat();
        let places = HOST.iter().flat_map(|&ip| ports.iter().map(move |&port| SocketAddr::new(ip, port)));
        let sockets = places.map(|place| Ok((place, bind(&host, place)?))).collect::<Result<_>>()?;
        let marker = bind(&host, SocketAddr::new(HOST[0], MARKER))?;
        Ok(Self { host, sender, sockets, marker })
    }

    /// Waits until all that was sent has been dealt with, and gives what arrived.
    fn drain(&self, number: u32) -> Result<Vec<Delivery>> {
        let [IpAddr::V6(host), _] = HOST else { unreachable!("the first one is an IPv6 address") };
        let packet = ip6("2001:db8:ffff::1", &host.to_string()).udp(MARKER, MARKER, &number.to_be_bytes());
        self.sender.send(&Ether::to(packet).frame())?;
        let marker = receive(&self.marker, LOST)?;
        ensure!(marker.is_some(), "the marker behind batch {number} is lost");
        ensure!(marker == Some(number.to_be_bytes().to_vec()), "not the marker behind batch {number}");
        let mut all = Vec::new();
        for (place, socket) in &self.sockets {
            all.extend(pending(socket)?.into_iter().map(|datagram| (*place, datagram)));
        }
        Ok(all)
    }
}

/// A socket on an address of a host.
fn bind(host: &Host, place: SocketAddr) -> Result<UdpSocket> {
    host.netns.enter(|| {
        let socket = UdpSocket::bind(place).with_context(|| format!("can't bind {place}"))?;
        setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER)?;
        Ok(socket)
    })
}
