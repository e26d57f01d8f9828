//! The frames that answers are made of: their tags and padding, and what isn't sound.

use firewall_common::{
    answer::{self, Answer, BytesMut},
    packet::Family,
};
use proptest::{collection::vec, prelude::*};

use crate::support::{
    answers::{answer_to, error, naive, reset, segment, sound, v4, v6},
    frame::{Packet, udp},
    generate,
};

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
fn nothing_is_written_beyond_a_frame() {
    let mut frame = [0; 4];
    assert_eq!(frame[..].write(1, [1_u8; 4]), None);
    assert_eq!(frame[..].write(usize::MAX, 1_u8), None);
    assert_eq!(frame[..].write(1, [1_u8, 2, 3]), Some(()));
    assert_eq!(frame, [0, 1, 2, 3]);
}

proptest! {
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
