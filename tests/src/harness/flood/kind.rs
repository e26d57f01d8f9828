//! What the floods are made of.

use std::fmt;
use std::net::IpAddr;

use fragwall::kernel::generator::Ids;

use crate::harness::packet::{Ether, Internet, Payload, ip4, ip6, patched, pattern};

/// The UDP port that a filter must allow.
pub const ALLOWED: u16 = 4500;
/// The UDP port that it mustn't allow.
pub const DENIED: u16 = 53;
/// Where first fragments end, in bytes. They are short, so that there are more of them: each takes a page anyway.
const FIRST: usize = 64;
/// What is behind them, in bytes.
const TRAILING: usize = 64;

/// What kind of fragments a flood has; each datagram has another identification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// First fragments to an allowed port, and nothing behind them.
    AcceptedFirsts,
    /// First fragments to a port that isn't allowed.
    DeniedFirsts,
    /// Trailing fragments whose first one never comes.
    Orphans,
    /// First fragments to an allowed port, and behind each a trailing one that begins inside it.
    Overlapping,
    /// Complete datagrams to an allowed port, and the last fragment of each once more: a source has had a datagram
    /// delivered, and then leaves a fragment behind.
    Stragglers,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AcceptedFirsts => "accepted firsts",
            Self::DeniedFirsts => "denied firsts",
            Self::Orphans => "orphans",
            Self::Overlapping => "overlapping",
            Self::Stragglers => "stragglers",
        })
    }
}

/// Where a flood comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sources {
    /// One address.
    One,
    /// A new address for each datagram, of IPv6 in a new /64. They differ from those of legitimate traffic.
    Random,
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::One => "one source",
            Self::Random => "random sources",
        })
    }
}

/// What a generator needs to know.
#[derive(Debug)]
pub struct Ammunition {
    /// The frames of a round.
    pub frames: Vec<Vec<u8>>,
    /// Which bits of the source are random.
    pub sources: u32,
    /// The identifications.
    pub ids: Ids,
}

impl Kind {
    /// Whether a flood of these takes all the room that the filter keeps for sources that it doesn't know.
    pub fn crowds_out_strangers(self, sources: Sources) -> bool {
        sources == Sources::Random && self != Self::DeniedFirsts
    }

    /// What is sent to a host, whose interface has that Ethernet address.
    pub fn plan(self, to: IpAddr, ethernet: &[u8; 6], sources: Sources) -> Ammunition {
        let frames = match to {
            IpAddr::V6(to) => self.v6(&to.to_string()),
            IpAddr::V4(to) => self.v4(&to.to_string()),
        };
        let frames = frames.iter().map(|frame| patched(frame, 0, ethernet)).collect();
        let sources = match (sources, to) {
            (Sources::One, _) => 0,
            // 2001:db8:8000::/33 and 198.19.0.0/16.
            (Sources::Random, IpAddr::V6(_)) => 0x7fff_ffff,
            (Sources::Random, IpAddr::V4(_)) => 0xffff,
        };
        Ammunition { frames, sources, ids: Ids::Random }
    }

    fn v6(self, destination: &str) -> Vec<Vec<u8>> {
        let ip = ip6("2001:db8:8000:1::bad", destination);
        let first = |port| {
            let datagram = ip.clone().udp(4500, port, &pattern(FIRST + TRAILING - 8));
            datagram.fragments(0, &[FIRST]).remove(0)
        };
        let trailing = |offset| ip.clone().fragment(0, offset, false).raw(17, &pattern(TRAILING));
        self.frames(first, trailing)
    }

    fn v4(self, destination: &str) -> Vec<Vec<u8>> {
        let ip = ip4("198.19.0.99", destination);
        let first = |port| {
            let datagram = ip.clone().udp(4500, port, &pattern(FIRST + TRAILING - 8));
            datagram.fragments(0, &[FIRST]).remove(0)
        };
        let trailing = |offset| ip.clone().fragment(0, offset, false).raw(17, &pattern(TRAILING));
        self.frames(first, trailing)
    }

    fn frames<P: Payload>(self, first: impl Fn(u16) -> P, trailing: impl Fn(u16) -> P) -> Vec<Vec<u8>> {
        let packets = match self {
            Self::AcceptedFirsts => vec![first(ALLOWED)],
            Self::DeniedFirsts => vec![first(DENIED)],
            Self::Orphans => vec![trailing(FIRST as u16)],
            Self::Overlapping => vec![first(ALLOWED), trailing(FIRST as u16 / 2)],
            Self::Stragglers => vec![first(ALLOWED), trailing(FIRST as u16), trailing(FIRST as u16)],
        };
        packets.into_iter().map(|packet| Ether::to(packet).frame()).collect()
    }
}
