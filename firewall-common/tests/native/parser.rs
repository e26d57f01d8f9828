//! The parser gives back what the builder put in, reads no more than it may, and never passes what it can't see whole.

use firewall_common::{
    fragment::{Class, Fragment},
    judge::{Outcome, judge},
    packet::{Family, transport::Transport},
    rules::{Action, Decision, Slot},
    verdict::Verdict,
};
use proptest::{collection::vec, prelude::*};

use crate::support::{
    environment::Native, frame::Packet, generate::packets, parse::parse, parsing::parse_frame,
    reference::transport_header,
};

/// What the parser must say of a packet's transport header.
fn transport(packet: &Packet) -> Transport {
    let payload = &packet.payload;
    match packet.protocol {
        _ if packet.class() == Class::Trailing => Transport::OPAQUE,
        1 | 58 => Transport::icmp(payload[0], payload[1]),
        protocol if transport_header(protocol) > 0 => {
            Transport::ports(u16::from_be_bytes([payload[2], payload[3]]))
        }
        _ => Transport::OPAQUE,
    }
}

/// What the parser must say of a packet's fragmentation.
fn fragment(packet: &Packet) -> Fragment {
    match (packet.class(), packet.place) {
        (Class::Whole, _) | (_, None) => Fragment { class: Class::Whole, ..Fragment::default() },
        (class, Some(place)) => {
            let id = match packet.family {
                Family::V4 => place.id & 0xffff,
                Family::V6 => place.id,
            };
            let length = packet.fragment_length();
            Fragment { class, id, offset: place.offset.into(), more: place.more, length }
        }
    }
}

/// Rules of both kinds, and a default.
fn environment(default: Action) -> Native {
    let rule = |n: usize, action: Action| Decision::new(action, Slot::rule(n).expect("a small number"));
    let mut env = Native::new(default, Action::Allow);
    env.ports = vec![(500, rule(0, Action::Allow)), (4500, rule(1, Action::Deny))];
    env
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn gives_back_the_fields_of_a_well_formed_packet(packet in packets()) {
        let frame = packet.frame();
        let parsed = parse(&frame[..]);
        prop_assert!(matches!(parsed, Ok(Ok(_))), "{:?}", parsed);
        let ip = parsed.unwrap().unwrap();
        prop_assert_eq!(ip.family, packet.family);
        prop_assert_eq!((ip.offset, ip.end), (packet.ip_offset(), packet.unpadded().len()));
        let vlans = packet.tags.iter().fold(0u64, |vlans, (_, control)| vlans << 16 | u64::from(control & 0xfff));
        prop_assert_eq!(u64::from(ip.vlans), vlans);
        prop_assert_eq!(ip.fragment, fragment(&packet));
        prop_assert_eq!(ip.protocol, packet.protocol);
        prop_assert_eq!(ip.transport, transport(&packet));
    }

    #[test]
    fn keeps_its_promises_for_well_formed_packets(packet in packets()) {
        parse_frame(&packet.frame());
    }

    /// Padding stands where changed lengths may point to, and looks like anything.
    #[test]
    fn keeps_its_promises_for_malformed_packets(packet in packets(), changes in vec((0usize..110, any::<u8>()), 1..5)) {
        let mut frame = packet.frame();
        for (place, byte) in changes {
            if let Some(target) = frame.get_mut(place) {
                *target = byte;
            }
        }
        parse_frame(&frame);
    }

    #[test]
    fn keeps_its_promises_for_any_bytes(
        bytes in vec(any::<u8>(), 0..200), start in prop::sample::select(vec![[0x08u8, 0x00], [0x86, 0xdd], [0x81, 0x00]]),
    ) {
        let mut frame = vec![0; 12];
        frame.extend(start);
        frame.extend(&bytes);
        parse_frame(&frame);
        parse_frame(&bytes);
    }

    #[test]
    fn never_passes_part_of_a_packet_that_is_denied(mut packet in packets(), allow: bool) {
        packet.padding.clear();
        let action = if allow { Action::Allow } else { Action::Deny };
        let frame = packet.frame();
        let Outcome { judgement: whole, .. } = judge(&frame[..], &environment(action));
        for length in 0..frame.len().min(400) {
            let Outcome { judgement: part, .. } = judge(&frame[..length], &environment(action));
            prop_assert!(part.verdict() == Verdict::Drop, "{} of {} bytes: {:?}, whole: {:?}", length, frame.len(), part, whole);
        }
    }
}
