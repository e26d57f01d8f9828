//! How long flows are remembered.

use firewall_common::{
    fragment::tick::Tick,
    packet::Family,
    reply::table::{CLASSES, Class, Lifetimes},
};

use crate::support::{
    environment::Native,
    flows::{ACK, FIN, Flow, RST, SYN, TCP, UDP, host, passes, send},
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

/// Without a lifetime of its own a class has none.
fn lifetimes(of: &[(Class, u32)]) -> Lifetimes {
    let mut lifetimes = Lifetimes([0; CLASSES]);
    for &(class, lifetime) in of {
        lifetimes.0[class as usize] = lifetime;
    }
    lifetimes
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
