//! Those who have to do with the host while others flood it: sources that send it fragmented datagrams.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::AddAssign;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::packet::{Ether, Internet, Payload, cuts_for, ip4, ip6, patched};
use firewall_tests::harness::raw::RawSender;
use firewall_tests::harness::udp::{receive, socket};
use firewall_tests::ike::{
    certificates::Role,
    hosts::{Family, Hosts, INTERFACE},
};

/// How many sources send in order, and as many in reverse; in IPv6 each has a /64 of its own. None does both, since the
/// kernel and this test choose identifications without knowing of each other's.
const SOURCES: usize = 10;
/// What a datagram holds, in bytes: three fragments' worth on the link.
const DATAGRAM: usize = 3000;
/// What the fragmentable part of a fragment that is made here holds at most: it fits into the link's MTU.
const ROOM: usize = 1200;
/// How long a datagram is waited for, on whatever machine; once it's plain that some are lost, no longer than that.
const PATIENCE: Duration = Duration::from_secs(5);
const IMPATIENCE: Duration = Duration::from_millis(1);
/// How many losses make it plain.
const PLAIN: u32 = 2;

/// What became of datagrams.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Delivery {
    sent: u32,
    delivered: u32,
}

impl Delivery {
    /// How many are missing.
    pub fn lost(&self) -> u32 {
        self.sent - self.delivered
    }
}

impl AddAssign for Delivery {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.delivered, self.sent)
    }
}

/// The sources, on the initiator's host, and a receiver on the responder's.
#[derive(Debug)]
pub struct Legitimate {
    in_order: Vec<UdpSocket>,
    reversed: Vec<IpAddr>,
    /// Sends what the reversed sources make, to this Ethernet address.
    raw: RawSender,
    host: [u8; 6],
    receiver: UdpSocket,
    destination: SocketAddr,
    /// The number of the last datagram.
    number: u32,
    /// How many were lost.
    lost: u32,
}

/// The sources, those that send in order first.
fn sources(family: Family) -> Vec<IpAddr> {
    let source = |number: u8| match family {
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0x100 + u16::from(number), 0, 0, 0, 1).into(),
        Family::V4 => Ipv4Addr::new(198, 18, 1, 1 + number).into(),
    };
    (0..).map(source).take(2 * SOURCES).collect()
}

impl Legitimate {
    /// Gives the initiator's host its further addresses, and opens the sockets.
    ///
    /// # Errors
    /// `ip` fails, or the port is taken.
    pub fn new(hosts: &Hosts, port: u16) -> Result<Self> {
        let Hosts { family, initiator, responder } = hosts;
        let destination = SocketAddr::new(family.address(Role::Responder), port);
        // The way back, without which a host that checks sources by it (rp_filter) takes no packet.
        let [route, family_option] = match family {
            Family::V6 => ["2001:db8::/32", "-6"],
            Family::V4 => ["198.18.0.0/15", "-4"],
        };
        responder.ip(&[family_option, "route", "add", route, "dev", INTERFACE])?;
        let mut in_order = sources(*family);
        for address in &in_order {
            let address = address.to_string();
            let duplicates: &[&str] = if *family == Family::V6 { &["nodad"] } else { &[] };
            initiator.ip(&[&["address", "add", &*address, "dev", INTERFACE], duplicates].concat())?;
        }
        let reversed = in_order.split_off(SOURCES);
        let bind = |address: &IpAddr| {
            UdpSocket::bind(SocketAddr::new(*address, 0)).with_context(|| format!("can't bind {address}"))
        };
        let in_order = initiator.enter(|| in_order.iter().map(bind).collect())?;
        let raw = RawSender::new(initiator, INTERFACE)?;
        let host = responder.interface(INTERFACE)?.address;
        let receiver = socket(responder, destination.ip(), port)?;
        Ok(Self { in_order, reversed, raw, host, receiver, destination, number: 0, lost: 0 })
    }

    /// Lets each source send a datagram, none of which may be lost.
    ///
    /// # Errors
    /// One is.
    pub fn become_known(&mut self) -> Result<()> {
        let mut delivery = self.send_in_order(SOURCES as u32)?;
        delivery += self.send_reversed(SOURCES as u32)?;
        ensure!(delivery.lost() == 0, "{delivery} datagrams were delivered");
        Ok(())
    }

    /// Sends datagrams, which the kernel cuts into fragments, from each source in turn and one after the other.
    ///
    /// # Errors
    /// A socket fails.
    pub fn send_in_order(&mut self, count: u32) -> Result<Delivery> {
        self.send(count, |this, datagram| {
            let socket = &this.in_order[this.number as usize % SOURCES];
            socket.send_to(datagram, this.destination).map(drop).context("can't send")
        })
    }

    /// Sends datagrams whose last fragment goes first.
    ///
    /// # Errors
    /// A socket fails.
    pub fn send_reversed(&mut self, count: u32) -> Result<Delivery> {
        self.send(count, |this, datagram| {
            let source = this.reversed[this.number as usize % SOURCES];
            for frame in this.frames(source, datagram).iter().rev() {
                this.raw.send(frame)?;
            }
            Ok(())
        })
    }

    /// A datagram's fragments in order.
    fn frames(&self, source: IpAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        let cuts = cuts_for(8 + datagram.len(), ROOM);
        let (from, to) = (source.to_string(), self.destination.ip().to_string());
        let port = self.destination.port();
        let id = self.number;
        if source.is_ipv6() {
            self.to_host(ip6(&from, &to).udp(port, port, datagram).fragments(id, &cuts))
        } else {
            self.to_host(ip4(&from, &to).udp(port, port, datagram).fragments(id as u16, &cuts))
        }
    }

    fn to_host<P: Payload>(&self, packets: Vec<P>) -> Vec<Vec<u8>> {
        packets.into_iter().map(|packet| patched(&Ether::to(packet).frame(), 0, &self.host)).collect()
    }

    fn send(&mut self, count: u32, one: impl Fn(&Self, &[u8]) -> Result<()>) -> Result<Delivery> {
        let mut datagram = vec![0x5a; DATAGRAM];
        let mut delivery = Delivery { sent: count, delivered: 0 };
        for _ in 0..count {
            self.number += 1;
            datagram[..4].copy_from_slice(&self.number.to_be_bytes());
            one(self, &datagram)?;
            if self.arrives(&datagram)? {
                delivery.delivered += 1;
            } else {
                self.lost += 1;
            }
        }
        Ok(delivery)
    }

    /// Whether a datagram arrives, behind late ones that were taken for lost.
    fn arrives(&self, datagram: &[u8]) -> Result<bool> {
        let patience = if self.lost < PLAIN { PATIENCE } else { IMPATIENCE };
        while let Some(arrived) = receive(&self.receiver, patience)? {
            if arrived == datagram {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
