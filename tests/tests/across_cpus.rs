//! The fragments of a datagram arrive on different CPUs at once, as where a NIC spreads packets over its queues by their
//! ports, which trailing fragments don't have.
//!
//! One CPU generates first fragments and another the trailing ones of the same datagrams, a million of them, half of them
//! denied; neither may get far ahead of the other, so that each comes first again and again. Trailing fragments of allowed
//! and of denied datagrams differ in length, so that the bytes in a counter tell how many it has of each.

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

use firewall_common::{
    record::Count,
    rules::Slot,
    stance::Stance,
    verdict::{Cell, Reason, Verdict},
};
use firewall_tests::harness::{
    bpffs::Bpffs,
    cpu,
    kernel::{Kernel, Setup},
    packet::{Ether, Internet, Payload, ip4, ip6, pattern},
};
use fragwall::{
    kernel::{
        document::Document,
        generator::{Generator, Ids, Pace, Plan, Side, Target},
        instance::Instance,
    },
    ruleset::{Config, Names, Rule, compile::Host},
};

/// `XDP_PASS`.
const PASS: u32 = 2;

/// By how many datagrams of each kind the CPU of the first fragments may be ahead of the other, and that one of it: in
/// step, so that both have the same datagram in hand; the trailing ones right behind, in the lead, and as it happens. No more
/// are under way than one source may have, with the kernel's own settings.
const LEADS: [[u64; 2]; 4] = [[1, 1], [32, 0], [1, 32], [32, 32]];
/// How many datagrams are allowed, and how many are denied, for each of these.
const ROUNDS: u64 = 300_000;
/// How many they are in all.
const DATAGRAMS: u64 = ROUNDS * LEADS.len() as u64;
/// How often a generator is run in one go: some tenths of a second, since the kernel takes some hundredths to begin.
const RUNS: u32 = 1_000_000;
/// More goes than that would mean that the two don't meet: each go of both takes them forward.
const MAX_GOES: u32 = 10_000;

const ALLOWED: Flow = Flow { source_v6: "2001:db8:a::1", source_v4: "198.18.0.1", port: 4500, trailing: 304 };
const DENIED: Flow = Flow { source_v6: "2001:db8:d::1", source_v4: "198.19.0.1", port: 53, trailing: 200 };
/// How many sources each kind of datagrams comes from: all that these bits make.
const SOURCES: u32 = 0xfff;
/// Where the first fragment ends.
const FIRST: usize = 504;

/// Each test wants both CPUs for itself.
static ALONE: Mutex<()> = Mutex::new(());

/// Datagrams of one fate.
struct Flow {
    source_v6: &'static str,
    source_v4: &'static str,
    port: u16,
    /// What their trailing fragment holds, in bytes.
    trailing: usize,
}

impl Flow {
    /// A first and a trailing fragment.
    fn v6(&self) -> [Vec<u8>; 2] {
        let datagram = ip6(self.source_v6, "2001:db8::2").udp(4500, self.port, &self.payload());
        frames(datagram.fragments(0, &[FIRST]))
    }

    fn v4(&self) -> [Vec<u8>; 2] {
        let datagram = ip4(self.source_v4, "192.0.2.2").udp(4500, self.port, &self.payload());
        frames(datagram.fragments(0, &[FIRST]))
    }

    fn payload(&self) -> Vec<u8> {
        pattern(FIRST + self.trailing - 8)
    }
}

fn frames<P: Payload>(fragments: Vec<P>) -> [Vec<u8>; 2] {
    let frames: Vec<_> = fragments.into_iter().map(|fragment| Ether::to(fragment).frame()).collect();
    frames.try_into().expect("one cut makes two fragments")
}

/// The program with what isn't under test out of the way: nothing expires, and the table has room for all that is under way.
fn load() -> Kernel {
    let setup = Setup::rules(&["allow udp 4500", "deny udp 53"]).table(1 << 18);
    setup.load().unwrap_or_else(|error| panic!("{error:#}"))
}

/// Runs a generator to its plan's end.
fn exhaust(mut generator: Generator, cpu: usize, start: &Barrier) {
    cpu::pin(cpu).unwrap();
    start.wait();
    for _ in 0..MAX_GOES {
        generator.run(RUNS).unwrap();
        if generator.rounds().unwrap() == ROUNDS {
            return;
        }
    }
    panic!("CPU {cpu} made {} of {ROUNDS} rounds", generator.rounds().unwrap());
}

/// Generates the first fragments of flows on one CPU and the trailing ones on another.
fn race(instance: &mut Instance, flows: &[&[Vec<u8>; 2]], sources: u32, leads: [u64; 2]) {
    let cpus = cpu::two().unwrap_or_else(|error| panic!("{error:#}"));
    let bpffs = Bpffs::new().unwrap();
    let pin = bpffs.path().join("pace");
    // Other leads, other datagrams.
    let seed = leads[0] << 32 | leads[1];
    let generators = [Side::One, Side::Other].map(|side| {
        let frames: Vec<_> = flows.iter().map(|flow| flow[side as usize].clone()).collect();
        let plan = Plan { frames: &frames, ids: Ids::Counted, sources, seed, rounds: Some(ROUNDS) };
        let pace = Pace { pin: &pin, side, lead: leads[side as usize] };
        Generator::load(&plan, Target::Program(instance), Some(pace))
            .unwrap_or_else(|error| panic!("{error:#}"))
    });
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for (generator, cpu) in generators.into_iter().zip(cpus) {
            let start = &start;
            scope.spawn(move || exhaust(generator, cpu, start));
        }
    });
}

/// How many frames of two lengths a counter holds.
fn split(count: Count, lengths: [u64; 2]) -> [u64; 2] {
    let Count { packets, bytes, last: _ } = count;
    let [long, short] = lengths;
    let longs = (bytes - packets * short) / (long - short);
    assert_eq!(longs * long + (packets - longs) * short, bytes, "{count:?} holds other lengths");
    [longs, packets - longs]
}

fn nothing_is_lost_or_mistaken(flows: [&[Vec<u8>; 2]; 2]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kernel = load();
    for leads in LEADS {
        race(kernel.shipped(), &flows, SOURCES, leads);
    }

    let [allow, deny] = [0, 1].map(|n| Slot::rule(n).unwrap());
    let count = |cell| kernel.count(cell).unwrap();
    let accepted = count(Cell::Direct(allow, Verdict::Pass)).packets;
    let denied = count(Cell::Direct(deny, Verdict::Drop)).packets;
    let late = count(Cell::Late(deny)).packets;
    assert_eq!([accepted, denied + late], [DATAGRAMS; 2], "first fragments, {late} of them denied late");

    let lengths = flows.map(|flow| flow[1].len() as u64);
    let trailing = |cell| split(count(cell), lengths);
    let [known_allowed, mistaken_for_allowed] = trailing(Cell::Inherited(allow, Verdict::Pass));
    let [mistaken_for_denied, known_denied] = trailing(Cell::Inherited(deny, Verdict::Drop));
    let [early_allowed, early_denied] = trailing(Cell::Reason(Reason::Early, Verdict::Pass));
    println!(
        "of {DATAGRAMS} trailing fragments each, {known_allowed} allowed and {known_denied} denied ones came after their \
         first fragment, {early_allowed} and {early_denied} before it"
    );
    assert_eq!(mistaken_for_allowed, 0, "trailing fragments of denied datagrams that inherited a pass");
    assert_eq!(mistaken_for_denied, 0, "trailing fragments of allowed datagrams that inherited a drop");
    assert_eq!(
        known_allowed + early_allowed,
        DATAGRAMS,
        "trailing fragments of allowed datagrams that passed"
    );
    assert_eq!(known_denied + early_denied, DATAGRAMS, "trailing fragments of denied datagrams");
    // Nothing was judged in any other way.
    assert_eq!(kernel.total().unwrap().packets, 4 * DATAGRAMS);
    // Both orders were put to the test.
    for number in [known_allowed, known_denied, early_allowed, early_denied, late] {
        assert!(number > 0, "the fragments came in one order only");
    }
}

#[test]
fn ipv6_fragments_on_two_cpus_share_their_datagrams_fate() {
    let [allowed, denied] = [ALLOWED.v6(), DENIED.v6()];
    nothing_is_lost_or_mistaken([&allowed, &denied]);
}

#[test]
fn ipv4_fragments_on_two_cpus_share_their_datagrams_fate() {
    let [allowed, denied] = [ALLOWED.v4(), DENIED.v4()];
    nothing_is_lost_or_mistaken([&allowed, &denied]);
}

/// With everything as it's shipped: a source that has been heard of, whose datagrams are complete as soon as they are
/// there, isn't held to have any outstanding, however many it sends.
fn what_is_complete_costs_no_budget(flow: &[Vec<u8>; 2]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let rules = vec![Rule::parse("allow udp 4500", Names::system()).unwrap()];
    let document = Document::new(Config { rules, ..Config::default() }).unwrap();
    let mut instance =
        Instance::of_document(&document, &Host::default()).unwrap_or_else(|error| panic!("{error:#}"));
    for frame in flow {
        assert_eq!(instance.run(frame, 1).unwrap().action, PASS);
    }
    for leads in LEADS {
        race(&mut instance, &[flow], 0, leads);
    }
    let over_budget = instance
        .counters()
        .unwrap()
        .read(Stance::Enforcing, Cell::Reason(Reason::FragmentBudget, Verdict::Drop))
        .unwrap();
    assert_eq!(over_budget.packets, 0, "of {} fragments of complete datagrams", 2 * DATAGRAMS);
}

#[test]
fn complete_ipv6_datagrams_cost_no_budget() {
    what_is_complete_costs_no_budget(&ALLOWED.v6());
}

#[test]
fn complete_ipv4_datagrams_cost_no_budget() {
    what_is_complete_costs_no_budget(&ALLOWED.v4());
}
