//! What a source sends with one identification: a datagram, or several, in some order, with or without mischief.

use std::net::SocketAddr;

use firewall_tests::harness::packet::random::Random;

use super::datagram::{Base, Datagram, Piece, ROOM, base, payload};
use super::twins::{ALLOWED, DENIED};

/// What must be delivered behind the filter, by what is delivered without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// The same, byte for byte and as often.
    Same,
    /// The same, and maybe what the sender meant besides: the filter drops a fragment by which the kernel, which sees it, may
    /// throw the datagram away (RFC 5722).
    SameOrBetter,
    /// Datagrams to allowed and denied ports that can't be told apart are mixed on purpose. Nothing at a denied port, and
    /// at an allowed one only what begins as a datagram to that port.
    Safe,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $weight:literal, $rule:ident, $name:literal;)+) => {
        /// A kind of exchange.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Kind { $($(#[doc = $doc])+ $kind,)+ }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// How many of a thousand exchanges are of that kind, roughly.
            const fn weight(self) -> usize {
                match self { $(Self::$kind => $weight),+ }
            }

            /// What must hold for it.
            pub const fn rule(self) -> Rule {
                match self { $(Self::$kind => Rule::$rule),+ }
            }

            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// Not fragmented.
    Whole = 80, Same, "whole";
    /// A Fragment header around the whole datagram, in IPv6.
    Atomic = 40, Same, "atomic";
    /// Fragments, each once.
    Fragmented = 270, Same, "fragmented";
    /// Fragments, some more than once.
    Duplicated = 120, Same, "duplicated";
    /// A fragment is missing.
    Incomplete = 50, Same, "incomplete";
    /// Trailing fragments overlap.
    TrailingOverlap = 70, Same, "trailing-overlap";
    /// Another last fragment, that ends elsewhere.
    OtherEnd = 60, Same, "other-end";
    /// Another first fragment, a shorter one.
    ShorterFirst = 40, Same, "shorter-first";
    /// One datagram after the other, each complete.
    Reused = 80, Same, "reused";
    /// A trailing fragment begins inside the first one.
    FirstOverlap = 50, SameOrBetter, "first-overlap";
    /// A fragment of no length.
    Empty = 40, SameOrBetter, "empty";
    /// A fragment ends past byte 65535.
    PastEnd = 30, SameOrBetter, "past-end";
    /// A fragment with more to follow has a length that is no multiple of 8.
    OddLength = 30, SameOrBetter, "odd-length";
    /// Another first fragment, a longer one.
    LongerFirst = 30, SameOrBetter, "longer-first";
    /// Fragments of several datagrams, some to denied ports.
    Mixed = 80, Safe, "mixed";
}

/// A datagram as it was meant.
#[derive(Clone, Debug)]
pub struct Meant {
    pub to: SocketAddr,
    pub payload: Vec<u8>,
}

/// What is sent, in this order, and what is meant by it.
#[derive(Debug)]
pub struct Exchange {
    pub kind: Kind,
    pub frames: Vec<Vec<u8>>,
    /// Their numbers go on from the first one's, which the exchange was made with.
    pub meant: Vec<Meant>,
}

/// Who sends, to whom, with which identification, and the number of the first datagram.
#[derive(Clone, Debug)]
pub struct Origin {
    pub source: String,
    pub host: std::net::IpAddr,
    pub id: u32,
    pub number: u32,
}

impl Kind {
    /// A random one.
    pub fn any(random: &mut Random) -> Self {
        let total = Self::ALL.iter().map(|kind| kind.weight()).sum();
        let mut at = random.below(total);
        for &kind in Self::ALL {
            match at.checked_sub(kind.weight()) {
                Some(rest) => at = rest,
                None => return kind,
            }
        }
        unreachable!("the weights add up to the total")
    }
}

impl Exchange {
    /// A random one of a kind.
    pub fn new(random: &mut Random, kind: Kind, origin: &Origin) -> Self {
        let base = base(random, &origin.source, origin.host);
        let mut maker = Maker { random, base, origin, meant: Vec::new() };
        let frames = match kind {
            Kind::Whole => vec![maker.small().whole()],
            Kind::Atomic => maker.atomic(),
            Kind::Reused => maker.reused(),
            Kind::Mixed => maker.mixed(),
            kind => maker.one(kind),
        };
        Self { kind, frames, meant: maker.meant }
    }
}

/// Makes an exchange's datagrams.
struct Maker<'a> {
    random: &'a mut Random,
    base: Base,
    origin: &'a Origin,
    meant: Vec<Meant>,
}

impl Maker<'_> {
    /// A datagram of the next number with a payload of some length, to an allowed port or not.
    fn datagram(&mut self, length: usize, allowed: bool) -> Datagram {
        let [ports, decoys] = if allowed { [ALLOWED, DENIED] } else { [DENIED, ALLOWED] };
        let to = SocketAddr::new(self.origin.host, self.random.pick(&ports));
        let decoy = self.random.pick(&decoys);
        let number = self.origin.number + self.meant.len() as u32;
        let payload = payload(self.random, number, length, decoy);
        let datagram = Datagram::new(self.random, &self.base, self.origin.id, to, &payload);
        self.meant.push(Meant { to, payload });
        datagram
    }

    fn allowed(&mut self) -> bool {
        self.random.chance(65)
    }

    /// One that fits into a packet.
    fn small(&mut self) -> Datagram {
        let (length, allowed) = (8 + self.random.below(ROOM - 40), self.allowed());
        self.datagram(length, allowed)
    }

    fn atomic(&mut self) -> Vec<Vec<u8>> {
        let datagram = self.small();
        match self.base {
            Base::V6 { .. } => {
                let piece = Piece { start: 0, end: datagram.length(), more: false };
                vec![datagram.fragment(self.random, piece)]
            }
            // There's no such thing as that: it's but whole.
            Base::V4(_) => vec![datagram.whole()],
        }
    }

    fn length(&mut self) -> usize {
        match self.random.below(100) {
            0..60 => 9 + self.random.below(3000),
            60..85 => 9 + self.random.below(8000),
            85..98 => 9 + self.random.below(20_000),
            _ => 65_507 - self.random.pick(&[0, 0, 1, 40]),
        }
    }

    /// A single datagram, with one thing out of order.
    fn one(&mut self, kind: Kind) -> Vec<Vec<u8>> {
        let (length, allowed) = (self.length(), self.allowed());
        let datagram = self.datagram(length, allowed);
        let pieces = datagram.pieces(&datagram.cuts(self.random));
        let mut frames = self.fragments(&datagram, &pieces);
        order(self.random, &mut frames);
        if kind == Kind::Incomplete {
            frames.remove(self.random.below(frames.len()));
        }
        if let Some(frame) = self.mischief(kind, &datagram, &pieces) {
            frames.insert(self.random.below(frames.len() + 1), frame);
        }
        // With another, longer first fragment and the true one again, what lies between their ends would be dropped
        // by the filter, and the kernel would have it.
        if kind == Kind::Duplicated || kind != Kind::LongerFirst && self.random.chance(20) {
            duplicate(self.random, &mut frames);
        }
        frames
    }

    fn fragments(&mut self, datagram: &Datagram, pieces: &[Piece]) -> Vec<Vec<u8>> {
        pieces.iter().map(|&piece| datagram.fragment(self.random, piece)).collect()
    }

    /// The fragment that makes an exchange one of its kind.
    fn mischief(&mut self, kind: Kind, datagram: &Datagram, pieces: &[Piece]) -> Option<Vec<u8>> {
        let random = &mut *self.random;
        let (first, length) = (pieces[0].end, datagram.length());
        let some = 8 * (1 + random.below(ROOM / 8));
        let more = random.chance(80);
        let mut forged = random.chance(50);
        let piece = match kind {
            Kind::TrailingOverlap => {
                let start = (first + 8 * random.below((length - first).div_ceil(8))).min(65_520);
                Piece { start, end: (start + some).min(65_528), more }
            }
            Kind::OtherEnd => {
                let start = first + 8 * random.below((length - first).div_ceil(8) + 8);
                let start = start.min(65_520);
                Piece { start, end: (start + 1 + random.below(some)).min(65_535), more: false }
            }
            Kind::ShorterFirst | Kind::LongerFirst => {
                // The same ports, so the same verdict.
                forged = false;
                let least = datagram.headers();
                let end = match kind {
                    Kind::ShorterFirst => least + 8 * random.below((first - least) / 8 + 1),
                    _ => (first + 8 * random.below((length - first).div_ceil(8) + 1)).min(ROOM),
                };
                Piece { start: 0, end, more: true }
            }
            Kind::FirstOverlap if first > 8 => {
                let start = 8 + 8 * random.below((first - 8).div_ceil(8));
                Piece { start, end: start + some, more }
            }
            Kind::Empty => {
                let start = 8 * random.below(length.div_ceil(8) + 1);
                Piece { start, end: start, more: start == 0 || more }
            }
            Kind::PastEnd => Piece { start: 65_528, end: 65_536 + random.below(200), more },
            Kind::OddLength => {
                // The kernel cuts it to a multiple of 8 in IPv4, so it mustn't take the place of what is true.
                forged = true;
                let start = (8 * random.below(length.div_ceil(8))).min(65_520);
                Piece { start, end: (start + some).min(65_528) - 1 - random.below(7), more: true }
            }
            _ => return None,
        };
        Some(if forged { datagram.forged(random, piece) } else { datagram.fragment(random, piece) })
    }

    /// Datagrams one after the other. Whatever one of them leaves in the kernel must be left on both hosts, and a trailing
    /// fragment mustn't be taken for the datagram's before.
    fn reused(&mut self) -> Vec<Vec<u8>> {
        let count = 2 + self.random.below(3);
        let all_allowed = self.random.chance(50);
        let length = 9 + self.random.below(4000);
        let cuts = self.datagram(length, true).cuts(self.random);
        self.meant.clear();
        let mut all = Vec::new();
        for _ in 0..count {
            let allowed = all_allowed || self.random.chance(50);
            let datagram = self.datagram(length, allowed);
            let cuts = if all_allowed { cuts.clone() } else { datagram.cuts(self.random) };
            let mut frames = self.fragments(&datagram, &datagram.pieces(&cuts));
            if all_allowed {
                order(self.random, &mut frames);
                if self.random.chance(30) {
                    duplicate(self.random, &mut frames);
                }
            } else {
                // What the last one was judged holds until a first fragment comes.
                order(self.random, &mut frames[1..]);
            }
            all.extend(frames);
        }
        all
    }

    /// Datagrams of two lengths and two sets of cuts at most, with their fragments all mixed.
    fn mixed(&mut self) -> Vec<Vec<u8>> {
        let lengths = [(); 2].map(|()| 16 + self.random.below(3000));
        let mut frames = Vec::new();
        let mut cuts: Option<Vec<usize>> = None;
        for n in 0..2 + self.random.below(3) {
            let length = lengths[usize::from(self.random.chance(10))];
            // One of each at least.
            let allowed = if n < 2 { n == 0 } else { self.random.chance(50) };
            let datagram = self.datagram(length, allowed);
            let like = cuts.clone().filter(|_| self.random.chance(85));
            let own = fitting(&datagram, like.unwrap_or_else(|| datagram.cuts(self.random)));
            frames.extend(self.fragments(&datagram, &datagram.pieces(&own)));
            cuts.get_or_insert(own);
        }
        shuffle(self.random, &mut frames);
        if self.random.chance(50) {
            duplicate(self.random, &mut frames);
        }
        frames
    }
}

/// The cuts, as far as they are a datagram's, and more where it's longer. The first piece holds the number as well, so that
/// it tells whose it was.
fn fitting(datagram: &Datagram, mut cuts: Vec<usize>) -> Vec<usize> {
    let least = datagram.headers() + 8;
    cuts.retain(|&cut| cut > least && cut < datagram.length());
    cuts.insert(0, least);
    while let Some(&last) = cuts.last().filter(|&&last| last + ROOM < datagram.length()) {
        cuts.push(last + ROOM);
    }
    cuts
}

/// Puts fragments into an order that a network may bring them in.
fn order(random: &mut Random, frames: &mut [Vec<u8>]) {
    match random.below(10) {
        0..=3 => {}
        4..=5 => frames.reverse(),
        6 => frames.rotate_left(1.min(frames.len())),
        7 => frames.rotate_right(1.min(frames.len())),
        _ => shuffle(random, frames),
    }
}

fn shuffle(random: &mut Random, frames: &mut [Vec<u8>]) {
    for n in (1..frames.len()).rev() {
        frames.swap(n, random.below(n + 1));
    }
}

/// Puts copies of some anywhere behind.
fn duplicate(random: &mut Random, frames: &mut Vec<Vec<u8>>) {
    for _ in 0..1 + random.below(frames.len()).min(5) {
        let original = random.below(frames.len());
        let place = original + random.below(frames.len() - original + 1);
        frames.insert(place, frames[original].clone());
    }
}
