//! Answers to rejected packets, put together from the RFCs' diagrams, with checksums reckoned a byte at a time.

use std::cell::Cell;

use firewall_common::{
    answer::{self, Answer, Code, Front, Plan, Sender},
    packet::{Bytes, Family, Ip, Wire},
};

use super::frame::Packet;

/// The one's complement sum of big-endian words, as RFC 1071 1 defines it: a carry goes around at once.
pub(crate) fn naive(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
    bytes.chunks(2).map(word).fold(0, |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

/// A sender who keeps what he sends.
pub(crate) struct Desk<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) is_open: bool,
    pub(crate) sent: Cell<Option<Vec<u8>>>,
}

const ID: u16 = 0xabcd;

impl Sender for Desk<'_> {
    fn admits<B: Bytes + ?Sized>(&self, _: &B, _: &Ip) -> bool {
        self.is_open
    }

    fn identification(&self) -> u16 {
        ID
    }

    fn send<F: Front, U: Wire>(&self, plan: &Plan<F, U>) -> Option<()> {
        let mut frame = vec![0xee; plan.grown];
        frame.extend(&self.packet[..plan.kept]);
        plan.write(&mut frame[..])?;
        self.sent.set(Some(frame));
        Some(())
    }
}

/// What is sent in answer to a frame.
pub(crate) fn answer_to(frame: &[u8], answer: Answer) -> Option<Vec<u8>> {
    let desk = Desk { packet: frame, is_open: true, sent: Cell::new(None) };
    let [v4, v6] = answer.codes();
    let sent = match answer::family(frame)? {
        Family::V4 => answer::v4(frame, v4, &desk),
        Family::V6 => answer::v6(frame, v6, &desk),
    };
    let frame = desk.sent.take();
    assert_eq!(sent.is_some(), frame.is_some());
    frame
}

/// The packet as a frame, with the checksum that its IPv4 header has to have.
pub(crate) fn sound(packet: &Packet) -> Vec<u8> {
    let mut frame = packet.frame();
    if packet.family == Family::V4 {
        let ip = packet.ip_offset();
        let header = usize::from(frame[ip] & 0xf) * 4;
        frame[ip + 10..ip + 12].fill(0);
        let sum = !naive(&frame[ip..ip + header]);
        frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
    }
    frame
}

/// A frame with bytes written over it, from the IP header on, and a sound checksum.
pub(crate) fn patched(packet: &Packet, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = packet.frame();
    let at = packet.ip_offset() + at;
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    if packet.family == Family::V4 {
        let ip = packet.ip_offset();
        frame[ip + 10..ip + 12].fill(0);
        let sum = !naive(&frame[ip..ip + 20]);
        frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
    }
    frame
}

/// From where to where a frame goes back.
fn link(packet: &Packet, frame: &[u8]) -> Vec<u8> {
    [&frame[6..12], &frame[..6], &frame[12..packet.ip_offset()]].concat()
}

/// An IP header without options around what it carries.
fn ip(
    packet: &Packet,
    frame: &[u8],
    service: u8,
    (id, flags): (u16, u16),
    protocol: u8,
    upper: &[u8],
) -> Vec<u8> {
    let packet_ip = &frame[packet.ip_offset()..];
    let mut bytes = Vec::new();
    match packet.family {
        Family::V4 => {
            bytes.extend([0x45, service]);
            bytes.extend((20 + upper.len() as u16).to_be_bytes());
            bytes.extend([id.to_be_bytes(), flags.to_be_bytes()].concat());
            bytes.extend([64, protocol, 0, 0]);
            bytes.extend([&packet_ip[16..20], &packet_ip[12..16]].concat());
            let sum = !naive(&bytes);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        Family::V6 => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((upper.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend([&packet_ip[24..40], &packet_ip[8..24]].concat());
        }
    }
    bytes.extend(upper);
    bytes
}

/// What a checksum covers besides its own message.
fn pseudo_header(packet: &Packet, frame: &[u8], protocol: u8, length: usize) -> Vec<u8> {
    let ip = &frame[packet.ip_offset()..];
    let addresses = if packet.family == Family::V4 { &ip[12..20] } else { &ip[8..40] };
    [addresses, &(length as u32).to_be_bytes(), &[0, 0, 0, protocol]].concat()
}

/// The ICMP error about a packet.
pub(crate) fn error(packet: &Packet, frame: &[u8], answer: Answer) -> Vec<u8> {
    let [Code(v4), Code(v6)] = answer.codes();
    let end = packet.unpadded().len();
    let quote = &frame[packet.ip_offset()..end];
    let mut message = vec![0; 8];
    let (service, protocol) = match packet.family {
        Family::V4 => {
            message[..2].copy_from_slice(&[3, v4]);
            message.extend(&quote[..quote.len().min(576 - 28)]);
            let sum = !naive(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
            (frame[packet.ip_offset() + 1] & 0x1e | 0xc0, 1)
        }
        Family::V6 => {
            message[..2].copy_from_slice(&[1, v6]);
            message.extend(&quote[..quote.len().min(1280 - 48)]);
            let pseudo = pseudo_header(packet, frame, 58, message.len());
            let sum = !naive(&[pseudo, message.clone()].concat());
            message[2..4].copy_from_slice(&sum.to_be_bytes());
            (0, 58)
        }
    };
    [link(packet, frame), ip(packet, frame, service, (ID, 0), protocol, &message)].concat()
}

/// A TCP segment with these flags and options, and `data` bytes.
pub(crate) fn segment(flags: u8, options: usize, data: usize) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 0x00, 0x17, 0xff, 0xff, 0xff, 0xfe, 0x11, 0x22, 0x33, 0x44];
    bytes.extend([((20 + options) as u8 / 4) << 4, flags, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);
    bytes.resize(20 + options + data, 0x01);
    bytes
}

/// The reset that answers such a segment.
pub(crate) fn reset(packet: &Packet, frame: &[u8], sequence: u32, acknowledgment: u32, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x17, 0x9c, 0x40];
    bytes.extend([sequence.to_be_bytes(), acknowledgment.to_be_bytes()].concat());
    bytes.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    let pseudo = pseudo_header(packet, frame, 6, 20);
    let sum = !naive(&[pseudo, bytes.clone()].concat());
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut answer = [link(packet, frame), ip(packet, frame, 0, (0, 0x4000), 6, &bytes)].concat();
    answer.resize(answer.len().max(frame.len().min(60)), 0);
    answer
}

pub(crate) fn v4(protocol: u8, payload: Vec<u8>) -> Packet {
    Packet { destination: [198, 51], ..Packet::new(Family::V4, protocol, payload) }
}

pub(crate) fn v6(protocol: u8, payload: Vec<u8>) -> Packet {
    Packet::new(Family::V6, protocol, payload)
}
