//! Two rulesets of a thousand rules replace each other under traffic, again and again. No datagram is lost, none is judged by
//! a mixture of the two, what stays keeps its counter, and nothing is left behind.
//!
//! The rules are such that a mixture shows. Of each of them that may look like a match, one ruleset's asks for the packet's
//! port and another source, and the other ruleset's, in the same place, for the packet's source and another port. Each finds
//! none of these; ports looked up in one and sources in the other would be satisfied in hundreds of places.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use firewall_common::fragment::identity::HashKey;
use firewall_tests::harness::{
    host::{HOST, Host},
    kernel::Setup,
    loaded::Loaded,
    native::Native,
    packet::{Ether, Internet, ip6},
    udp::{pending, receive, socket},
};
use fragwall::ruleset::{Compiled, Names, Rule};

/// How often the ruleset is replaced.
const CHANGES: usize = 200;
/// How many rules each has.
const RULES: usize = 1000;
/// The ports that are always let in, each from a source of its own: by rules at another place in each ruleset.
const STEADY: [u16; 4] = [7000, 7001, 7002, 7003];
/// Let in by the first ruleset alone. The lowest port, so that the two don't number the sets of all others alike.
const CHANGING: u16 = 6999;
/// Never let in.
const CLOSED: [u16; 4] = [7200, 7201, 7202, 7203];
/// Datagrams to the first steady port make three fragments on the link.
const LONG: usize = 3000;
const FRAGMENTS: u64 = 3;
const SHORT: usize = 64;
/// How many rounds of datagrams may be under way, so that no queue overflows where a CPU is late.
const WINDOW: u64 = 16;
/// The pause between two rounds.
const PACE: Duration = Duration::from_micros(300);
/// How many rounds there are at least between two changes.
const SENT_BETWEEN: u64 = 12;
/// Far longer than any datagram takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(20);
/// Changes after which this process has all the memory that it goes on with.
const WARM: usize = 20;
/// By how much it may grow after that, in bytes: less than what half of the rulesets take that are compiled in the meantime.
const GROWTH: u64 = 64 << 20;

/// The address that datagrams to the `n`th steady, or closed, port come from. They share a /64 with nobody else.
fn source(n: usize) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n as u16)
}

/// The rule that lets a steady port in.
fn steady(n: usize) -> String {
    format!("allow udp {} from {}", STEADY[n], source(n))
}

/// A ruleset: the first, or the second.
fn ruleset(is_first: bool) -> Vec<String> {
    let mut rules: Vec<String> = (0..RULES)
        .map(|place| {
            let n = place / 4 % STEADY.len();
            // Denied what is let in, or let in what is denied.
            let (action, port) = if place % 2 == 0 { ("deny", STEADY[n]) } else { ("allow", CLOSED[n]) };
            if (place / 2 % 2 == 0) == is_first {
                format!("{action} udp {port} from 2001:db8:ffff:{place:x}::/64")
            } else {
                format!("{action} udp {} from {}", 20_000 + place, source(n))
            }
        })
        .collect();
    for n in 0..STEADY.len() {
        rules[if is_first { 900 - 10 * n } else { 500 + 10 * n }] = steady(n);
    }
    if is_first {
        rules[700] = format!("allow udp {CHANGING} from {}", source(0));
    }
    rules
}

fn parsed(texts: &[String]) -> Vec<Rule> {
    let names = Names::parse("", "");
    texts.iter().map(|text| Rule::parse(text, &names).unwrap()).collect()
}

/// How far the exchange has got; rounds are numbered from 1, and the datagram to the first steady port is a round's last.
#[derive(Default)]
struct Progress {
    /// The last round of which sending has begun.
    begun: AtomicU64,
    /// The last round whose last datagram was received: all before it have been judged.
    judged: AtomicU64,
    /// Asks the sender to end.
    stop: AtomicBool,
    /// The sender has ended.
    ended: AtomicBool,
}

impl Progress {
    fn wait_for(&self, round: u64) {
        let start = Instant::now();
        while self.judged.load(Ordering::SeqCst) < round {
            assert!(start.elapsed() < LOST, "round {round} is lost");
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Stops the sender also where an assertion fails, since the scope waits for its threads.
struct StopOnDrop<'a>(&'a Progress);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

/// The sockets of the traffic.
struct Sockets {
    senders: Vec<UdpSocket>,
    steady: Vec<UdpSocket>,
    changing: UdpSocket,
    closed: Vec<UdpSocket>,
}

impl Sockets {
    fn new(host: &Host) -> Self {
        let receiver = |&port: &u16| socket(&host.netns, HOST[0], port).unwrap();
        let sender = |n| {
            let address = format!("{}/64", source(n));
            host.neighbour.ip(&["address", "add", &address, "dev", "eth0", "nodad"]).unwrap();
            host.neighbour.enter(|| Ok(UdpSocket::bind(SocketAddr::new(source(n).into(), 0))?)).unwrap()
        };
        Self {
            senders: (0..STEADY.len()).map(sender).collect(),
            steady: STEADY.iter().map(receiver).collect(),
            changing: receiver(&CHANGING),
            closed: CLOSED.iter().map(receiver).collect(),
        }
    }

    /// Sends until it's told to stop; the number of rounds.
    fn send(&self, progress: &Progress) -> u64 {
        let to = |port| SocketAddr::new(HOST[0], port);
        let mut datagram = vec![0x5a; LONG];
        let mut round: u64 = 0;
        while !progress.stop.load(Ordering::SeqCst) {
            thread::sleep(PACE);
            if round - progress.judged.load(Ordering::SeqCst) >= WINDOW {
                continue;
            }
            round += 1;
            datagram[..8].copy_from_slice(&round.to_be_bytes());
            progress.begun.store(round, Ordering::SeqCst);
            let short = &datagram[..SHORT];
            for (sender, closed) in self.senders.iter().zip(CLOSED) {
                sender.send_to(short, to(closed)).unwrap();
            }
            for (sender, steady) in self.senders.iter().zip(STEADY).skip(1) {
                sender.send_to(short, to(steady)).unwrap();
            }
            self.senders[0].send_to(short, to(CHANGING)).unwrap();
            self.senders[0].send_to(&datagram, to(STEADY[0])).unwrap();
        }
        progress.ended.store(true, Ordering::SeqCst);
        round
    }

    /// Receives at the steady ports, where every round must come, in order; the rounds that came to the changing port.
    fn receive(&self, progress: &Progress) -> BTreeSet<u64> {
        let mut arrived = BTreeSet::new();
        let mut expected = 1;
        while !progress.ended.load(Ordering::SeqCst) || expected <= progress.begun.load(Ordering::SeqCst) {
            let ended = progress.ended.load(Ordering::SeqCst);
            let Some(datagram) = receive(&self.steady[0], Duration::from_millis(500)).unwrap() else {
                // Nothing is under way any more: what is missing is lost, as the progress tells.
                if ended {
                    break;
                }
                continue;
            };
            assert_eq!((number_of(&datagram), datagram.len()), (expected, LONG), "lost or out of order");
            // The others of the round were sent before, so they're there now if they were let through.
            for steady in &self.steady[1..] {
                let datagram = receive(steady, LOST).unwrap();
                assert_eq!(datagram.map(|datagram| number_of(&datagram)), Some(expected), "{steady:?}");
            }
            arrived.extend(pending(&self.changing).unwrap().iter().map(|datagram| number_of(datagram)));
            progress.judged.store(expected, Ordering::SeqCst);
            expected += 1;
        }
        arrived
    }
}

fn number_of(datagram: &[u8]) -> u64 {
    u64::from_be_bytes(datagram[..8].try_into().unwrap())
}

/// Rounds that must have one fate: those begun after a change was done, and judged before the next one started.
struct Phase {
    is_first: bool,
    rounds: std::ops::RangeInclusive<u64>,
}

/// What this process holds: resident memory in bytes, and descriptors.
fn held() -> (u64, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096, fs::read_dir("/proc/self/fd").unwrap().count())
}

/// What is pinned.
fn loaded(bpffs: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.note(bpffs).unwrap();
    loaded
}

/// Whether some datagram that both rulesets let in, or that both deny, is judged otherwise.
fn shows(rules: Compiled) -> bool {
    let setup = Setup { hash_key: Some(HashKey(std::array::from_fn(|n| n as u64))), ..Setup::rules(&[]) };
    let native = Native::of(&setup, rules).unwrap();
    let passes = |n, port| {
        let packet = ip6(&source(n).to_string(), &HOST[0].to_string()).udp(9, port, b"");
        native.judge(&Ether::to(packet).frame()).passes()
    };
    (0..STEADY.len()).any(|n| !passes(n, STEADY[n]) || passes(n, CLOSED[n]))
}

#[test]
fn a_mixture_of_the_two_rulesets_would_show() {
    let [one, other] = [true, false].map(|is_first| {
        let rules = Setup::of(parsed(&ruleset(is_first))).compile().unwrap();
        assert!(!shows(rules.clone()));
        rules
    });
    for (mine, others) in [(&one, &other), (&other, &one)] {
        let (mine, others) = (|| mine.clone(), || others.clone());
        let mixtures = [
            Compiled { protocols: others().protocols, ports: others().ports, ..mine() },
            Compiled { roots: others().roots, nodes: others().nodes, branches: others().branches, ..mine() },
            Compiled { words: others().words, ..mine() },
            Compiled { consequences: others().consequences, ..mine() },
        ];
        for (n, mixture) in mixtures.into_iter().enumerate() {
            assert!(shows(mixture), "mixture {n}");
        }
    }
}

#[test]
fn two_thousand_rules_replace_each_other_under_traffic() {
    let host = Host::new("replace").unwrap();
    let sockets = Sockets::new(&host);
    let rulesets = [true, false].map(|is_first| parsed(&ruleset(is_first)));
    let replace = |is_first: bool| {
        let rules = rulesets[usize::from(!is_first)].clone();
        // As each command would, by itself.
        host.replace_rules(rules).unwrap();
    };
    host.ok(&["attach", "eth0"]).unwrap();
    replace(true);

    let progress = Progress::default();
    let mut phases = Vec::new();
    let mut seen = Loaded::default();
    let (mut warm, mut pinned) = ((0, 0), Loaded::default());
    let (sent, arrived) = thread::scope(|scope| {
        let stop = StopOnDrop(&progress);
        let sending = scope.spawn(|| sockets.send(&progress));
        let receiving = scope.spawn(|| sockets.receive(&progress));
        progress.wait_for(SENT_BETWEEN);
        for change in 1..=CHANGES {
            let is_first = change % 2 == 0;
            replace(is_first);
            let first = progress.begun.load(Ordering::SeqCst) + 1;
            seen.note(host.bpffs.path()).unwrap();
            progress.wait_for(first + SENT_BETWEEN);
            let last = progress.judged.load(Ordering::SeqCst);
            phases.push(Phase { is_first, rounds: first..=last });
            if change == WARM {
                (warm, pinned) = (held(), loaded(host.bpffs.path()));
            }
        }
        drop(stop);
        let sent = sending.join().unwrap();
        (sent, receiving.join().unwrap())
    });

    let received = progress.judged.load(Ordering::SeqCst);
    assert_eq!(received, sent, "rounds");
    for closed in &sockets.closed {
        assert_eq!(pending(closed).unwrap().len(), 0, "datagrams to {closed:?}");
    }
    for (change, Phase { is_first, rounds }) in phases.iter().enumerate() {
        for round in rounds.clone() {
            assert_eq!(
                arrived.contains(&round),
                *is_first,
                "round {round} of {rounds:?}, after change {change}"
            );
        }
    }

    // The rules that were in force throughout have counted throughout, and of the others none has matched.
    let statistics = host.fragwall().json(&["stats"]).unwrap();
    for n in 0..STEADY.len() {
        let rules = statistics["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["rule"] == steady(n)).unwrap();
        let fragments = if n == 0 { FRAGMENTS } else { 1 };
        assert_eq!(rule["packets"], fragments * sent, "{rule}");
    }
    let by = |verdict| {
        let reasons = statistics["reasons"].as_array().unwrap();
        let reason = reasons.iter().find(|of| of["reason"] == "rule" && of["verdict"] == verdict);
        reason.map_or(0, |reason| reason["packets"].as_u64().unwrap())
    };
    assert_eq!(by("drop"), 0, "{}", statistics["reasons"]);
    assert_eq!(by("pass"), STEADY.len() as u64 * sent + arrived.len() as u64, "{}", statistics["reasons"]);

    // Nothing is left of the rulesets before.
    let last = loaded(host.bpffs.path());
    assert_eq!((last.programs(), last.maps()), (pinned.programs(), pinned.maps()));
    assert!(seen.programs() >= CHANGES, "{} programs", seen.programs());
    seen.without(&last).wait_until_freed().unwrap();
    let (memory, descriptors) = held();
    assert_eq!(descriptors, warm.1, "descriptors");
    assert!(memory < warm.0 + GROWTH, "{memory} bytes are resident, after {} bytes", warm.0);
}
