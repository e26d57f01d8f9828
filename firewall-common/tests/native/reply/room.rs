//! Which flows are forgotten where there is no room for all.

use firewall_common::{
    fragment::tick::Tick,
    packet::Family,
    reply::table::{CLASSES, Lifetimes, WAYS},
};

use crate::support::flows::{ACK, Flow, SYN, TCP, UDP, host, passes, send};

/// As many flows as there is room for, and many more: a connection that the host opened stays.
#[test]
fn no_flood_pushes_out_a_connection() {
    for family in Family::ALL {
        let (mut env, kept) = (host(), Flow::new(family, TCP));
        env.lifetimes = Lifetimes([1000; CLASSES]);
        send(&env, &kept.out(SYN));
        send(&env, &kept.out(ACK));
        for n in 0..2000 {
            env.now = Tick(n / 10);
            let flow = |protocol| Flow { local: n as u16, remote: (n * 7) as u16, protocol, family };
            send(&env, &flow(UDP).out(0));
            passes(&env, &flow(UDP).back(0));
            send(&env, &flow(TCP).out(ACK));
            send(&env, &flow(TCP).out(SYN));
        }
        assert!(passes(&env, &kept.back(ACK)));
    }
}

/// Where all are connections that the host opened, the one that was silent longest goes.
#[test]
fn a_new_connection_finds_a_place() {
    let mut env = host();
    env.lifetimes = Lifetimes([1000; CLASSES]);
    let flows: Vec<Flow> =
        (0..4 * WAYS as u16 * 8).map(|local| Flow { local, ..Flow::new(Family::V6, TCP) }).collect();
    for (n, flow) in (0..).zip(&flows) {
        env.now = Tick(n);
        send(&env, &flow.out(SYN));
        send(&env, &flow.out(ACK));
        assert!(passes(&env, &flow.back(ACK)));
    }
    let known = flows.iter().filter(|flow| passes(&env, &flow.back(ACK))).count();
    assert_eq!(known, 4 * WAYS);
}
