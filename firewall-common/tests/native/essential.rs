//! ICMP that passes whatever the rules say, and what only looks like it.

use firewall_common::{
    judge::judge,
    packet::Family,
    rules::{Action, Slot},
    verdict::{Judgement, Reason, Verdict},
};

use crate::support::{environment::Native, frame::Packet};

fn deny() -> Native {
    Native::new(Action::Deny, Action::Deny)
}

fn message(family: Family, protocol: u8, kind: u8, code: u8, hop_limit: u8) -> Packet {
    let mut bytes = vec![0; 24];
    (bytes[0], bytes[1]) = (kind, code);
    Packet { hop_limit, ..Packet::new(family, protocol, bytes) }
}

fn verdict(packet: &Packet, env: &Native) -> Judgement {
    judge(&packet.frame()[..], env).judgement
}

#[test]
fn of_all_messages_only_the_essential_ones_pass() {
    for icmp_errors in [false, true] {
        only_the_essential_ones_pass(icmp_errors);
    }
}

fn only_the_essential_ones_pass(icmp_errors: bool) {
    let env = Native { icmp_errors, ..deny() };
    for family in [Family::V4, Family::V6] {
        for protocol in [1, 58] {
            for kind in 0..=255 {
                for code in [0, 1, 3, 4, 5, 255] {
                    for hop_limit in [0, 1, 254, 255] {
                        let packet = message(family, protocol, kind, code, hop_limit);
                        let expected = match (family, protocol, kind) {
                            (Family::V4, 1, 3) if code == 4 => Judgement::pass(Reason::PacketTooBig),
                            (Family::V6, 58, 2) => Judgement::pass(Reason::PacketTooBig),
                            (Family::V4, 1, 3 | 11 | 12) | (Family::V6, 58, 1 | 3 | 4) if icmp_errors => {
                                Judgement::pass(Reason::IcmpError)
                            }
                            (Family::V6, 58, 133..=137) if code == 0 && hop_limit == 255 => {
                                Judgement::pass(Reason::NeighbourDiscovery)
                            }
                            _ => Judgement::new(Verdict::Drop, Reason::Default, Slot::DEFAULT_DROP),
                        };
                        assert_eq!(verdict(&packet, &env), expected, "{packet:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn neighbour_discovery_behind_a_fragment_header_is_dropped() {
    for kind in 132..=138 {
        for more in [false, true] {
            let env = Native::new(Action::Allow, Action::Allow);
            let judgement = verdict(&message(Family::V6, 58, kind, 0, 255).at(4, 0, more), &env);
            if (133..=137).contains(&kind) {
                assert_eq!(judgement, Judgement::drop(Reason::FragmentNeighbourDiscovery));
            } else {
                assert_eq!(judgement.reason(), Reason::Default);
            }
        }
    }
}

#[test]
fn fragments_of_an_essential_error_inherit_its_pass() {
    for (family, protocol, kind, code, reason) in [
        (Family::V4, 1, 3, 4, Reason::PacketTooBig),
        (Family::V6, 58, 2, 0, Reason::PacketTooBig),
        (Family::V4, 1, 11, 0, Reason::IcmpError),
        (Family::V6, 58, 1, 4, Reason::IcmpError),
    ] {
        let env = Native { icmp_errors: true, ..deny() };
        let packet = message(family, protocol, kind, code, 64).at(4, 0, true);
        assert_eq!(verdict(&packet, &env), Judgement::pass(reason));
        let trailing = Packet::new(family, protocol, vec![0; 9]).at(4, 24, false);
        let inherited = Judgement::new(Verdict::Pass, Reason::Inherited, Slot::ESSENTIAL);
        assert_eq!(verdict(&trailing, &env), inherited);
    }
}

#[test]
fn behind_extension_headers_the_hop_limit_is_still_the_packets() {
    let options = crate::support::frame::Extension { kind: 0, units: 0, third: 255 };
    for (hop_limit, reason) in [(255, Reason::NeighbourDiscovery), (254, Reason::Default)] {
        let packet = message(Family::V6, 58, 135, 0, hop_limit);
        let packet = Packet { before: vec![options.clone()], tags: vec![(0x8100, 3)], ..packet };
        assert_eq!(verdict(&packet, &deny()).reason(), reason);
    }
}

/// Multicast listeners: on this link only, from one of its addresses or none, and whole.
#[test]
fn multicast_listeners_speak_on_their_link() {
    const SOURCE: usize = 8;
    let local: [&str; 4] = ["fe80::1", "febf:ffff::1", "fe80:1::", "::"];
    let other: [&str; 6] = ["fe7f:ffff::1", "fec0::1", "2001:db8::1", "::1", "0:0:0:1::", "ff02::1"];
    for kind in 0..=255 {
        let is_listener = matches!(kind, 130..=132 | 143);
        for hop_limit in [0, 1, 2, 255] {
            for (addresses, is_local) in [(&local[..], true), (&other[..], false)] {
                for address in addresses {
                    let packet = message(Family::V6, 58, kind, 0, hop_limit);
                    let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
                    let judged = |packet: &Packet| {
                        let mut frame = packet.frame();
                        let at = packet.ip_offset() + SOURCE;
                        frame[at..at + octets.len()].copy_from_slice(&octets);
                        judge(&frame[..], &deny()).judgement.reason() == Reason::MulticastListener
                    };
                    let expected = is_listener && hop_limit == 1 && is_local;
                    assert_eq!(judged(&packet), expected, "{kind} from {address}, {hop_limit}");
                    assert!(!judged(&packet.clone().at(4, 0, true)) && !judged(&packet.at(4, 0, false)));
                }
            }
        }
    }
}
