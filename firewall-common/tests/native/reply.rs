//! What is a reply to what the host sent, and what isn't.

use firewall_common::{
    fragment::tick::Tick,
    judge::judge,
    packet::Family,
    reply,
    reply::table::{CLASSES, Class, FlowSet, Lifetimes, WAYS},
    rules::{Action, Decision, Slot},
    verdict::{Judgement, Reason, Verdict},
};
use proptest::{prelude::*, sample::select};

use crate::support::{
    environment::{KEY, Native},
    frame::Packet,
};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

/// A host that accepts replies and nothing else.
fn host() -> Native {
    let mut env = Native::new(Action::Deny, Action::Allow);
    env.flows = Some((0..4).map(|_| FlowSet::default()).collect());
    env
}

/// A packet between two hosts, each told by the last byte of its address.
#[derive(Clone, Debug)]
struct Between {
    packet: Packet,
    from: u8,
    to: u8,
}

trait Hosts: Sized {
    fn between(self, from: u8, to: u8) -> Between;
}

impl Hosts for Packet {
    fn between(self, from: u8, to: u8) -> Between {
        Between { packet: self, from, to }
    }
}

impl Between {
    fn between(self, from: u8, to: u8) -> Self {
        Self { from, to, ..self }
    }

    /// The same as a fragment.
    fn at(self, id: u32, offset: u16, more: bool) -> Self {
        Self { packet: self.packet.at(id, offset, more), ..self }
    }

    fn frame(&self) -> Vec<u8> {
        let mut frame = self.packet.frame();
        let (addresses, length) = match self.packet.family {
            Family::V4 => (self.packet.ip_offset() + 12, 4),
            Family::V6 => (self.packet.ip_offset() + 8, 16),
        };
        for (place, host) in [(addresses, self.from), (addresses + length, self.to)] {
            frame[place..place + length].fill(0x20);
            frame[place + length - 1] = host;
        }
        frame
    }
}

fn send(env: &Native, packet: &Between) {
    let _ = reply::sent(packet.frame().as_slice(), &KEY, env);
}

fn verdict(env: &Native, packet: &Between) -> Judgement {
    judge(packet.frame().as_slice(), env).judgement
}

fn passes(env: &Native, packet: &Between) -> bool {
    verdict(env, packet).verdict == Verdict::Pass
}

/// The two ends of a flow: what the host sends, and what comes back.
#[derive(Clone, Copy, Debug)]
struct Flow {
    family: Family,
    protocol: u8,
    local: u16,
    remote: u16,
}

const HERE: u8 = 1;
const THERE: u8 = 2;

impl Flow {
    fn new(family: Family, protocol: u8) -> Self {
        Self { family, protocol, local: 40_000, remote: 53 }
    }

    fn header(self, ports: [u16; 2], byte: u8) -> Vec<u8> {
        let mut header = ports.map(u16::to_be_bytes).concat();
        match self.protocol {
            TCP => {
                header.extend([0; 9]);
                header.push(byte);
                header.extend([0; 6]);
            }
            SCTP => {
                header.extend([0; 8]);
                header.extend([byte, 0, 0, 4]);
            }
            // UDP's and UDP-Lite's header is as long as that; DCCP's is longer.
            _ => header.extend([0, 8, 0, 0, 0, 0, 0, 0]),
        }
        header
    }

    /// `byte`: TCP's flags, or the type of SCTP's first chunk.
    fn out(self, byte: u8) -> Between {
        let packet = Packet::new(self.family, self.protocol, self.header([self.local, self.remote], byte));
        packet.between(HERE, THERE)
    }

    fn back(self, byte: u8) -> Between {
        let packet = Packet::new(self.family, self.protocol, self.header([self.remote, self.local], byte));
        packet.between(THERE, HERE)
    }
}

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

/// ICMP echo messages.
#[derive(Clone, Copy)]
struct Echo {
    family: Family,
    identifier: u16,
}

impl Echo {
    fn request(self) -> u8 {
        if self.family == Family::V4 { 8 } else { 128 }
    }

    fn reply(self) -> u8 {
        if self.family == Family::V4 { 0 } else { 129 }
    }

    fn packet(self, kind: u8) -> Packet {
        let protocol = if self.family == Family::V4 { 1 } else { 58 };
        let [high, low] = self.identifier.to_be_bytes();
        Packet::new(self.family, protocol, vec![kind, 0, 0, 0, high, low, 0, 1])
    }

    fn out(self, kind: u8) -> Between {
        self.packet(kind).between(HERE, THERE)
    }

    fn back(self, kind: u8) -> Between {
        self.packet(kind).between(THERE, HERE)
    }
}

#[test]
fn an_echo_request_is_answered_by_its_reply() {
    for family in Family::ALL {
        let (env, echo) = (host(), Echo { family, identifier: 7 });
        send(&env, &echo.out(echo.request()));
        assert_eq!(verdict(&env, &echo.back(echo.reply())).reason, Reason::Reply);
        assert!(!passes(&env, &echo.back(echo.request())));
        assert!(!passes(&env, &Echo { identifier: 8, ..echo }.back(echo.reply())));
    }
}

/// An ICMP error that quotes a packet, as far as that goes.
fn error(family: Family, kind: u8, quoted: &Between, length: usize) -> Between {
    const ETHERNET: usize = 14;
    let frame = quoted.frame();
    let mut payload = vec![kind, 1, 0, 0, 0, 0, 0, 0];
    payload.extend_from_slice(&frame[ETHERNET..frame.len().min(ETHERNET + length)]);
    Packet::new(family, if family == Family::V4 { 1 } else { 58 }, payload).between(9, HERE)
}

#[test]
fn an_error_about_what_was_sent_is_related() {
    for (family, header, kinds) in [(Family::V4, 20, &[3, 11, 12][..]), (Family::V6, 40, &[1, 3, 4])] {
        for &kind in kinds {
            let (env, flow, echo) = (host(), Flow::new(family, UDP), Echo { family, identifier: 7 });
            let enough = header + 8;
            assert!(!passes(&env, &error(family, kind, &flow.out(0), enough)));
            send(&env, &flow.out(0));
            send(&env, &echo.out(echo.request()));
            assert_eq!(verdict(&env, &error(family, kind, &flow.out(0), enough)).reason, Reason::Related);
            assert_eq!(
                verdict(&env, &error(family, kind, &echo.out(echo.request()), enough)).reason,
                Reason::Related
            );
            // Quotes of what wasn't sent, or of too little of it.
            assert!(!passes(&env, &error(family, kind, &flow.back(0), enough)));
            assert!(!passes(&env, &error(family, kind, &Flow { local: 1, ..flow }.out(0), enough)));
            for length in 0..header + 4 {
                assert!(!passes(&env, &error(family, kind, &flow.out(0), length)), "{length}");
            }
            // A quoted fragment tells its ports if it is the first one.
            let fragment = |offset| flow.out(0).at(7, offset, true);
            assert!(passes(&env, &error(family, kind, &fragment(0), enough + 8)));
            assert!(!passes(&env, &error(family, kind, &fragment(8), enough + 8)));
        }
        // Redirect and source quench are no errors about a packet.
        let (env, flow) = (host(), Flow::new(family, UDP));
        send(&env, &flow.out(0));
        for kind in if family == Family::V4 { [4, 5] } else { [0, 127] } {
            assert!(!passes(&env, &error(family, kind, &flow.out(0), header + 8)));
        }
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
        let inherited = Judgement { verdict: Verdict::Pass, reason: Reason::Inherited, slot: Slot::REPLY };
        assert_eq!(verdict(&env, &trailing), inherited);
    }
}

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

/// A rule that denies comes behind: what was asked for is let in.
#[test]
fn replies_come_before_the_rules() {
    let (mut env, flow) = (host(), Flow::new(Family::V6, UDP));
    let rule = Slot::rule(0).expect("a small number");
    env.ports = vec![(flow.local, Decision::new(Action::Deny, rule))];
    send(&env, &flow.out(0));
    assert_eq!(verdict(&env, &flow.back(0)).reason, Reason::Reply);
    env.flows = None;
    assert_eq!(verdict(&env, &flow.back(0)).reason, Reason::Rule);
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
