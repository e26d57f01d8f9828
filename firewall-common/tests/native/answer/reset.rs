//! Resets of rejected connections.

use firewall_common::answer::Answer;

use crate::support::{
    answers::{answer_to, reset, segment, sound, v4, v6},
    frame::udp,
};

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
