//! What is a reply to what the host sent, and what isn't.

use firewall_common::{
    packet::Family,
    rules::{Action, Decision, Slot},
    verdict::{Judgement, Reason, Verdict},
};
use proptest::{prelude::*, sample::select};

use crate::support::{
    flows::{
        ACK, Between, Echo, FIN, Flow, HERE, Hosts as _, RST, SCTP, SYN, TCP, THERE, UDP, host, passes, send,
        verdict,
    },
    frame::Packet,
};

#[test]
fn what_answers_passes_and_nothing_else_does() {
    for family in Family::ALL {
        for protocol in [UDP, 136, 33] {
            let (env, flow) = (host(), Flow::new(family, protocol));
            assert!(!passes(&env, &flow.back(0)));
            send(&env, &flow.out(0));
            assert_eq!(verdict(&env, &flow.back(0)), Judgement::pass(Reason::Reply));
            // Another port, at either end; another host; another protocol; the same way round.
            for other in
                [Flow { local: 40_001, ..flow }, Flow { remote: 54, ..flow }, Flow { protocol: TCP, ..flow }]
            {
                assert!(!passes(&env, &other.back(ACK)), "{other:?}");
            }
            assert!(!passes(&env, &flow.back(0).between(3, HERE)));
            assert!(!passes(&env, &flow.back(0).between(THERE, 3)));
            assert!(!passes(&env, &flow.out(0)));
        }
    }
}

#[test]
fn a_connection_is_replied_to_by_anything_but_a_new_one() {
    for family in Family::ALL {
        for (protocol, begin, answer, goes_on) in [(TCP, SYN, SYN | ACK, ACK), (SCTP, 1, 2, 3)] {
            let (env, flow) = (host(), Flow::new(family, protocol));
            send(&env, &flow.out(begin));
            assert!(passes(&env, &flow.back(answer)));
            assert!(!passes(&env, &flow.back(begin)), "that is no reply");
            send(&env, &flow.out(goes_on));
            assert!(passes(&env, &flow.back(goes_on)));
            assert!(!passes(&env, &flow.back(begin)));
        }
    }
}

/// Who asks from made-up addresses gets answers sent to them, and has nothing remembered.
#[test]
fn what_only_answers_is_not_remembered() {
    for family in Family::ALL {
        for (protocol, steps) in [(TCP, &[SYN | ACK, RST, RST | ACK, FIN | ACK][..]), (SCTP, &[2, 6, 14])] {
            for &step in steps {
                let (env, flow) = (host(), Flow::new(family, protocol));
                send(&env, &flow.out(step));
                assert!(
                    !passes(&env, &flow.back(if protocol == TCP { ACK } else { 3 })),
                    "{protocol} {step}"
                );
            }
        }
        let (env, echo) = (host(), Echo { family, identifier: 7 });
        send(&env, &echo.out(echo.reply()));
        assert!(!passes(&env, &echo.back(echo.reply())));
    }
}

/// Connections that were there before the filter.
#[test]
fn a_connection_that_goes_on_is_picked_up() {
    for family in Family::ALL {
        for (protocol, goes_on) in [(TCP, ACK), (SCTP, 3)] {
            let (env, flow) = (host(), Flow::new(family, protocol));
            send(&env, &flow.out(goes_on));
            assert!(passes(&env, &flow.back(goes_on)));
        }
    }
}

#[test]
fn an_echo_request_is_answered_by_its_reply() {
    for family in Family::ALL {
        let (env, echo) = (host(), Echo { family, identifier: 7 });
        send(&env, &echo.out(echo.request()));
        assert_eq!(verdict(&env, &echo.back(echo.reply())).reason(), Reason::Reply);
        assert!(!passes(&env, &echo.back(echo.request())));
        assert!(!passes(&env, &Echo { identifier: 8, ..echo }.back(echo.reply())));
    }
}

#[test]
fn fragments_of_a_reply_pass() {
    for family in Family::ALL {
        let (env, flow) = (host(), Flow::new(family, UDP));
        send(&env, &flow.out(0));
        let whole = flow.back(0);
        let first = Between {
            packet: Packet {
                payload: [&whole.packet.payload[..], &[0; 628]].concat(),
                ..whole.packet.clone()
            },
            ..whole.clone()
        };
        let first = first.at(7, 0, true);
        let rest = Packet { payload: vec![0; 100], ..whole.packet };
        let trailing = rest.between(THERE, HERE).at(7, 640, false);
        assert_eq!(verdict(&env, &first), Judgement::pass(Reason::Reply));
        let inherited = Judgement::new(Verdict::Pass, Reason::Inherited, Slot::REPLY);
        assert_eq!(verdict(&env, &trailing), inherited);
    }
}

/// What is of one IP version's ICMP is nothing in the other.
#[test]
fn an_echo_of_the_other_ip_version_is_none() {
    for (family, protocol, request, reply) in [(Family::V4, 58, 128, 129), (Family::V6, 1, 8, 0)] {
        let env = host();
        for (request, reply) in [(request, reply), if family == Family::V4 { (8, 0) } else { (128, 129) }] {
            let message = |kind| Packet::new(family, protocol, vec![kind, 0, 0, 0, 0, 7, 0, 1]);
            send(&env, &message(request).between(HERE, THERE));
            assert!(!passes(&env, &message(reply).between(THERE, HERE)), "{family:?}: {reply}");
        }
    }
}

/// A trailing fragment has no ports, and belongs to no flow that has none.
#[test]
fn a_trailing_fragment_opens_no_flow() {
    for family in Family::ALL {
        let (env, flow) = (host(), Flow { local: 0, remote: 0, ..Flow::new(family, UDP) });
        send(&env, &flow.out(0).at(7, 8, false));
        assert!(!passes(&env, &flow.back(0)));
    }
}

/// An identifier or a chunk that lies there is padding.
#[test]
fn what_lies_behind_a_packets_end_is_not_read() {
    let cut = |packet: &Between, length: usize| {
        let (payload, padding) = packet.packet.payload.split_at(length);
        Between {
            packet: Packet { payload: payload.to_vec(), padding: padding.to_vec(), ..packet.packet.clone() },
            ..*packet
        }
    };
    let (env, echo) = (host(), Echo { family: Family::V6, identifier: 7 });
    send(&env, &cut(&echo.out(128), 4));
    assert!(!passes(&env, &echo.back(129)));
    send(&env, &echo.out(128));
    assert!(!passes(&env, &cut(&echo.back(129), 4)));
    assert!(passes(&env, &echo.back(129)));
    for family in Family::ALL {
        let (env, flow) = (host(), Flow::new(family, SCTP));
        send(&env, &cut(&flow.out(3), 12));
        assert!(!passes(&env, &flow.back(3)));
        send(&env, &flow.out(3));
        assert!(!passes(&env, &cut(&flow.back(3), 12)));
        assert!(passes(&env, &flow.back(3)));
    }
}

/// A rule that denies comes behind: what was asked for is let in.
#[test]
fn replies_come_before_the_rules() {
    let (mut env, flow) = (host(), Flow::new(Family::V6, UDP));
    let rule = Slot::rule(0).expect("a small number");
    env.ports = vec![(flow.local, Decision::new(Action::Deny, rule))];
    send(&env, &flow.out(0));
    assert_eq!(verdict(&env, &flow.back(0)).reason(), Reason::Reply);
    env.flows = None;
    assert_eq!(verdict(&env, &flow.back(0)).reason(), Reason::Rule);
}

proptest! {
    /// Whatever the host sends, only its mirror image is a reply.
    #[test]
    fn only_the_mirror_image_of_what_was_sent_is_a_reply(
        sent in vec_of_flows(), asked in flow(),
    ) {
        let env = host();
        for flow in &sent {
            send(&env, &flow.out(ACK));
        }
        let same = |flow: &Flow| (flow.family, flow.protocol, flow.local, flow.remote)
            == (asked.family, asked.protocol, asked.local, asked.remote);
        prop_assert_eq!(passes(&env, &asked.back(ACK)), sent.iter().any(same));
    }

    #[test]
    fn no_bytes_panic(family in select(&Family::ALL), protocol: u8, payload in proptest::collection::vec(any::<u8>(), 0..80)) {
        let env = host();
        let packet = Packet::new(family, protocol, payload);
        send(&env, &packet.clone().between(HERE, THERE));
        verdict(&env, &packet.between(THERE, HERE));
    }
}

fn flow() -> impl Strategy<Value = Flow> {
    (select(&Family::ALL), select(vec![TCP, UDP, SCTP]), 1u16..4, 1u16..4)
        .prop_map(|(family, protocol, local, remote)| Flow { family, protocol, local, remote })
}

fn vec_of_flows() -> impl Strategy<Value = Vec<Flow>> {
    proptest::collection::vec(flow(), 0..6)
}
