//! ICMP errors about rejected packets.

use firewall_common::{answer::Answer, packet::Family};
use proptest::prelude::*;

use crate::support::{
    answers::{answer_to, error, patched, sound, v4, v6},
    frame::{Packet, udp},
    generate,
};

proptest! {
    #[test]
    fn an_error_is_what_the_rfcs_draw(packet in generate::packets(), answer in prop::sample::select(Answer::ALL.to_vec())) {
        let destination = if packet.family == Family::V4 { [198, 51] } else { [0x20, 1] };
        let packet = Packet { destination, source: 1, ..packet };
        let frame = sound(&packet);
        // A trailing fragment may hold nothing at all.
        let kind = packet.payload.first().copied().unwrap_or_default();
        let is_error = match packet.family {
            Family::V4 => packet.protocol == 1 && !matches!(kind, 0 | 8 | 13..=18),
            Family::V6 => packet.protocol == 58 && (kind < 128 || kind == 137),
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

/// RFC 1812 4.3.2.5: the packet's type of service, with the precedence of errors, but for the bit that is to be zero.
#[test]
fn the_type_of_service_is_the_packets_and_the_precedence_an_errors() {
    let packet = v4(17, udp(53, 0));
    for service in 0..=255 {
        let frame = patched(&packet, 1, &[service]);
        let sent = answer_to(&frame, Answer::default()).unwrap();
        assert_eq!(sent, error(&packet, &frame, Answer::default()), "{service:#x}");
    }
}
