//! Of which packets nobody is told.

use std::cell::Cell;

use firewall_common::answer::{self, Answer, Code};

use crate::support::{
    answers::{Desk, answer_to, error, patched, segment, sound, v4, v6},
    frame::{Packet, udp},
};

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
