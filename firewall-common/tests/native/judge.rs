//! Judgements of single packets and of the fragments of one datagram, one case each.

use firewall_common::{
    fragment::{Class, Fragment},
    judge::{Outcome, judge},
    packet::Family,
    rules::{Action, Decision, Slot},
    verdict::{Judgement, Reason, Verdict},
};

use crate::support::{
    environment::Native,
    frame::{Packet, ports, udp},
};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

fn slot(n: usize) -> Slot {
    Slot::rule(n).expect("a small number")
}

/// UDP, TCP and the like: 4500 allowed by rule 0, 53 denied by rule 1; ESP allowed by rule 2; the rest by default.
fn environment(default: Action, early: Action) -> Native {
    let mut env = Native::new(default, early);
    env.ports =
        vec![(4500, Decision::new(Action::Allow, slot(0))), (53, Decision::new(Action::Deny, slot(1)))];
    env.protocols = vec![(50, Decision::new(Action::Allow, slot(2)))];
    env
}

fn strict() -> Native {
    environment(Action::Deny, Action::Deny)
}

fn verdict(packet: &Packet, env: &Native) -> Judgement {
    judge(&packet.frame()[..], env).judgement
}

fn decided(verdict: Verdict, reason: Reason, slot: Slot) -> Judgement {
    Judgement::new(verdict, reason, slot)
}

fn first(family: Family, port: u16) -> Packet {
    Packet::new(family, 17, udp(port, 24)).at(9, 0, true)
}

/// A trailing fragment that isn't the last one: its datagram is never complete.
fn trailing(family: Family, offset: u16) -> Packet {
    Packet::new(family, 17, vec![0x5a; 16]).at(9, offset, true)
}

#[test]
fn rules_and_default_judge_what_has_headers() {
    for family in FAMILIES {
        for protocol in [6, 17, 33, 132, 136] {
            let packet = |port| Packet::new(family, protocol, ports(9, port, 28));
            for packet in [packet(4500), packet(4500).at(3, 0, false), packet(4500).at(3, 0, true)] {
                assert_eq!(verdict(&packet, &strict()), decided(Verdict::Pass, Reason::Rule, slot(0)));
            }
            for packet in [packet(53), packet(53).at(3, 0, false), packet(53).at(3, 0, true)] {
                let env = environment(Action::Allow, Action::Allow);
                assert_eq!(verdict(&packet, &env), decided(Verdict::Drop, Reason::Rule, slot(1)));
            }
        }
        let esp = Packet::new(family, 50, vec![1; 24]);
        assert_eq!(verdict(&esp, &strict()), decided(Verdict::Pass, Reason::Rule, slot(2)));
        for (default, passed, slot) in [
            (Action::Deny, Verdict::Drop, Slot::DEFAULT_DROP),
            (Action::Allow, Verdict::Pass, Slot::DEFAULT_PASS),
        ] {
            for packet in [Packet::new(family, 17, udp(54, 0)), Packet::new(family, 47, Vec::new())] {
                let env = environment(default, Action::Allow);
                assert_eq!(verdict(&packet, &env), decided(passed, Reason::Default, slot));
            }
        }
    }
}

#[test]
fn frames_without_ip() {
    let env = strict();
    let frame = |ethertypes: &[u16]| {
        let mut frame = vec![2; 12];
        frame.extend(ethertypes.iter().flat_map(|ethertype| ethertype.to_be_bytes()));
        frame
    };
    assert_eq!(judge(&frame(&[0x0806])[..], &env).judgement, Judgement::pass(Reason::Arp));
    assert_eq!(judge(&frame(&[0x8100, 7, 0x0806])[..], &env).judgement, Judgement::pass(Reason::Arp));
    for ethertype in [0x88cc, 0x8863, 0x0026, 0x0801, 0x86dc] {
        assert_eq!(
            judge(&frame(&[ethertype])[..], &env),
            Outcome { judgement: Judgement::pass(Reason::NotIp), fragment: Fragment::OTHER, end: 0 }
        );
    }
    // Behind three tags nothing is looked at: the default.
    let deep = frame(&[0x88a8, 1, 0x8100, 2, 0x8100, 3, 0x0806]);
    assert_eq!(judge(&deep[..], &env).judgement, decided(Verdict::Drop, Reason::Default, Slot::DEFAULT_DROP));
    let open = environment(Action::Allow, Action::Allow);
    assert_eq!(
        judge(&deep[..], &open).judgement,
        decided(Verdict::Pass, Reason::Default, Slot::DEFAULT_PASS)
    );
}

#[test]
fn a_trailing_fragment_inherits_verdict_and_credit() {
    for family in FAMILIES {
        for (port, passed, slot) in [
            (4500, Verdict::Pass, slot(0)),
            (53, Verdict::Drop, slot(1)),
            (54, Verdict::Drop, Slot::DEFAULT_DROP),
        ] {
            let env = environment(Action::Deny, Action::Allow);
            verdict(&first(family, port), &env);
            for offset in [32, 40, 8192] {
                let inherited = decided(passed, Reason::Inherited, slot);
                assert_eq!(verdict(&trailing(family, offset), &env), inherited);
            }
        }
        let env = environment(Action::Allow, Action::Deny);
        verdict(&first(family, 54), &env);
        let inherited = decided(Verdict::Pass, Reason::Inherited, Slot::DEFAULT_PASS);
        assert_eq!(verdict(&trailing(family, 32), &env), inherited);
    }
}

#[test]
fn a_trailing_fragment_is_of_its_own_datagram_only() {
    for family in FAMILIES {
        let env = strict();
        verdict(&first(family, 4500), &env);
        let known = trailing(family, 32);
        let others = [
            known.clone().at(10, 32, true),
            Packet { source: 2, ..known.clone() },
            Packet { destination: [0x20, 0x02], ..known.clone() },
        ];
        for other in others {
            assert_eq!(verdict(&other, &env), Judgement::drop(Reason::Early), "{other:?}");
        }
        // The Next Header of a trailing fragment is no part of an IPv6 datagram's identity; IPv4's protocol is.
        let protocol = verdict(&Packet { protocol: 47, ..known.clone() }, &env);
        let expected = if family == Family::V6 { Reason::Inherited } else { Reason::Early };
        assert_eq!(protocol.reason(), expected);
        // The link is no part of it, and neither is what routers change or receivers ignore.
        let same = Packet { tags: vec![(0x8100, 5)], hop_limit: 3, ignored: 0x8006, ..known };
        assert_eq!(verdict(&same, &Native { interface: 2, ..env }).reason(), Reason::Inherited);
    }
}

#[test]
fn link_local_and_multicast_datagrams_belong_to_their_link() {
    for destination in [[0xfe, 0x80], [0xff, 0x02]] {
        let mut env = strict();
        let local = |packet: Packet| Packet { destination, ..packet };
        verdict(&local(first(Family::V6, 4500)), &env);
        let known = local(trailing(Family::V6, 32));
        assert_eq!(verdict(&known, &env).reason(), Reason::Inherited);
        let tagged = Packet { tags: vec![(0x8100, 5)], ..known.clone() };
        assert_eq!(verdict(&tagged, &env).reason(), Reason::Early);
        env.interface = 2;
        assert_eq!(verdict(&known, &env).reason(), Reason::Early);
    }
}

#[test]
fn an_early_fragment_gets_the_early_policy() {
    for family in FAMILIES {
        for default in [Action::Deny, Action::Allow] {
            let piece = trailing(family, 32);
            assert_eq!(verdict(&piece, &environment(default, Action::Deny)), Judgement::drop(Reason::Early));
            assert_eq!(verdict(&piece, &environment(default, Action::Allow)), Judgement::pass(Reason::Early));
        }
    }
}

#[test]
fn what_is_known_of_a_datagram_expires() {
    for family in FAMILIES {
        let mut env = strict();
        verdict(&first(family, 4500), &env);
        env.now.0 = env.timeout;
        assert_eq!(verdict(&trailing(family, 32), &env).reason(), Reason::Inherited);
        env.now.0 += 1;
        assert_eq!(verdict(&trailing(family, 32), &env).reason(), Reason::Early);
    }
}

#[test]
fn a_trailing_fragment_may_not_begin_inside_its_first() {
    for family in FAMILIES {
        for port in [4500, 53] {
            let env = environment(Action::Deny, Action::Allow);
            verdict(&first(family, port), &env);
            for offset in [8, 16, 24] {
                assert_eq!(
                    verdict(&trailing(family, offset), &env),
                    Judgement::drop(Reason::FragmentOverlap)
                );
            }
            assert_eq!(verdict(&trailing(family, 32), &env).reason(), Reason::Inherited);
        }
    }
}

#[test]
fn atomic_and_whole_packets_are_nobodys_fragments() {
    let env = strict();
    let atomic = Packet::new(Family::V6, 17, udp(4500, 24)).at(9, 0, false);
    let Outcome { judgement, fragment, .. } = judge(&atomic.frame()[..], &env);
    assert_eq!((judgement.verdict(), fragment.class), (Verdict::Pass, Class::Atomic));
    assert_eq!(verdict(&trailing(Family::V6, 32), &env).reason(), Reason::Early);

    // An atomic one doesn't change what is known of a datagram with the same identification either.
    verdict(&first(Family::V6, 53), &env);
    verdict(&atomic, &env);
    assert_eq!(verdict(&trailing(Family::V6, 32), &env).slot(), slot(1));

    let whole = Packet::new(Family::V4, 17, udp(4500, 24)).at(9, 0, false);
    assert_eq!(judge(&whole.frame()[..], &env).fragment.class, Class::Whole);
    assert_eq!(verdict(&trailing(Family::V4, 32), &env).reason(), Reason::Early);
}

#[test]
fn a_malformed_first_fragment_is_not_remembered() {
    for family in FAMILIES {
        let env = strict();
        let short = Packet::new(family, 132, ports(9, 4500, 4)).at(9, 0, true);
        assert_eq!(verdict(&short, &env), Judgement::drop(Reason::FragmentHeaders));
        assert_eq!(verdict(&trailing(family, 32), &env).reason(), Reason::Early);
    }
}

/// The exchange that stateless filters break: 1232 bytes to UDP 4500, and 376 behind them.
#[test]
fn the_ike_exchange_passes() {
    for after_first in [true, false] {
        let env = environment(Action::Deny, Action::Allow);
        let first =
            Packet { hop_limit: 51, ..Packet::new(Family::V6, 17, udp(4500, 1224)) }.at(0x5efa_507c, 0, true);
        let last = Packet { hop_limit: 51, ..Packet::new(Family::V6, 17, vec![7; 376]) }.at(
            0x5efa_507c,
            1232,
            false,
        );
        let packets = if after_first { [first, last] } else { [last, first] };
        for packet in packets {
            assert_eq!(verdict(&packet, &env).verdict(), Verdict::Pass, "{packet:?}");
        }
    }
}
