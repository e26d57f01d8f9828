//! UDP datagrams, and fragments of them that are what the sender sent or not.

use std::net::{IpAddr, SocketAddr};

use firewall_tests::harness::packet::random::Random;
use firewall_tests::harness::packet::{Ether, Internet, Ip4, Ip6, ip4, ip6};

/// The most that a fragment carries: what the longest packet holds behind all the headers that one is given here.
pub const ROOM: usize = 1200;

/// What every fragment of a datagram bears.
#[derive(Clone, Debug)]
pub enum Base {
    /// `behind` counts the destination options behind the Fragment header.
    V6 {
        packet: Ip6,
        behind: usize,
    },
    V4(Ip4),
}

/// A datagram as its sender cuts it.
#[derive(Clone, Debug)]
pub struct Datagram {
    base: Base,
    id: u32,
    protocol: u8,
    /// The fragmentable part.
    bytes: Vec<u8>,
    /// How much of it the first fragment must hold: the header chain and the UDP header.
    headers: usize,
}

/// A fragment's place: where it starts and ends in the fragmentable part, and whether more follow.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub start: usize,
    pub end: usize,
    pub more: bool,
}

/// Headers for a source's datagrams: some have options or extension headers that every fragment bears.
pub fn base(random: &mut Random, source: &str, to: IpAddr) -> Base {
    let to_text = to.to_string();
    if to.is_ipv4() {
        let packet = ip4(source, &to_text).ttl(random.pick(&[1, 64, 255]));
        return Base::V4(match random.below(10) {
            0 => packet.options(&[1, 1, 1, 1]),
            1 => packet.options(&[148, 4, 0, 0]),
            2 => packet.options(&[7, 7, 4, 0, 0, 0, 0]),
            3 => packet.options(&[1; 40]),
            _ => packet,
        });
    }
    let mut packet = ip6(source, &to_text).hop_limit(random.pick(&[1, 64, 255]));
    if random.chance(20) {
        packet = packet.hop_by_hop(8);
    }
    if random.chance(20) {
        packet = packet.dest_opts(8).unfragmentable();
    }
    if random.chance(10) {
        packet = packet.routing(253, 8);
    }
    Base::V6 { packet, behind: random.pick(&[0, 0, 0, 1, 2]) }
}

/// A payload that carries a number, and of which every 8 bytes add nothing to a checksum: whatever the kernel puts together
/// of such payloads is delivered, if it has a length that a UDP header says. Behind the number every 8 bytes read like a UDP
/// header, of the port `decoy`.
pub fn payload(random: &mut Random, number: u32, length: usize, decoy: u16) -> Vec<u8> {
    let group = |x: u16, y: u16| [x, y, !x, !y].map(u16::to_be_bytes).concat();
    let mut payload = group((number >> 16) as u16, number as u16);
    while payload.len() < length {
        payload.extend(group(random.bits() as u16, decoy));
    }
    payload.truncate(length.max(8));
    payload
}

/// The number that a payload carries.
pub fn number_of(payload: &[u8]) -> Option<u32> {
    let [a, b, c, d, rest @ ..] = *payload.first_chunk::<8>()?;
    (rest == [!a, !b, !c, !d]).then_some(u32::from_be_bytes([a, b, c, d]))
}

impl Datagram {
    /// A datagram to a port.
    pub fn new(random: &mut Random, base: &Base, id: u32, to: SocketAddr, payload: &[u8]) -> Self {
        let port = random.bits() as u16;
        let (protocol, bytes) = match base {
            Base::V4(packet) => packet.clone().udp(port, to.port(), payload).fragmentable(),
            Base::V6 { packet, behind } => {
                let packet = (0..*behind).fold(packet.clone(), |packet, _| packet.dest_opts(8));
                packet.udp(port, to.port(), payload).fragmentable()
            }
        };
        let headers = bytes.len() - payload.len();
        Self { base: base.clone(), id, protocol, bytes, headers }
    }

    /// The length of its fragmentable part.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// How much of it the first fragment must hold.
    pub fn headers(&self) -> usize {
        self.headers
    }

    /// The packet as it is, unfragmented; it must fit.
    pub fn whole(&self) -> Vec<u8> {
        match &self.base {
            Base::V4(packet) => Ether::to(packet.clone().raw(self.protocol, &self.bytes)).frame(),
            Base::V6 { packet, .. } => Ether::to(packet.clone().raw(self.protocol, &self.bytes)).frame(),
        }
    }

    /// The places between cuts.
    pub fn pieces(&self, cuts: &[usize]) -> Vec<Piece> {
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([self.length()]);
        starts.zip(ends).map(|(start, end)| Piece { start, end, more: end < self.length() }).collect()
    }

    /// Cuts at multiples of 8, all pieces alike as for some MTU, or of any length; none in the headers.
    pub fn cuts(&self, random: &mut Random) -> Vec<usize> {
        let length = self.length();
        let most = if random.chance(80) { 8 } else { 60 };
        let room = (length / (1 + random.below(most))).clamp(self.headers.max(16), ROOM) & !7;
        let alike = random.chance(50);
        let mut at = match random.below(5) {
            // Nothing but the headers.
            0 => self.headers,
            1 => self.headers + 8 * random.below((ROOM - self.headers) / 8),
            _ => room.max(self.headers),
        };
        let mut cuts = Vec::new();
        while at < length {
            cuts.push(at);
            at += if alike { room } else { 8 * (1 + random.below(room / 8)) };
        }
        if cuts.is_empty() { vec![self.headers] } else { cuts }
    }

    /// A fragment that carries what belongs in its place.
    pub fn fragment(&self, random: &mut Random, piece: Piece) -> Vec<u8> {
        let end = piece.end.min(self.length());
        let content = self.bytes[piece.start.min(end)..end].to_vec();
        self.fragment_with(random, piece, content)
    }

    /// A fragment that carries what doesn't belong in its place, and makes a checksum wrong that takes it in.
    pub fn forged(&self, random: &mut Random, piece: Piece) -> Vec<u8> {
        let end = piece.end.min(self.length());
        let mut content = self.bytes[piece.start.min(end)..end].to_vec();
        if let Some(byte) = content.first_mut() {
            *byte ^= 1 << random.below(8);
        }
        self.fragment_with(random, piece, content)
    }

    /// Beyond the datagram's end there are zeros.
    fn fragment_with(&self, random: &mut Random, piece: Piece, mut content: Vec<u8>) -> Vec<u8> {
        let Piece { start, end, more } = piece;
        content.resize(end - start, 0);
        let padding = if content.len() < 200 { random.pick(&[0, 0, 0, 6, 46]) } else { 0 };
        let ether = match &self.base {
            Base::V4(packet) => Ether::to(
                packet.clone().fragment(self.id as u16, start as u16, more).raw(self.protocol, &content),
            ),
            Base::V6 { packet, .. } => {
                let mut packet = packet.clone();
                if random.chance(5) {
                    packet = packet.dest_opts(8);
                }
                let reserved = if random.chance(30) { random.bits() as u8 } else { 0 };
                let mut protocol = self.protocol;
                // TCP at byte 8 and a second Fragment header are dropped by design.
                if start > 8 && random.chance(20) {
                    protocol = random.pick(&[0, 6, 17, 43, 50, 58, 59, 60, 255]);
                }
                Ether::to(
                    packet.fragment(self.id, start as u16, more).reserved(reserved).raw(protocol, &content),
                )
            }
        };
        ether.padding(padding).frame()
    }
}
