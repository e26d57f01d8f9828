//! Safe and whole, in miniature: every sequence of up to four fragments of two datagrams, judged, and what passes put
//! together again.
//!
//! - Safe: no datagram completes whose bytes ask for a denied port, however the receiver treats overlaps.
//! - Whole: what completes without the firewall, and is allowed, completes behind it.

use firewall_common::{
    fragment::table::Set,
    judge::judge,
    packet::Family,
    rules::{Action, Decision, Slot},
    verdict::Verdict,
};

use crate::support::{
    environment::Native,
    frame::{Packet, udp},
    reassembly::{Datagram, Overlap},
};

const ALLOWED: u16 = 4500;
const DENIED: u16 = 53;
const LONGEST: usize = 4;

/// A fragment that may be sent.
struct Letter {
    datagram: usize,
    offset: u16,
    more: bool,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

impl Letter {
    fn new(family: Family, datagram: usize, offset: u16, more: bool, payload: Vec<u8>) -> Self {
        let frame = Packet::new(family, 17, payload.clone()).at(1 + datagram as u32, offset, more).frame();
        Self { datagram, offset, more, payload, frame }
    }

    /// Whether it isn't part of a larger datagram at all.
    fn is_whole(&self) -> bool {
        self.offset == 0 && !self.more
    }

    fn begins_denied(&self) -> bool {
        self.offset == 0 && self.payload == udp(DENIED, self.payload.len() - 8)
    }
}

fn alphabet(family: Family) -> Vec<Letter> {
    let mut letters = Vec::new();
    for datagram in 0..2 {
        for port in [ALLOWED, DENIED] {
            for (length, more) in [(8, true), (16, true), (16, false)] {
                letters.push(Letter::new(family, datagram, 0, more, udp(port, length - 8)));
            }
        }
        // Payload that reads as a denied port, wherever it comes to lie.
        for offset in [8, 16] {
            for more in [true, false] {
                letters.push(Letter::new(family, datagram, offset, more, udp(DENIED, 0)));
            }
        }
    }
    letters
}

/// What completes of one datagram's fragments.
fn complete<'a>(letters: impl Iterator<Item = &'a Letter>, overlap: Overlap) -> Option<Vec<u8>> {
    let mut datagram = Datagram::new(overlap);
    for letter in letters.filter(|letter| !letter.is_whole()) {
        datagram.add(usize::from(letter.offset), letter.more, &letter.payload);
    }
    datagram.complete()
}

/// Judges a sequence, and checks both promises; says how many datagrams completed.
fn send(sequence: &[&Letter], env: &mut Native) -> usize {
    env.sets.fill_with(Set::default);
    let passed: Vec<bool> = sequence
        .iter()
        .map(|letter| judge(&letter.frame[..], env).judgement.verdict() == Verdict::Pass)
        .collect();
    let mut completed = 0;
    for datagram in 0..2 {
        let offered = || sequence.iter().copied().filter(move |letter| letter.datagram == datagram);
        let arrived = || {
            let pairs = sequence.iter().copied().zip(&passed);
            pairs
                .filter(move |(letter, passed)| letter.datagram == datagram && **passed)
                .map(|(letter, _)| letter)
        };
        for overlap in [Overlap::Discard, Overlap::FirstWins, Overlap::LastWins] {
            if let Some(bytes) = complete(arrived(), overlap) {
                assert_eq!(bytes[2..4], ALLOWED.to_be_bytes(), "{overlap:?}: {}", spell(sequence));
            }
        }
        for letter in arrived().filter(|letter| letter.is_whole()) {
            assert!(!letter.begins_denied(), "{}", spell(sequence));
        }
        if env.early == Action::Allow
            && !offered().any(Letter::begins_denied)
            && let Some(bytes) = complete(offered(), Overlap::Discard)
        {
            assert_eq!(complete(arrived(), Overlap::Discard), Some(bytes), "{}", spell(sequence));
            completed += 1;
        }
    }
    completed
}

fn spell(sequence: &[&Letter]) -> String {
    let word = |letter: &&Letter| {
        let end = usize::from(letter.offset) + letter.payload.len();
        let denied = if letter.begins_denied() { " denied" } else { "" };
        let more = if letter.more { "…" } else { "" };
        format!("[{}: {}-{end}{more}{denied}]", letter.datagram, letter.offset)
    };
    sequence.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Sends every sequence that begins with `sequence`.
fn send_all<'a>(alphabet: &'a [Letter], sequence: &mut Vec<&'a Letter>, env: &mut Native) -> usize {
    let mut completed = send(sequence, env);
    if sequence.len() < LONGEST {
        for letter in alphabet {
            sequence.push(letter);
            completed += send_all(alphabet, sequence, env);
            sequence.pop();
        }
    }
    completed
}

fn environment(early: Action) -> Native {
    let mut env = Native::new(Action::Deny, early);
    env.ports = vec![(ALLOWED, Decision::new(Action::Allow, Slot::rule(0).expect("a small number")))];
    env
}

#[test]
fn are_kept_by_ipv4() {
    let completed = send_all(&alphabet(Family::V4), &mut Vec::new(), &mut environment(Action::Allow));
    assert!(completed > 1000, "{completed} datagrams completed");
}

#[test]
fn are_kept_by_ipv6() {
    let completed = send_all(&alphabet(Family::V6), &mut Vec::new(), &mut environment(Action::Allow));
    assert!(completed > 1000, "{completed} datagrams completed");
}

#[test]
fn the_strict_policy_is_safe_too() {
    for family in [Family::V4, Family::V6] {
        send_all(&alphabet(family), &mut Vec::new(), &mut environment(Action::Deny));
    }
}

/// In order, nothing is lost to the strict policy.
#[test]
fn in_order_a_datagram_completes_under_the_strict_policy() {
    for family in [Family::V4, Family::V6] {
        let pieces = [
            Letter::new(family, 0, 0, true, udp(ALLOWED, 0)),
            Letter::new(family, 0, 8, true, vec![0; 8]),
            Letter::new(family, 0, 16, false, vec![0; 3]),
        ];
        let env = environment(Action::Deny);
        for piece in &pieces {
            assert_eq!(judge(&piece.frame[..], &env).judgement.verdict(), Verdict::Pass);
        }
    }
}
