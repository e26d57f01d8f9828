//! What the program in the kernel answers to random frames, beside what the same code answers natively.

use std::cell::Cell;

use firewall_common::{
    answer::{self, Answer, Code, Front, Plan, Sender},
    fragment::identity::HashKey,
    packet::{Bytes, Family, Ip, Wire},
    rules::{Action, limit::Rate},
    verdict::Verdict,
};
use firewall_tests::harness::{
    kernel::Setup,
    native::Native,
    packet::{
        checksum::internet,
        random::{Random, sequence},
    },
    requirements,
};
use fragwall::kernel::instance::Instance;

use crate::pair::{ip, rule};

/// A sender without limits, who keeps what he sends.
struct Desk<'a> {
    packet: &'a [u8],
    identification: u16,
    sent: Cell<Option<Vec<u8>>>,
}

impl Sender for Desk<'_> {
    fn admits<B: Bytes + ?Sized>(&self, _: &B, _: &Ip) -> bool {
        true
    }

    fn identification(&self) -> u16 {
        self.identification
    }

    fn send<F: Front, U: Wire>(&self, plan: &Plan<F, U>) -> Option<()> {
        let mut frame = vec![0; plan.grown];
        frame.extend(&self.packet[..plan.kept]);
        plan.write(&mut frame[..])?;
        self.sent.set(Some(frame));
        Some(())
    }
}

/// What is answered natively.
fn native(frame: &[u8], answer: Answer, identification: u16) -> Option<Vec<u8>> {
    let desk = Desk { packet: frame, identification, sent: Cell::new(None) };
    let [v4, v6]: [Code; 2] = answer.codes();
    match answer::family(frame)? {
        Family::V4 => answer::v4(frame, v4, &desk)?,
        Family::V6 => answer::v6(frame, v6, &desk)?,
    }
    desk.sent.take()
}

/// The identification of an IPv4 answer, which is random.
fn identification(frame: &[u8]) -> u16 {
    let ip = ip(frame).expect("an IP packet");
    u16::from_be_bytes([frame[ip + 4], frame[ip + 5]])
}

/// The frame with sound checksums of its IPv4 header, where it has one: without it's answered by nobody.
fn mended(mut frame: Vec<u8>) -> Vec<u8> {
    let Some(at) = ip(&frame) else { return frame };
    let header = usize::from(frame.get(at).copied().unwrap_or(0) & 0xf) * 4;
    if frame[at - 2..at] != [0x08, 0] || header < 20 || frame.len() < at + header {
        return frame;
    }
    frame[at + 10..at + 12].fill(0);
    let sum = internet(&[&frame[at..at + header]]);
    frame[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The program with rules of a setup, and no limit to its answers.
fn load(setup: &Setup, key: HashKey) -> Instance {
    let mut rules = setup.compile().unwrap();
    for rate in [&mut rules.answers.rates.source, &mut rules.answers.rates.total] {
        *rate = Rate { hold: Rate::MAX_HOLD, cost: 1, ..*rate };
    }
    let settings = setup.settings(&rules, key);
    Instance::load(&settings).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_kernels_answers_are_the_native_ones() {
    requirements::require(&[]).unwrap_or_else(|error| panic!("{error:#}"));
    let (mut answered, mut silent) = (0, 0);
    for (seed, answer) in (0..).zip([
        Answer::PortUnreachable,
        Answer::TcpReset,
        Answer::PolicyFail,
        Answer::TcpReset,
        Answer::NetworkProhibited,
    ]) {
        let mut random = Random::new(seed);
        let key = HashKey(std::array::from_fn(|_| random.bits()));
        let default = if answer == Answer::TcpReset { Action::Deny } else { Action::Reject };
        let setup =
            Setup { hash_key: Some(key), ..Setup::rules(&["allow udp 500", &rule(answer)]).default(default) };
        let reference = Native::new(&setup).unwrap();
        let mut kernel = load(&setup, key);
        for number in 0..40 {
            for frame in sequence(&mut random, number, 30) {
                let frame = mended(frame);
                let rejected = reference.judge(&frame);
                let said = kernel.answer(&frame).unwrap_or_else(|error| panic!("{error}"));
                let expected = match rejected.verdict {
                    // A rule says what the default doesn't.
                    Verdict::Reject => {
                        let answer =
                            if rejected.slot.as_rule().is_some() { answer } else { Answer::default() };
                        native(&frame, answer, said.as_deref().map_or(0, identification))
                    }
                    Verdict::Drop | Verdict::Pass => None,
                };
                // The kernel reads no further than the first buffer, which holds less than a page in test runs.
                if said.is_none() && frame.len() > 3000 {
                    continue;
                }
                assert_eq!(said, expected, "{answer:?}, seed {seed}: {frame:02x?}");
                *(if said.is_some() { &mut answered } else { &mut silent }) += 1;
            }
        }
    }
    assert!(answered > 500 && silent > 500, "{answered} answers, and {silent} times none");
}
