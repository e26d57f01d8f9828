//! One ruleset, and packets for it.

use std::collections::BTreeSet;

use firewall_common::{
    fragment::identity::HashKey,
    rules::{Action, Decision, Slot},
    verdict::{Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::{INTERFACE, Kernel, Setup},
    native::Native,
    packet::random::Random,
    ruleset::{Crowd, Probe, Shape, packet, rules},
};
use fragwall::ruleset::meaning::first_match;

use crate::difference::{Difference, report};

/// Where the packets come in that the kernel isn't asked about: its test runs all come in on `lo`.
const ELSEWHERE: usize = 10;

/// A ruleset, and packets for it.
#[derive(Debug)]
pub struct Session {
    pub seed: u64,
    pub setup: Setup,
    pub probes: Vec<Probe>,
}

/// Who looks the rules up.
#[derive(Debug)]
pub struct Engines {
    native: Native,
    kernel: Option<Kernel>,
}

impl Session {
    /// With so many random rules, and packets.
    pub fn new(seed: u64, size: usize, default: Action, packets: usize) -> Self {
        let mut random = Random::new(seed);
        let crowd = Crowd::new(&mut random, size);
        let rules = rules(&mut random, &crowd, size);
        let mut probes = Vec::with_capacity(packets);
        for n in 0..packets {
            let interface = if random.chance(ELSEWHERE) { "eth1" } else { "lo" };
            let packet = packet(&mut random, &crowd, &rules, interface);
            let shape = Shape::pick(&mut random, &packet, &Shape::ALL);
            probes.push(Probe { packet, shape, id: n as u16, payload: 20 });
        }
        let hash_key = HashKey(std::array::from_fn(|_| random.bits()));
        let setup = Setup { hash_key: Some(hash_key), ..Setup::of(rules).default(default).table(1 << 14) };
        Self { seed, setup, probes }
    }

    /// Has all of its packets judged.
    pub fn run(&self, with_kernel: bool) {
        let mut engines = Engines::new(&self.setup, with_kernel);
        let mut met = BTreeSet::new();
        for probe in &self.probes {
            if let Some(difference) = engines.difference(&self.setup, probe) {
                panic!("{}", report(self, probe, &difference));
            }
            met.insert(first_match(&self.setup.rules, &probe.packet));
        }
        // Packets that all meet the first rules would prove little.
        let size = self.setup.rules.len();
        let last = met.iter().flatten().max().map_or(0, |last| last + 1);
        let is_enough = met.len() >= (size / 4).min(300) && last >= size / 2;
        assert!(
            is_enough || size < 16,
            "seed {}: {} of {size} rules are met, the last is {last}",
            self.seed,
            met.len()
        );
    }
}

impl Engines {
    /// Those for a setup, with or without the kernel.
    pub fn new(setup: &Setup, with_kernel: bool) -> Self {
        let load = || setup.load().unwrap_or_else(|error| panic!("{error:#}"));
        let native = Native::new(setup).unwrap_or_else(|error| panic!("{error:#}"));
        Self { native, kernel: with_kernel.then(load) }
    }

    /// Where one of them finds something else than the rules say.
    pub fn difference(&mut self, setup: &Setup, probe: &Probe) -> Option<Difference> {
        let index = setup.host().interfaces[&probe.packet.interface];
        self.native.arrive_on(index);
        for (place, frame) in probe.frames().iter().enumerate() {
            let expected = expected(setup, probe, place > 0);
            let Engines { native, kernel } = self;
            let judged = native.judge(frame);
            let found = (judged.verdict, judged.reason, judged.slot);
            if found != expected {
                return Some(Difference { by_kernel: false, place, expected, found });
            }
            let Some(kernel) = kernel.as_mut().filter(|_| index == INTERFACE) else { continue };
            let judged = kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}"));
            let found = (judged.verdict, judged.reason, judged.slot);
            if found != expected {
                return Some(Difference { by_kernel: true, place, expected, found });
            }
        }
        None
    }
}

/// What a frame must be judged.
pub type Expected = (Verdict, Reason, Slot);

/// What the rules say, tried one by one.
fn expected(setup: &Setup, probe: &Probe, is_trailing: bool) -> Expected {
    let (decision, reason) = match first_match(&setup.rules, &probe.packet) {
        Some(n) => {
            let slot = Slot::rule(n).expect("there aren't more rules than slots");
            (Decision::new(setup.rules[n].action, slot), Reason::Rule)
        }
        None => (Decision::default_of(setup.default), Reason::Default),
    };
    let verdict = match (decision.is_allow(), decision.is_reject() && !is_trailing) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Reject,
        (false, false) => Verdict::Drop,
    };
    (verdict, if is_trailing { Reason::Inherited } else { reason }, decision.slot())
}
