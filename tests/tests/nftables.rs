//! nftables as the oracle: random rulesets are rendered as its rules, at the ingress hook of an interface, and random packets
//! come in there. Each of its rules must count the very packets that Fragwall's rule of the same number matches.
//!
//! Frames of one ruleset differ in length, so that a counter's bytes tell which packets it has counted, not only how many.
//!
//! The packets are such as both see alike. What they don't, by design:
//!
//! - A trailing fragment has no ports for nftables; Fragwall's inherits the verdict of its first one.
//! - What Fragwall drops as malformed (neighbour discovery behind a Fragment header, say), and the ICMP that it passes whatever the rules say, never meets its rules.
//! - nftables' `icmp type` and `icmpv6 type` are about one IP version each; Fragwall's `icmp` is protocol 1 of whatever version, as
//!   nftables' `meta l4proto icmp`. The types are rendered as bytes of the header.
//! - `reject` is rendered as `drop`: there's no `reject` at the ingress hook of an interface.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use firewall_common::{fragment::identity::HashKey, record::Count, rules::Action};
use firewall_tests::harness::{
    hex,
    kernel::{Judged, Kernel, Setup},
    minimise::minimise,
    native::Native,
    netns::{End, Netns, veth},
    nft::Nft,
    packet::{Ether, Internet, ip6, random::Random},
    raw::RawSender,
    requirements,
    ruleset::{Crowd, Probe, Shape, packet, rules},
};
use fragwall::ruleset::{Match, Names, Rule};

/// How many rules there are, how many rulesets of that size, and whether the kernel's program judges the packets: to load it
/// takes longer than all else.
const ROUNDS: [(usize, usize, bool); 8] = [
    (1, 8, false),
    (3, 8, false),
    (16, 8, false),
    (16, 1, true),
    (64, 4, false),
    (65, 4, false),
    (256, 2, true),
    (1000, 1, true),
];
/// Packets that each ruleset judges.
const PACKETS: usize = 1000;
/// How many frames are sent before they're waited for: fewer than a queue holds.
const BATCH: usize = 200;
/// Far longer than frames take; only lost ones are waited for as long.
const LOST: Duration = Duration::from_secs(10);
/// The interface in the namespace of nftables.
const INTERFACE: &str = "eth0";
/// The Ethernet address that frames come from.
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// What comes before the IP packet in a frame, in bytes: the counters of nftables leave it out.
const ETHERNET: u64 = 14;

/// An interface with nftables' rules, and a neighbour that sends to it.
struct Peer<'a> {
    nft: Nft<'a>,
    sender: RawSender,
}

/// Runs a check on a new one.
fn with_peer(check: impl FnOnce(&mut Peer<'_>)) {
    requirements::require(&["ip", "nft"]).unwrap_or_else(|error| panic!("{error:#}"));
    let [filtered, neighbour] = ["nft", "sender"].map(|label| Netns::new(label).unwrap());
    let end = |netns| End { netns, interface: INTERFACE, receive_queues: 1, addresses: &[] };
    veth(&end(&filtered), &end(&neighbour), 1500).unwrap();
    let nft = Nft::new(&filtered, INTERFACE).unwrap();
    let sender = RawSender::new(&neighbour, INTERFACE).unwrap();
    check(&mut Peer { nft, sender });
}

impl Peer<'_> {
    fn load(&mut self, rules: &[Rule], default: Action) {
        // What comes in on `lo` in a test run comes in on another interface here.
        let rules: Vec<Rule> = rules.iter().map(|rule| on(rule, "lo", INTERFACE)).collect();
        self.nft.load(&rules, default, SENDER).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// What each rule, and behind them the default, counts of some packets.
    fn count(&self, probes: &[Probe]) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        for batch in probes.chunks(BATCH) {
            for frame in batch.iter().flat_map(Probe::frames) {
                self.sender.send(&frame).unwrap();
            }
            add(&mut counts, self.arrived(batch.len() as u64));
        }
        counts
    }

    /// What they count of so many packets that have been sent.
    fn arrived(&self, sent: u64) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        let start = Instant::now();
        loop {
            add(&mut counts, self.nft.take_counts().unwrap_or_else(|error| panic!("{error:#}")));
            let counted: u64 = counts.iter().map(|count| count.packets).sum();
            assert!(counted <= sent, "{counted} packets came in, where {sent} were sent");
            if counted == sent {
                return counts;
            }
            assert!(start.elapsed() < LOST, "{counted} of {sent} packets came in");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn add(counts: &mut Vec<Count>, more: Vec<Count>) {
    counts.resize(more.len(), Count::default());
    counts.iter_mut().zip(more).for_each(|(count, more)| *count = *count + more);
}

/// The rule with one interface's name in place of another's.
fn on(rule: &Rule, name: &str, other: &str) -> Rule {
    let matching = &rule.matching;
    let interface = matching.interface().map(|own| if own == name { other } else { own }.to_owned());
    let (from, to) = (matching.from().cloned(), matching.to().cloned());
    let matching = Match::new(matching.what().clone(), from, to, interface).unwrap();
    Rule { matching, ..rule.clone() }
}

/// Who judges the packets.
enum Fragwall {
    Native(Box<Native>),
    Kernel(Box<Kernel>),
}

impl Fragwall {
    fn new(setup: &Setup, in_kernel: bool) -> Self {
        if in_kernel {
            Self::Kernel(Box::new(setup.load().unwrap_or_else(|error| panic!("{error:#}"))))
        } else {
            Self::Native(Box::new(Native::new(setup).unwrap()))
        }
    }

    fn judge(&mut self, frame: &[u8]) -> Judged {
        match self {
            Self::Native(native) => native.judge(frame),
            Self::Kernel(kernel) => kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}")),
        }
    }

    /// What the counters of nftables must say: those of the rules, and behind them that of the default.
    fn count(&mut self, probes: &[Probe], rules: usize) -> Vec<Count> {
        let mut counts = vec![Count::default(); rules + 1];
        for frame in probes.iter().flat_map(Probe::frames) {
            let count = &mut counts[self.judge(&frame).slot.as_rule().unwrap_or(rules)];
            *count = *count + Count { packets: 1, bytes: frame.len() as u64 - ETHERNET, last: 0 };
        }
        counts
    }
}

/// A packet that nftables sees as Fragwall does, as a frame of a length of its own.
fn probe(random: &mut Random, crowd: &Crowd, rules: &[Rule], n: usize) -> Probe {
    let packet = packet(random, crowd, rules, "lo");
    let shape = Shape::pick(random, &packet, &[Shape::Whole, Shape::Dressed, Shape::Atomic]);
    // No shorter than the authentication header that nftables wants to see.
    Probe { packet, shape, id: n as u16, payload: 24 + n }
}

fn agree(peer: &mut Peer<'_>, seed: u64, size: usize, in_kernel: bool) {
    let mut random = Random::new(seed);
    let crowd = Crowd::new(&mut random, size);
    let rules = rules(&mut random, &crowd, size);
    let default = Action::ALL[seed as usize % Action::ALL.len()];
    let probes: Vec<Probe> = (0..PACKETS).map(|n| probe(&mut random, &crowd, &rules, n)).collect();
    let hash_key = Some(HashKey(std::array::from_fn(|_| random.bits())));
    let setup = Setup { hash_key, ..Setup::of(rules).default(default) };

    let mut fragwall = Fragwall::new(&setup, in_kernel);
    peer.load(&setup.rules, default);
    if peer.count(&probes) != fragwall.count(&probes, size) {
        panic!("seed {seed}: {}", report(peer, &setup, &mut fragwall, probes, in_kernel));
    }
}

/// One packet, and the fewest rules.
fn report(
    peer: &mut Peer<'_>,
    setup: &Setup,
    fragwall: &mut Fragwall,
    mut probes: Vec<Probe>,
    in_kernel: bool,
) -> String {
    let size = setup.rules.len();
    while probes.len() > 1 {
        let rest = probes.split_off(probes.len() / 2);
        if peer.count(&probes) == fragwall.count(&probes, size) {
            probes = rest;
        }
    }
    // What the kernel's program says of fewer rules is the oracle's to compare with the native code.
    let mut differ = |rules: &[Rule]| {
        let setup = Setup { rules: rules.to_vec(), ..setup.clone() };
        peer.load(rules, setup.default);
        let (nft, own) = (peer.count(&probes), Fragwall::new(&setup, false).count(&probes, rules.len()));
        (nft != own).then_some((nft, own))
    };
    let few = if in_kernel && differ(&setup.rules).is_none() {
        setup.rules.clone()
    } else {
        minimise(setup.rules.clone(), 200, |rules| differ(rules).and_then(|_| rules.len().checked_sub(1)))
    };
    let place = |counts: &[Count]| counts.iter().position(|count| count.packets > 0);
    let mut text = match differ(&few) {
        Some((nft, own)) => format!("nftables finds rule {:?}, Fragwall {:?}, of", place(&nft), place(&own)),
        None => "the kernel's program alone differs, by".to_owned(),
    };
    few.iter().for_each(|rule| {
        let _ = write!(text, "\n    {rule}");
    });
    let frames: Vec<Vec<u8>> = probes.iter().flat_map(Probe::frames).collect();
    let _ = write!(text, "\n{probes:?}\n{}", hex::lines(frames.iter().map(Vec::as_slice)));
    text
}

#[test]
fn nftables_finds_the_same_rule_for_every_packet() {
    with_peer(|peer| {
        let rounds = ROUNDS
            .into_iter()
            .flat_map(|(size, rounds, in_kernel)| std::iter::repeat_n((size, in_kernel), rounds));
        for (seed, (size, in_kernel)) in (1..).zip(rounds) {
            agree(peer, seed, size, in_kernel);
        }
    });
}

#[test]
fn what_an_authentication_header_protects_is_ah_to_both() {
    let names = Names::parse("", "");
    let rules = ["allow tcp 22", "allow ah"].map(|text| Rule::parse(text, &names).unwrap());
    let frame = Ether::to(ip6("2001:db8::1", "2001:db8::2").auth(1).tcp(9, 22, 2, b"")).frame();
    let hash_key = Some(HashKey(std::array::from_fn(|n| n as u64)));
    let native = Native::new(&Setup { hash_key, ..Setup::of(rules.to_vec()) }).unwrap();
    assert_eq!(native.judge(&frame).slot.as_rule(), Some(1));
    with_peer(|peer| {
        peer.load(&rules, Action::Deny);
        peer.sender.send(&frame).unwrap();
        let packets: Vec<u64> = peer.arrived(1).iter().map(|count| count.packets).collect();
        assert_eq!(packets, [0, 1, 0]);
    });
}
