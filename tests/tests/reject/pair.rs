//! A host, and a neighbour that sends it frames and sees what comes back.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use firewall_common::answer::Answer;
use firewall_tests::harness::{
    bpffs::Bpffs,
    fragwall::Fragwall,
    gro,
    netns::{End, Netns, veth},
    raw::RawSender,
    receiver::Receiver,
    requirements,
};

/// The host's addresses.
pub const HOST6: &str = "2001:db8::1";
pub const HOST4: &str = "192.0.2.1";

/// The MTU of the link: as of Ethernet, with room for two tags.
const MTU: u32 = 1508;

/// Far longer than an answer takes.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

/// In which more may be answered than are sent between two of them.
pub const PAUSE: Duration = Duration::from_millis(3);

/// The two of them.
pub struct Pair {
    pub host: Netns,
    pub neighbour: Netns,
    pub bpffs: Bpffs,
    pub sender: RawSender,
    pub receiver: Receiver,
}

impl Pair {
    /// Joined by `eth0`, with the Ethernet addresses that frames of the tests have.
    pub fn new(label: &str) -> Result<Self> {
        requirements::require(&["ip"])?;
        let (host, neighbour) = (Netns::new(label)?, Netns::new(label)?);
        let addresses = |last| {
            [(format!("2001:db8::{last}"), 64), (format!("192.0.2.{last}"), 24)]
                .map(|(address, length)| (address.parse().expect("an address"), length))
        };
        let [ours, theirs] = [1, 2].map(addresses);
        let end = |netns, addresses| End { netns, interface: "eth0", receive_queues: 1, addresses };
        veth(&end(&host, &ours), &end(&neighbour, &theirs), MTU)?;
        for (netns, address) in [(&host, "02:00:00:00:00:02"), (&neighbour, "02:00:00:00:00:01")] {
            netns.ip(&["link", "set", "eth0", "address", address])?;
        }
        // Whoever sends, an answer goes to the neighbour.
        for (family, gateway) in [("-4", "192.0.2.2"), ("-6", "2001:db8::2")] {
            host.ip(&[family, "route", "add", "default", "via", gateway])?;
            let permanent = ["neigh", "replace", gateway, "lladdr", "02:00:00:00:00:01", "nud", "permanent"];
            host.ip(&[&[family], &permanent[..], &["dev", "eth0"]].concat())?;
        }
        gro::enable(&neighbour, "eth0")?;
        let sender = RawSender::new(&neighbour, "eth0")?;
        let receiver = Receiver::new(&neighbour, "eth0")?;
        Ok(Self { host, neighbour, bpffs: Bpffs::new()?, sender, receiver })
    }

    /// The command line on the host.
    pub fn fragwall(&self) -> Fragwall<'_> {
        Fragwall { netns: &self.host, bpffs: &self.bpffs }
    }

    /// Attaches a filter with such rules.
    pub fn attach(&self, mode: &str, rules: &[&str]) -> Result<()> {
        let mut arguments = vec!["attach", "eth0", "--mode", mode];
        let (allow, other): (Vec<&str>, Vec<&str>) =
            rules.iter().partition(|rule| rule.starts_with("allow "));
        for rule in allow {
            arguments.extend(["--allow", &rule["allow ".len()..]]);
        }
        self.fragwall().run_ok(&arguments)?;
        for rule in other {
            let (action, rest) = rule.split_once(' ').expect("an action and what it matches");
            self.fragwall().run_ok(&[action, rest])?;
        }
        Ok(())
    }

    /// Whether the neighbour takes what an XDP program on its peer sends.
    pub fn neighbour_takes_frames(&self, takes: bool) {
        gro::set(&self.neighbour, "eth0", takes).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// What comes back for a frame from a source that sends no other. No more of them come in a second than are answered.
    pub fn answer(&mut self, frame: &[u8]) -> Result<Option<Vec<u8>>> {
        thread::sleep(PAUSE);
        self.sender.send(frame)?;
        let to = source(frame);
        self.receiver.next(LONG_ENOUGH, |answer| destination(answer) == to)
    }
}

/// Where the IP header of a frame begins, behind its tags; `None` if it has none.
pub fn ip(frame: &[u8]) -> Option<usize> {
    let mut at = 14;
    while matches!(frame.get(at - 2..at)?, [0x81, 0] | [0x88, 0xa8] | [0x91, 0]) {
        at += 4;
    }
    matches!(frame.get(at - 2..at)?, [0x08, 0] | [0x86, 0xdd]).then_some(at)
}

/// The addresses of a frame: source and destination.
fn addresses(frame: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let packet = frame.get(ip(frame)?..)?;
    let (at, length) = if packet.first()? >> 4 == 4 { (12, 4) } else { (8, 16) };
    let part = |at: usize| packet.get(at..at + length).map(<[u8]>::to_vec);
    Some((part(at)?, part(at + length)?))
}

pub fn source(frame: &[u8]) -> Option<Vec<u8>> {
    Some(addresses(frame)?.0)
}

pub fn destination(frame: &[u8]) -> Option<Vec<u8>> {
    Some(addresses(frame)?.1)
}

/// The IP packet in a frame, without padding.
pub fn packet(frame: &[u8]) -> &[u8] {
    let packet = &frame[ip(frame).expect("an IP packet")..];
    let field = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    let length = if packet[0] >> 4 == 4 { field(2) } else { 40 + field(4) };
    &packet[..length]
}

/// An address of a neighbour of which there are many: as IPv6, each in a /64 of its own, or IPv4.
pub fn stranger(n: usize, is_v6: bool) -> String {
    if is_v6 {
        format!("2001:db8:{:x}:{:x}::9", 1 + (n >> 16), n & 0xffff)
    } else {
        format!("198.18.{}.{}", n >> 8 & 0xff, n & 0xff)
    }
}

/// The rule that tells that, about all that it can be about.
pub fn rule(answer: Answer) -> String {
    let word = fragwall::ruleset::answer::word(answer);
    format!("reject with {word} {}", if answer == Answer::TcpReset { "tcp" } else { "any" })
}
