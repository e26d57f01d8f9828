//! What holds of every sequence of frames, whatever their bytes.

use std::collections::HashMap;

use firewall_common::{
    fragment::{Class, budget::Limits},
    judge::{Outcome, judge},
    packet::{ethernet, ipv4, ipv6},
    rules::{Action, Decision, Slot},
    verdict::{CELLS, Judgement, Reason, Verdict},
};

use super::environment::Native;

/// Judges the frames in `input` one after the other: a byte of policies, then frames, each behind two bytes of length in
/// big-endian order.
///
/// # Panics
/// If the judge does, or if a verdict breaks what holds of every one.
pub(crate) fn judge_frames(input: &[u8]) {
    let Some((&policies, mut rest)) = input.split_first() else {
        return;
    };
    let action = |bit: u8| {
        if policies & bit != 0 { Action::Allow } else { Action::Deny }
    };
    let mut env = Native::new(action(1), action(2));
    if policies & 4 != 0 {
        env.limits = Limits::new(64, 3, 5);
    }
    let rule = |n: usize, action: Action| Decision::new(action, Slot::rule(n).expect("a small number"));
    env.ports =
        vec![(500, rule(0, Action::Allow)), (4500, rule(1, Action::Allow)), (53, rule(2, Action::Deny))];
    env.protocols = vec![(50, rule(3, Action::Allow)), (47, rule(4, Action::Deny))];

    let mut firsts = HashMap::new();
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (frame, behind) = behind.split_at(length);
        rest = behind;
        env.now.0 = env.now.0.wrapping_add(1);
        let judgement = check(frame, &env, &mut firsts);
        assert!((judgement.cell() as usize) < CELLS, "{judgement:?} has no counter");
        assert!(judgement.reason().verdicts().contains(&judgement.verdict()), "{judgement:?}");
    }
}

/// Judges one frame; `firsts` holds what the newest first fragment of each datagram got.
fn check(frame: &[u8], env: &Native, firsts: &mut HashMap<Vec<u8>, Judgement>) -> Judgement {
    let Outcome { judgement, fragment, .. } = judge(frame, env);
    let passed = judgement.verdict() == Verdict::Pass;
    match (judgement.reason(), fragment.class) {
        (Reason::Inherited, Class::Trailing) => {
            let first = firsts.get(&datagram(frame, fragment.id)).expect("there was a first fragment");
            assert_eq!((first.verdict(), inherited(first)), (judgement.verdict(), judgement.slot()));
        }
        (Reason::Early, Class::Trailing) => assert_eq!(passed, env.early == Action::Allow),
        (Reason::FragmentBudget, class) => {
            assert!(!passed && matches!(class, Class::First | Class::Trailing), "{class:?}");
        }
        (reason, Class::Trailing) => assert!(!passed, "a trailing fragment passed: {reason:?}"),
        (reason @ (Reason::NotIp | Reason::Arp | Reason::Default), Class::Other) => {
            assert_eq!(passed, reason != Reason::Default || env.default == Action::Allow);
        }
        (reason, Class::Other) => assert!(!passed, "a malformed frame passed: {reason:?}"),
        (reason, Class::First) => {
            assert!(
                passed || is_decided(reason) || reason == Reason::FragmentNeighbourDiscovery,
                "{reason:?}"
            );
            if passed || is_decided(reason) {
                firsts.insert(datagram(frame, fragment.id), judgement);
            }
        }
        (reason, _) => assert!(passed || is_decided(reason) || reason == Reason::FragmentNeighbourDiscovery),
    }
    judgement
}

fn is_decided(reason: Reason) -> bool {
    matches!(reason, Reason::Rule | Reason::Default | Reason::LateDenial)
}

/// What the trailing fragments of this first one are credited to.
fn inherited(first: &Judgement) -> Slot {
    if is_decided(first.reason()) { first.slot() } else { Slot::ESSENTIAL }
}

/// The bytes that fragments of one datagram have in common; VLANs count for link-local and multicast destinations only.
fn datagram(frame: &[u8], id: u32) -> Vec<u8> {
    let ethernet = ethernet::parse(frame).expect("an IP packet has a link header");
    let ip = &frame[ethernet.payload..];
    let mut key = id.to_be_bytes().to_vec();
    if ethernet.ethertype == ethernet::IPV4 {
        key.extend(&ip[ipv4::HEADER - 8..ipv4::HEADER]);
        key.push(ip[9]);
    } else {
        key.extend(&ip[ipv6::HEADER - 32..ipv6::HEADER]);
        if ip[24] == 0xff || (ip[24] == 0xfe && ip[25] & 0xc0 == 0x80) {
            key.extend(ethernet.vlans.to_be_bytes());
        }
    }
    key
}
