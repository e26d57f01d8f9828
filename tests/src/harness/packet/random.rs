//! Random frames: well-formed ones that meet in the fragment table, and what is left of them after damage.

use super::{Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, pattern};

/// A seeded source of random numbers (SplitMix64), the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// One that always gives the same numbers for a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// A sequence of about `length` frames (each at least an Ethernet header), whose fragments share a few addresses and
/// identifications that no other `number`'s have.
pub fn sequence(random: &mut Random, number: usize, length: usize) -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    while frames.len() < length {
        let mut some = match random.below(10) {
            0 => vec![other(random)],
            1..=5 => packets6(random, number),
            _ => packets4(random, number),
        };
        while !some.is_empty() {
            let frame = some.swap_remove(random.below(some.len()));
            if random.chance(10) {
                frames.push(frame.clone());
            }
            let at = random.below(frames.len() + 1).max(frames.len().saturating_sub(4));
            frames.insert(at, frame);
        }
    }
    for n in 0..frames.len() {
        if random.chance(35) {
            let other = frames[random.below(frames.len())].clone();
            damage(random, &mut frames[n], &other);
        }
    }
    frames
}

/// A frame that carries no IP packet, or one whose payload is no matter of rules.
fn other(random: &mut Random) -> Vec<u8> {
    let noise: Vec<u8> = (0..random.below(80)).map(|_| random.bits() as u8).collect();
    let ethertype = random.pick(&[0x0806, 0x0806, 0x0800, 0x86dd, 0x88cc, 0x0042, 0x8100, 0x88a8, 0x9100]);
    tagged(random, Ether::raw(ethertype, &noise))
}

/// The frame with some VLAN tags, some padding.
fn tagged(random: &mut Random, mut ether: Ether) -> Vec<u8> {
    for _ in 0..random.pick(&[0, 0, 0, 0, 1, 1, 2, 2, 3]) {
        ether = ether.tag(random.pick(&[0x8100, 0x88a8, 0x9100]), random.pick(&[7, 8, 0xe007]));
    }
    ether.padding(random.pick(&[0, 0, 0, 0, 6, 46])).frame()
}

fn packets6(random: &mut Random, number: usize) -> Vec<Vec<u8>> {
    let host = random.below(2);
    let source = match random.below(6) {
        0 => format!("fe80::{number:x}:{host:x}"),
        _ => format!("2001:db8:{number:x}::{host:x}"),
    };
    let destination = match random.below(6) {
        0 => format!("fe80::{number:x}"),
        1 => format!("ff02::1:{number:x}"),
        _ => format!("2001:db8:{number:x}::ff"),
    };
    let mut packet = ip6(&source, &destination).hop_limit(random.pick(&[64, 255, 254, 1]));
    for _ in 0..random.pick(&[0, 0, 0, 0, 1, 1, 2, 3, 9]) {
        packet = extended(random, packet);
    }
    let id = random.below(3) as u32;
    if random.chance(40) {
        packet = packet.unfragmentable();
    }
    let packet = carrying(random, packet);
    let packets = match random.below(8) {
        0..=2 => vec![packet],
        3 => packet.fragments(id, &[]),
        4..=6 => packet.fragments(id, &cuts(random, packet.fragmentable().1.len())),
        _ => {
            let offset = random.pick(&[0_u16, 8, 16, 1232, 0x7ff8, 0xfff8]);
            let (protocol, bytes) = packet.fragmentable();
            vec![packet.fragment(id, offset, random.chance(50)).raw(protocol, &bytes)]
        }
    };
    frames(random, packets)
}

/// The packet with one more extension header, which may be out of place.
fn extended(random: &mut Random, packet: Ip6) -> Ip6 {
    match random.below(12) {
        0..=1 => packet.hop_by_hop(random.pick(&[8, 16, 24])),
        2..=7 => packet.dest_opts(random.pick(&[8, 16, 64, 2048])),
        8 => packet.routing(random.pick(&[0, 2, 3, 4]), 24),
        9 => packet.auth(random.bits() as u32),
        10 => {
            let id = random.below(3) as u32;
            packet.fragment(id, 0, random.chance(30))
        }
        _ => packet.dest_opts(8).unfragmentable(),
    }
}

fn packets4(random: &mut Random, number: usize) -> Vec<Vec<u8>> {
    let host = random.below(2);
    let [high, low] = (number as u16).to_be_bytes();
    let mut packet = ip4(&format!("10.{high}.{low}.{host}"), &format!("10.{high}.{low}.255"));
    for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
        packet = packet.options(random.pick(&[&[1, 1, 1, 1], &[148, 4, 0, 0], &[7, 3, 4, 1]]));
    }
    let id = random.below(3) as u16;
    let packet = carrying(random, packet.id(id));
    let packets: Vec<Ip4> = match random.below(8) {
        0..=2 => vec![packet],
        3 => vec![packet.dont_fragment()],
        4..=6 => packet.fragments(id, &cuts(random, packet.fragmentable().1.len())),
        _ => {
            let offset = random.pick(&[0_u16, 8, 16, 1480, 0x7ff8, 0xfff8]);
            vec![packet.fragment(id, offset, random.chance(50))]
        }
    };
    frames(random, packets)
}

/// Frames around packets of one datagram, which mostly come by the same VLANs.
fn frames<P: Payload>(random: &mut Random, packets: Vec<P>) -> Vec<Vec<u8>> {
    let like = random.clone();
    let next = |random: &mut Random| {
        if random.chance(90) { like.clone() } else { Random::new(random.bits()) }
    };
    packets.into_iter().map(|packet| tagged(&mut next(random), Ether::to(packet))).collect()
}

/// The packet with an upper-layer packet in it.
fn carrying<I: Internet>(random: &mut Random, packet: I) -> I {
    let length = random.pick(&[0, 1, 8, 12, 20, 100, 1000, 1500, 3000]);
    let payload = pattern(length);
    let (source, destination) =
        (random.bits() as u16, random.pick(&[22, 53, 499, 500, 501, 4500, 8000, 8100, 65535]));
    match random.below(14) {
        0..=5 => packet.udp(source, destination, &payload),
        6..=8 => packet.tcp(source, destination, random.bits() as u8, &payload),
        9 => packet.sctp(source, destination, &payload),
        10 => packet.icmp(random.pick(&[0, 3, 3, 8]), random.pick(&[0, 4, 4]), &payload),
        11..=12 => packet.icmp6(
            random.pick(&[1, 2, 128, 130, 133, 135, 136, 137, 138, 143]),
            random.pick(&[0, 0, 1]),
            &payload,
        ),
        _ => packet.raw(random.pick(&[0, 33, 41, 43, 44, 47, 50, 51, 58, 59, 60, 136, 255]), &payload),
    }
}

/// Some cuts of a datagram, sometimes where its headers are.
fn cuts(random: &mut Random, length: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..1 + random.below(3))
        .map(|_| if random.chance(30) { 8 + 8 * random.below(4) } else { 8 * random.below(length / 8 + 1) })
        .filter(|&cut| cut > 0 && cut < length)
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// Damages a frame, but leaves it as long as an Ethernet header; headers are hit the most.
fn damage(random: &mut Random, frame: &mut Vec<u8>, other: &[u8]) {
    let place = |random: &mut Random, length: usize| match random.below(3) {
        0 => random.below(length),
        1 => random.below(length.min(90)),
        _ => 12 + random.below((length - 12).min(60)),
    };
    match random.below(10) {
        0..=3 => {
            for _ in 0..1 + random.below(3) {
                let at = place(random, frame.len());
                frame[at] ^= 1 << random.below(8);
            }
        }
        4..=6 => {
            let at = place(random, frame.len());
            frame[at] = random.pick(&[0, 1, 4, 6, 17, 43, 44, 45, 58, 60, 0x41, 0x4f, 0x60, 0x7f, 0xff]);
        }
        7 => {
            let length = place(random, frame.len()).max(14);
            frame.truncate(length);
        }
        8 => {
            let at = place(random, frame.len().min(other.len())).max(14).min(other.len());
            frame.truncate(at);
            frame.extend(&other[at..]);
        }
        _ => frame.resize(frame.len() + random.pick(&[1, 40, 4000]), random.bits() as u8),
    }
}
