//! Answers to rejected packets, against packets put together from the RFCs' diagrams, with checksums reckoned a byte at a time.

use std::cell::Cell;

use firewall_common::{
    answer::{
        self, Answer, BytesMut, Code, Front, Plan, Sender,
        checksum::{MAX_LENGTH, Sum, Sums},
        rate::{self, Rates},
    },
    fragment::{tick::Tick, word::Word},
    packet::{Bytes, Family, Ip, Wire},
    rules::limit::{BucketSet, Limits, Rate},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{
    frame::{Packet, udp},
    generate,
};

/// The one's complement sum of big-endian words, as RFC 1071 1 defines it: a carry goes around at once.
fn naive(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
    bytes.chunks(2).map(word).fold(0, |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

/// A sender who keeps what he sends.
struct Desk<'a> {
    packet: &'a [u8],
    is_open: bool,
    sent: Cell<Option<Vec<u8>>>,
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
fn answer_to(frame: &[u8], answer: Answer) -> Option<Vec<u8>> {
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
fn sound(packet: &Packet) -> Vec<u8> {
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
fn error(packet: &Packet, frame: &[u8], answer: Answer) -> Vec<u8> {
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
fn segment(flags: u8, options: usize, data: usize) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 0x00, 0x17, 0xff, 0xff, 0xff, 0xfe, 0x11, 0x22, 0x33, 0x44];
    bytes.extend([((20 + options) as u8 / 4) << 4, flags, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);
    bytes.resize(20 + options + data, 0x01);
    bytes
}

/// The reset that answers such a segment.
fn reset(packet: &Packet, frame: &[u8], sequence: u32, acknowledgment: u32, flags: u8) -> Vec<u8> {
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

fn v4(protocol: u8, payload: Vec<u8>) -> Packet {
    Packet { destination: [198, 51], ..Packet::new(Family::V4, protocol, payload) }
}

fn v6(protocol: u8, payload: Vec<u8>) -> Packet {
    Packet::new(Family::V6, protocol, payload)
}

#[test]
fn known_checksums() {
    // RFC 1071 3.
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    let sum = Sum::of(&bytes[..], 0, 8).unwrap();
    assert_eq!(sum.checksum(), (!0xddf2_u16).to_be_bytes());
    assert_eq!(Sum::of_header(&bytes).checksum(), sum.checksum());
    // An IPv4 header, with its checksum and without.
    let header = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
        0xa8, 0x00, 0xc7,
    ];
    assert!(Sum::of(&header[..], 0, 20).unwrap().is_sound());
    let mut without = header;
    without[10..12].fill(0);
    let sum = Sum::of(&without[..], 0, 20).unwrap();
    assert!(!sum.is_sound());
    assert_eq!(sum.checksum(), [0xb8, 0x61]);
    assert_eq!(Sum::default().checksum(), [0xff, 0xff]);
    assert_eq!(Sum(u64::MAX).checksum(), [0, 0]);
}

#[test]
fn what_is_not_there_has_no_sum() {
    let bytes = [7; 100];
    for length in 0..=100 {
        for offset in 0..=100 {
            let sum = bytes[..].sum(offset, length);
            assert_eq!(sum.is_some(), offset + length <= 100, "{length} from {offset}");
        }
    }
}

proptest! {
    #[test]
    fn sums_agree_with_the_definition(
        bytes in vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..=MAX_LENGTH),
        offset in 0..20_usize,
        more in any::<[u16; 2]>(),
    ) {
        let offset = offset.min(bytes.len());
        let part = &bytes[offset..];
        let sum = bytes[..].sum(offset, part.len()).unwrap();
        prop_assert_eq!(sum.checksum(), (!naive(part)).to_be_bytes());
        // Words behind an even length.
        let words = more.map(u16::to_be_bytes).concat();
        let even = [part, &vec![0; part.len() % 2][..], &words].concat();
        let all = sum.with(more[0]).and(Sum::default().with(more[1]));
        prop_assert_eq!(all.checksum(), (!naive(&even)).to_be_bytes());
        prop_assert_eq!(all.is_sound(), naive(&even) == 0xffff);
    }

    #[test]
    fn an_error_is_what_the_rfcs_draw(packet in generate::packets(), answer in prop::sample::select(Answer::ALL.to_vec())) {
        let destination = if packet.family == Family::V4 { [198, 51] } else { [0x20, 1] };
        let packet = Packet { destination, source: 1, ..packet };
        let frame = sound(&packet);
        let is_error = match packet.family {
            Family::V4 => packet.protocol == 1 && !matches!(packet.payload[0], 0 | 8 | 13..=18),
            Family::V6 => packet.protocol == 58 && (packet.payload[0] < 128 || packet.payload[0] == 137),
        };
        let is_trailing = packet.place.is_some_and(|place| place.offset > 0);
        match answer_to(&frame, answer) {
            _ if answer == Answer::TcpReset => {}
            None => prop_assert!(is_error || is_trailing, "{packet:?}"),
            Some(sent) => {
                prop_assert!(!is_trailing && !is_error, "{packet:?}");
                prop_assert_eq!(sent, error(&packet, &frame, answer));
            }
        }
    }

    /// Any bytes: nothing panics, and what is sent has sound checksums and goes back.
    #[test]
    fn no_frame_panics_and_each_answer_is_sound(
        packet in generate::packets(),
        damage in vec((0..120_usize, any::<u8>()), 0..4),
        answer in prop::sample::select(Answer::ALL.to_vec()),
    ) {
        let mut frame = sound(&packet);
        for (at, byte) in damage {
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
        }
        if let Some(sent) = answer_to(&frame, answer) {
            let family = answer::family(&sent[..]).unwrap();
            let offset = (14..).step_by(4).find(|at| matches!(&sent[at - 2..*at], [0x08, 0] | [0x86, 0xdd])).unwrap();
            let sent = &sent[offset..];
            if family == Family::V4 {
                prop_assert_eq!(naive(&sent[..20]), 0xffff);
                let length = usize::from(u16::from_be_bytes([sent[2], sent[3]]));
                let pseudo = [&sent[12..20], &[0, sent[9]], &(length as u16 - 20).to_be_bytes()].concat();
                let pseudo = if sent[9] == 6 { pseudo } else { Vec::new() };
                prop_assert_eq!(naive(&[&pseudo, &sent[20..length]].concat()), 0xffff);
                prop_assert!(length <= 576);
            } else {
                let length = usize::from(u16::from_be_bytes([sent[4], sent[5]]));
                let pseudo = [&sent[8..40], &sent[4..6], &[0, sent[6]]].concat();
                prop_assert_eq!(naive(&[&pseudo, &sent[40..40 + length]].concat()), 0xffff);
                prop_assert!(length + 40 <= 1280);
            }
        }
    }
}

#[test]
fn quotes_are_as_long_as_may_be() {
    for data in [0, 1, 519, 520, 521, 1183, 1184, 1185, 1400] {
        for packet in [v4(17, udp(53, data)), v6(17, udp(53, data))] {
            let frame = sound(&packet);
            let sent = answer_to(&frame, Answer::AdminProhibited).unwrap();
            assert_eq!(sent, error(&packet, &frame, Answer::AdminProhibited), "{data} bytes");
            let longest = if packet.family == Family::V4 { 576 } else { 1280 };
            assert!(sent.len() <= 14 + longest);
            assert_eq!(
                sent.len() == 14 + longest,
                data >= longest - 56 - if longest == 1280 { 40 } else { 0 }
            );
        }
    }
}

#[test]
fn padding_is_no_part_of_the_quote_and_tags_stay() {
    for packet in [v4(17, udp(53, 0)), v6(17, udp(53, 0)), v4(6, segment(2, 0, 0)), v6(6, segment(2, 0, 0))] {
        let packet = Packet {
            tags: vec![(0x88a8, 0xe007), (0x8100, 42)],
            padding: vec![0x5a; 30],
            options: if packet.family == Family::V4 { vec![148, 4, 0, 0] } else { Vec::new() },
            ..packet
        };
        let frame = sound(&packet);
        assert_eq!(answer_to(&frame, Answer::NoRoute).unwrap(), error(&packet, &frame, Answer::NoRoute));
        if packet.protocol == 6 {
            let wanted = reset(&packet, &frame, 0, 0xffff_ffff, 0x14);
            assert_eq!(answer_to(&frame, Answer::TcpReset).unwrap(), wanted);
        }
    }
}

#[test]
fn resets_acknowledge_what_came() {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    // The segment begins at 0xfffffffe, and acknowledges 0x11223344.
    for (flags, options, data, sequence, acknowledgment) in [
        (SYN, 0, 0, 0, 0xffff_ffff),
        (SYN, 20, 0, 0, 0xffff_ffff),
        (SYN, 40, 3, 0, 2),
        (0, 0, 1, 0, 0xffff_ffff),
        (FIN, 0, 7, 0, 6),
        (FIN | SYN, 0, 0, 0, 0),
        (ACK, 0, 100, 0x1122_3344, 0),
        (SYN | ACK, 20, 0, 0x1122_3344, 0),
        (FIN | ACK | 0xe8, 0, 0, 0x1122_3344, 0),
    ] {
        for packet in [v4(6, segment(flags, options, data)), v6(6, segment(flags, options, data))] {
            let frame = sound(&packet);
            let own = if flags & ACK == 0 { 0x14 } else { 0x04 };
            let wanted = reset(&packet, &frame, sequence, acknowledgment, own);
            assert_eq!(answer_to(&frame, Answer::TcpReset).unwrap(), wanted, "{flags:#x} {options} {data}");
        }
    }
}

#[test]
fn only_sound_segments_are_reset() {
    const RST: u8 = 4;
    let mut short = segment(2, 0, 0);
    short[12] = 4 << 4;
    let mut long = segment(2, 0, 3);
    long[12] = 6 << 4;
    for payload in [segment(RST, 0, 0), segment(RST | 16, 0, 0), short, long] {
        for packet in [v4(6, payload.clone()), v6(6, payload.clone())] {
            let frame = sound(&packet);
            assert_eq!(answer_to(&frame, Answer::TcpReset), None, "{payload:?}");
            assert!(answer_to(&frame, Answer::default()).is_some());
        }
    }
    for packet in [v4(17, udp(53, 40)), v6(17, udp(53, 40))] {
        assert_eq!(answer_to(&sound(&packet), Answer::TcpReset), None);
    }
}

/// A frame with bytes written over it, from the IP header on, and a sound checksum.
fn patched(packet: &Packet, at: usize, bytes: &[u8]) -> Vec<u8> {
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

#[test]
fn nobody_is_told_who_is_no_single_host() {
    let none4: [[u8; 4]; 8] = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [239, 255, 255, 255],
        [240, 0, 0, 1],
        [255, 255, 255, 255],
        [255, 0, 0, 1],
    ];
    let some4: [[u8; 4]; 5] =
        [[1, 0, 0, 0], [126, 255, 255, 255], [128, 0, 0, 1], [10, 0, 0, 1], [223, 255, 255, 255]];
    let none6: [&str; 6] = ["::", "::1", "::ffff:192.0.2.1", "ff02::1", "ff0e::1", "ffff::"];
    let some6: [&str; 5] = ["::2", "::1:0:0", "fe80::1", "fdff::1", "2001:db8::7"];
    for answer in [Answer::PortUnreachable, Answer::TcpReset] {
        let four = v4(6, segment(2, 0, 0));
        let six = v6(6, segment(2, 0, 0));
        for at in [12, 16] {
            for (addresses, told) in [(&none4[..], false), (&some4[..], true)] {
                for address in addresses {
                    let sent = answer_to(&patched(&four, at, address), answer);
                    assert_eq!(sent.is_some(), told, "{address:?} at {at}");
                }
            }
        }
        for at in [8, 24] {
            for (addresses, told) in [(&none6[..], false), (&some6[..], true)] {
                for address in addresses {
                    let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
                    let sent = answer_to(&patched(&six, at, &octets), answer);
                    assert_eq!(sent.is_some(), told, "{address} at {at}");
                }
            }
        }
        // From itself.
        assert_eq!(answer_to(&patched(&four, 16, &[192, 0, 2, 1]), answer), None);
        let frame = six.frame();
        assert_eq!(answer_to(&patched(&six, 24, &frame[22..38]), answer), None);
        // To or from a group of the link.
        for packet in [four, six] {
            for at in [0, 6] {
                let mut frame = sound(&packet);
                frame[at] |= 1;
                assert_eq!(answer_to(&frame, answer), None);
                frame[at] = 0xff;
                assert_eq!(answer_to(&frame, answer), None);
            }
        }
    }
}

#[test]
fn a_header_that_is_damaged_is_no_one_s() {
    let packet = v4(17, udp(53, 0));
    let mut frame = sound(&packet);
    frame[14 + 8] ^= 1;
    assert_eq!(answer_to(&frame, Answer::default()), None);
    let packet = Packet { options: vec![1; 40], ..packet };
    assert!(answer_to(&sound(&packet), Answer::default()).is_some());
}

#[test]
fn errors_are_not_answered_and_questions_are() {
    for kind in 0..=255 {
        let four = v4(1, vec![kind, 0, 0, 0, 0, 0, 0, 0]);
        let is_question = matches!(kind, 0 | 8 | 13 | 14 | 15 | 16 | 17 | 18);
        assert_eq!(answer_to(&sound(&four), Answer::default()).is_some(), is_question, "ICMP {kind}");
        let six = v6(58, vec![kind, 0, 0, 0]);
        let is_question = kind >= 128 && kind != 137;
        assert_eq!(answer_to(&sound(&six), Answer::default()).is_some(), is_question, "ICMPv6 {kind}");
    }
}

#[test]
fn first_fragments_are_answered_and_trailing_ones_are_not() {
    for packet in [v4(17, udp(53, 400)), v6(17, udp(53, 400))] {
        for (offset, more, told) in [(0, true, true), (0, false, true), (64, true, false), (64, false, false)]
        {
            let packet = packet.clone().at(7, offset, more);
            let frame = sound(&packet);
            let sent = answer_to(&frame, Answer::default());
            assert_eq!(sent, told.then(|| error(&packet, &frame, Answer::default())));
        }
    }
}

#[test]
fn who_gets_no_more_gets_none() {
    let frame = sound(&v4(17, udp(53, 0)));
    let desk = Desk { packet: &frame, is_open: false, sent: Cell::new(None) };
    assert_eq!(answer::v4(&frame[..], Code(3), &desk), None);
    assert_eq!(desk.sent.take(), None);
}

#[test]
fn nothing_is_written_beyond_a_frame() {
    let mut frame = [0; 4];
    assert_eq!(frame[..].write(1, [1_u8; 4]), None);
    assert_eq!(frame[..].write(usize::MAX, 1_u8), None);
    assert_eq!(frame[..].write(1, [1_u8, 2, 3]), Some(()));
    assert_eq!(frame, [0, 1, 2, 3]);
}

/// Buckets as the program has them.
#[derive(Default)]
struct Buckets {
    total: Word,
    sources: [BucketSet; 16],
}

impl Limits for Buckets {
    fn rate(&self, _: u32) -> Option<&Rate> {
        None
    }

    fn bucket(&self, _: u32) -> Option<&Word> {
        Some(&self.total)
    }

    fn buckets(&self, owner: u64) -> Option<&BucketSet> {
        self.sources.get((owner >> 60) as usize)
    }
}

#[test]
fn a_source_gets_so_many_answers_and_others_theirs() {
    for hz in [100, 250, 300, 1000] {
        let (buckets, rates) = (Buckets::default(), Rates::new(hz));
        let count =
            |source, now| (0..1000).filter(|_| rate::admits(&buckets, &rates, source, Tick(now))).count();
        assert_eq!(count(1, 7), 6);
        assert_eq!(count(2, 7), 6);
        assert_eq!(count(1, 7 + hz), 1);
        assert_eq!(count(1, 7 + 3 * hz), 2);
        assert_eq!(count(1, 7 + 100 * hz), 6);
        // All of them together, however many there are.
        let all =
            |now: u32| (0..100_000).filter(|n| rate::admits(&buckets, &rates, 1000 + n, Tick(now))).count();
        let now = 7 + 200 * hz;
        assert_eq!(all(now), 50);
        // A fiftieth of a second later, twenty more.
        assert!((19..=20).contains(&all(now + hz / 50)), "{hz}");
        assert_eq!(count(5, now + hz / 50), 0);
    }
}
