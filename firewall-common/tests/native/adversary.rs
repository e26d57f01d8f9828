//! What senders with bad intent do to the reassembly budget, and what bad luck does to those with good.
//!
//! `Stack` stands for the kernel's reassembly as `ip6_frag_queue` has it: what it holds is counted.

use std::collections::HashMap;

use firewall_common::{
    fragment::{
        budget::Limits,
        identity::Source,
        source::{Pool, SourceSet},
        tick::Tick,
    },
    judge::judge,
    packet::Family,
    rules::{Action, Decision, Slot},
    verdict::Verdict,
};

use crate::support::{
    environment::Native,
    frame::{Packet, udp},
};

const ALLOWED: u16 = 4500;
/// What one source may have outstanding: as a host with the kernel's defaults has it.
const SOURCE: u32 = 56;
const STRANGERS: u32 = 113;
/// What such a host holds in all.
const HOST: usize = 910;

fn environment() -> Native {
    let rule = Slot::rule(0).expect("a small number");
    let mut env = Native::new(Action::Deny, Action::Allow);
    env.ports = vec![(ALLOWED, Decision::new(Action::Allow, rule))];
    env.limits = Limits::new(60_000, SOURCE, STRANGERS);
    env.timeout = 30_000;
    env
}

/// The kernel's reassembly of IPv6, in one moment: nothing times out.
#[derive(Default)]
struct Stack {
    /// By identification and source: the pieces, and the end once it's known.
    queues: HashMap<(u32, u8), Queue>,
}

/// Where each piece begins and ends, and the datagram's end once it's known.
type Queue = (Vec<(u32, u32)>, Option<u32>);

impl Stack {
    fn held(&self) -> usize {
        self.queues.values().map(|(pieces, _)| pieces.len()).sum()
    }

    /// `ip6_frag_queue`.
    fn receive(&mut self, packet: &Packet) {
        let place = packet.place.expect("a fragment");
        let key = (place.id, packet.network);
        let (offset, end) =
            (u32::from(place.offset), u32::from(place.offset) + packet.fragment_length() as u32);
        let (pieces, total) = self.queues.entry(key).or_default();
        if pieces.contains(&(offset, end)) {
            return;
        }
        let furthest = pieces.iter().map(|piece| piece.1).max().unwrap_or(0);
        let overlaps = pieces.iter().any(|piece| offset < piece.1 && piece.0 < end);
        let ends_amiss = if place.more {
            total.is_some_and(|total| end > total)
        } else {
            end < furthest || total.is_some_and(|total| end != total)
        };
        if offset == end || overlaps || ends_amiss {
            self.queues.remove(&key);
            return;
        }
        pieces.push((offset, end));
        if !place.more {
            *total = Some(end);
        }
        let length: u32 = pieces.iter().map(|piece| piece.1 - piece.0).sum();
        if *total == Some(length) {
            self.queues.remove(&key);
        }
    }
}

/// What the host holds after all that.
fn held(env: &Native, packets: impl IntoIterator<Item = Packet>) -> usize {
    let mut stack = Stack::default();
    for packet in packets {
        if judge(&packet.frame()[..], env).judgement.verdict() == Verdict::Pass {
            stack.receive(&packet);
        }
    }
    stack.held()
}

fn first(id: u32, length: u16) -> Packet {
    Packet::new(Family::V6, 17, udp(ALLOWED, usize::from(length) - 8)).at(id, 0, true)
}

fn piece(id: u32, offset: u16, more: bool) -> Packet {
    Packet::new(Family::V6, 17, vec![0x5a; 8]).at(id, offset, more)
}

/// From `start` on, `count` pieces of 8 bytes, the last of which ends the datagram.
fn rest(id: u32, start: u16, count: u16) -> impl Iterator<Item = Packet> {
    (0..count).map(move |n| piece(id, start + 8 * n, n + 1 < count))
}

const DATAGRAMS: u32 = 40;
/// So few that a source may have all of one datagram outstanding: with more, nothing would ever complete.
const PIECES: u16 = 40;
/// Charges come at powers of two: what one source may have the host hold at one moment, at the very worst.
const WORST: usize = 2 * SOURCE as usize;

fn within_its_budget(packets: impl IntoIterator<Item = Packet>) {
    let held = held(&environment(), packets);
    assert!(held <= WORST, "the host holds {held} fragments of one source, of {HOST} that it has room for");
}

#[test]
fn an_end_of_no_length_gives_nothing_back() {
    within_its_budget((0..DATAGRAMS).flat_map(|id| {
        let nothing = Packet::new(Family::V6, 17, Vec::new()).at(id, 64 + 8 * PIECES, false);
        let pieces = (0..PIECES).map(move |n| piece(id, 64 + 8 * n, true));
        [nothing].into_iter().chain(pieces).chain([first(id, 64)])
    }));
}

#[test]
fn a_second_first_fragment_that_overlaps_gives_nothing_back() {
    within_its_budget(
        (0..DATAGRAMS).flat_map(|id| [first(id, 64), first(id, 72)].into_iter().chain(rest(id, 72, PIECES))),
    );
}

#[test]
fn a_denied_first_fragment_in_between_gives_nothing_back() {
    within_its_budget((0..DATAGRAMS).flat_map(|id| {
        let denied = Packet::new(Family::V6, 17, udp(53, 56)).at(id, 0, true);
        [piece(id, 64, true), denied, first(id, 72)].into_iter().chain(rest(id, 72, PIECES))
    }));
}

/// One that expires in the table while the kernel still holds its pieces.
#[test]
fn a_datagram_that_expires_here_before_it_does_in_the_kernel_gives_nothing_back() {
    let mut env = environment();
    let mut stack = Stack::default();
    let mut send = |packet: Packet, env: &Native| {
        if judge(&packet.frame()[..], env).judgement.verdict() == Verdict::Pass {
            stack.receive(&packet);
        }
    };
    for id in 0..DATAGRAMS {
        send(piece(id, 64, true), &env);
    }
    env.now = Tick(30_001);
    for id in 0..DATAGRAMS {
        for packet in [first(id, 72)].into_iter().chain(rest(id, 72, PIECES)) {
            send(packet, &env);
        }
    }
    // Meanwhile as much has leaked away as was charged at first.
    assert!(stack.held() <= 2 * WORST, "the host holds {} fragments of one source", stack.held());
}

/// The worst that all strangers together can do within one hold, which leaves two known sources their worst.
#[test]
fn strangers_leave_known_sources_their_room() {
    let mut env = environment();
    env.sources = (0..4).map(|_| SourceSet::default()).collect();
    let mut stack = Stack::default();
    // All at once, and again what has leaked away meanwhile.
    for moment in 0..60 {
        env.now = Tick(moment * 999);
        for network in 0..=255 {
            for n in 0..127 {
                let packet = Packet { network, ..piece(moment, 8 + 8 * n, true) };
                if judge(&packet.frame()[..], &env).judgement.verdict() == Verdict::Pass {
                    stack.receive(&packet);
                }
            }
        }
    }
    let room = HOST - 2 * 2 * SOURCE as usize;
    assert!(
        stack.held() <= room,
        "the host holds {} fragments of strangers, {room} were theirs",
        stack.held()
    );
}

/// Two IP versions have two holds, and one source table.
#[test]
fn a_known_source_with_much_outstanding_gives_way_to_none_of_the_other_ip_version() {
    let [four, six] = [Limits::new(30_000, 8, 20), Limits::new(60_000, 8, 20)];
    let source = |n: u64| Source((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (set, pool) = (SourceSet::default(), Pool::default());
    let charge = |n: u64, limits: &Limits, now: u32| {
        let charge = set.ask(source(n), 1, Tick(now), *limits, || Some(&pool));
        charge.map(|charge| charge.make(*limits, || Some(&pool))).is_some()
    };
    let know = |n: u64, limits: &Limits, now: u32| {
        assert!(charge(n, limits, now));
        set.refund(source(n), 1, Tick(now), limits, || Some(&pool));
    };
    for n in 1..=4 {
        know(n, &six, 5000);
    }
    while charge(1, &six, 5000) {}
    // Three others are silent, and one of them would do.
    know(5, &four, 5001);
    assert!(!charge(1, &six, 5001), "its debt is forgotten, and it's a stranger again");
}

/// The host holds such a datagram's other fragments for nothing, and no other datagram finds room meanwhile.
#[test]
fn what_is_behind_a_refused_first_fragment_takes_no_room() {
    let mut env = environment();
    env.limits = Limits::new(60_000, 4, 100);
    let passes =
        |packet: Packet, env: &Native| judge(&packet.frame()[..], env).judgement.verdict() == Verdict::Pass;
    for id in 0..4 {
        assert!(passes(first(id, 64), &env));
    }
    assert!(!passes(first(10, 64), &env));
    env.now = Tick(15_001);
    assert!(!passes(piece(10, 64, false), &env), "it can't be reassembled any more");
}
