//! How long flows are remembered.

use firewall_common::{fragment::tick::Tick, packet::Family, reply::table::Class};

use crate::support::{
    environment::Native,
    flows::{ACK, Between, Echo, FIN, Flow, HERE, RST, SCTP, SYN, TCP, UDP, host, lifetimes, passes, send},
};

#[test]
fn a_flow_is_forgotten_when_it_has_been_silent_for_its_lifetime() {
    for family in Family::ALL {
        for start in [0, 5, u32::MAX - 3] {
            let (mut env, flow) = (host(), Flow::new(family, UDP));
            env.lifetimes = lifetimes(&[(Class::Unanswered, 3), (Class::Answered, 10)]);
            let at = |age: u32| Tick(start.wrapping_add(age));
            env.now = at(0);
            send(&env, &flow.out(0));
            env.now = at(4);
            assert!(!passes(&env, &flow.back(0)));
            send(&env, &flow.out(0));
            env.now = at(7);
            assert!(passes(&env, &flow.back(0)), "three units later");
            env.now = at(17);
            assert!(passes(&env, &flow.back(0)), "it had been answered");
            env.now = at(28);
            assert!(!passes(&env, &flow.back(0)));
        }
    }
}

#[test]
fn a_connection_that_was_ended_is_soon_forgotten() {
    for family in Family::ALL {
        let (mut env, flow) = (host(), Flow::new(family, TCP));
        env.lifetimes = lifetimes(&[(Class::Opening, 5), (Class::Closing, 5), (Class::Established, 1000)]);
        let open = |env: &mut Native, now| {
            env.now = Tick(now);
            send(env, &flow.out(SYN));
            send(env, &flow.out(ACK));
        };
        open(&mut env, 0);
        env.now = Tick(900);
        assert!(passes(&env, &flow.back(ACK)));
        // The host ends its half, and acknowledges the end of the other one.
        send(&env, &flow.out(FIN | ACK));
        assert!(passes(&env, &flow.back(FIN | ACK)));
        send(&env, &flow.out(ACK));
        env.now = Tick(906);
        assert!(!passes(&env, &flow.back(ACK)));
        // A reset passes. If it was a lie, the connection goes on.
        open(&mut env, 1000);
        assert!(passes(&env, &flow.back(RST)));
        env.now = Tick(1006);
        assert!(!passes(&env, &flow.back(ACK)));
    }
}

/// What is to be remembered of a connection for as long as its class says, and a packet that is a reply to it.
type History = (Class, Vec<Between>, Between);

/// Flows of each class, and all ways to get there.
fn histories(family: Family) -> Vec<History> {
    let [tcp, sctp, udp, esp] = [TCP, SCTP, UDP, 50].map(|protocol| Flow::new(family, protocol));
    let echo = Echo { family, identifier: 7 };
    let mut all = vec![
        (Class::Echo, vec![echo.out(echo.request())], echo.back(echo.reply())),
        (
            Class::Echo,
            vec![echo.out(echo.request()), echo.back(echo.reply()), echo.out(echo.request())],
            echo.back(echo.reply()),
        ),
    ];
    for flow in [udp, esp] {
        let (sent, reply) = (flow.out(0), flow.back(0));
        all.push((Class::Unanswered, vec![sent.clone(), sent.clone()], reply.clone()));
        all.push((Class::Answered, vec![sent.clone(), reply.clone()], reply.clone()));
        all.push((Class::Answered, vec![sent.clone(), reply.clone(), sent], reply));
    }
    // What asks for a connection, what goes on with it, and what ends it, from here and from there.
    let connections = [
        (tcp, SYN, ACK, &[FIN | ACK, RST, RST | ACK][..], &[RST, RST | ACK][..]),
        (sctp, 1, 3, &[6, 14], &[6, 14]),
    ];
    for (flow, begin, data, ends, remote_ends) in connections {
        let (begin, data, reply) = (flow.out(begin), flow.out(data), flow.back(data));
        let mut of = |class, packets: &[&Between]| {
            all.push((class, packets.iter().map(|&packet| packet.clone()).collect(), reply.clone()));
        };
        of(Class::Opening, &[&begin]);
        of(Class::Opening, &[&begin, &reply]);
        of(Class::Opening, &[&begin, &data, &begin]);
        of(Class::PickedUp, &[&data]);
        of(Class::PickedUp, &[&data, &reply, &data]);
        of(Class::Established, &[&begin, &data]);
        of(Class::Established, &[&begin, &reply, &data, &reply]);
        for &end in ends {
            of(Class::Closing, &[&data, &flow.out(end)]);
            of(Class::Closing, &[&begin, &data, &flow.out(end)]);
            of(Class::Closing, &[&begin, &data, &flow.out(end), &reply, &data]);
        }
        for &end in remote_ends {
            // The connection isn't there yet: it may be another one's that is guessed at.
            of(Class::Opening, &[&begin, &flow.back(end)]);
            of(Class::Closing, &[&data, &flow.back(end)]);
            of(Class::Closing, &[&begin, &data, &flow.back(end)]);
        }
    }
    all
}

#[test]
fn each_class_has_its_own_lifetime() {
    for family in Family::ALL {
        for (class, packets, reply) in histories(family) {
            for (age, is_known) in [(7, true), (8, false)] {
                let mut env = host();
                env.lifetimes = lifetimes(&[(class, 7)]);
                for packet in &packets {
                    if packet.from == HERE {
                        send(&env, packet);
                    } else {
                        assert!(passes(&env, packet), "{class:?}: {packets:?}");
                    }
                }
                env.now = Tick(age);
                assert_eq!(passes(&env, &reply), is_known, "{class:?}: {packets:?}, {age} units later");
            }
        }
    }
}

/// What was known of it goes with it.
#[test]
fn a_flow_that_was_forgotten_is_picked_up_anew() {
    for family in Family::ALL {
        let (mut env, flow) = (host(), Flow::new(family, TCP));
        env.lifetimes = lifetimes(&[(Class::Established, 5), (Class::PickedUp, 10)]);
        send(&env, &flow.out(SYN));
        send(&env, &flow.out(ACK));
        env.now = Tick(6);
        send(&env, &flow.out(FIN | ACK));
        assert!(!passes(&env, &flow.back(ACK)), "an end opens none");
        send(&env, &flow.out(ACK));
        env.now = Tick(16);
        assert!(passes(&env, &flow.back(ACK)));
    }
}
