//! Rules that match so many packets and then let the next ones be tried, natively and in the kernel.
//!
//! Time stands still natively; in the kernel nothing refills either within a test, at a packet an hour.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use firewall_common::{
    fragment::identity::HashKey,
    rules::{Action, MAX_RULES, select::MAX_TRIES},
    verdict::Verdict,
};
use firewall_tests::harness::{
    host::{HOST, Host},
    kernel::Setup,
    native::Native,
    packet::{Ether, Internet, ip4, ip6, random::Random},
    ruleset::{Crowd, Probe, Shape, packet, rules},
    udp::{pending, receive, socket},
};
use fragwall::ruleset::{Limit, Names, Rule, limit::Unit, meaning::Packet};

/// Far longer than any datagram takes.
const LONG_ENOUGH: Duration = Duration::from_secs(20);

/// The rule of a text, with a limit.
fn limited(text: &str, burst: u32, per_source: bool) -> Rule {
    let limit = Limit { packets: 1, per: Unit::Hour, burst, per_source };
    Rule { limit: Some(limit), ..rule(text) }
}

fn rule(text: &str) -> Rule {
    Rule::parse(text, &Names::parse("", "")).unwrap()
}

fn udp4(source: &str, port: u16) -> Vec<u8> {
    Ether::to(ip4(source, "198.51.100.1").udp(9, port, b"")).frame()
}

fn udp6(source: &str, port: u16) -> Vec<u8> {
    Ether::to(ip6(source, "2001:db8:f::1").udp(9, port, b"")).frame()
}

/// Judges a frame: the number of the rule, from 0.
type Judge<'a> = dyn FnMut(&[u8]) -> (Verdict, Option<usize>) + 'a;

fn with_key(setup: Setup, seed: u64) -> Setup {
    let mut random = Random::new(seed);
    Setup { hash_key: Some(HashKey(std::array::from_fn(|_| random.bits()))), ..setup }
}

/// Checks something natively and in the kernel, which begin alike.
fn both(setup: Setup, check: impl Fn(&mut Judge<'_>)) {
    let setup = with_key(setup, 1);
    let native = Native::new(&setup).unwrap();
    check(&mut |frame| {
        let judged = native.judge(frame);
        (judged.verdict, judged.slot.as_rule())
    });
    let mut kernel = setup.load().unwrap_or_else(|error| panic!("{error:#}"));
    check(&mut |frame| {
        let judged = kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}"));
        (judged.verdict, judged.slot.as_rule())
    });
}

/// Checks which rule each of so many like frames meets.
#[track_caller]
fn meet(judge: &mut Judge<'_>, frame: &[u8], rules: &[Option<usize>]) {
    let met: Vec<Option<usize>> = rules.iter().map(|_| judge(frame).1).collect();
    assert_eq!(met, rules);
}

#[test]
fn a_burst_matches_and_then_the_next_rule() {
    let rules = vec![limited("allow udp", 3, false), rule("reject udp 53")];
    both(Setup::of(rules).default(Action::Allow), |judge| {
        let (dns, other) = (udp4("192.0.2.1", 53), udp6("2001:db8::1", 54));
        meet(judge, &dns, &[Some(0)]);
        meet(judge, &other, &[Some(0), Some(0), None, None]);
        meet(judge, &dns, &[Some(1), Some(1)]);
        assert_eq!(judge(&dns).0, Verdict::Reject);
        assert_eq!(judge(&other).0, Verdict::Pass);
    });
}

#[test]
fn two_rules_limits_do_not_mix() {
    for per_source in [false, true] {
        let rules = vec![limited("allow udp 53", 2, per_source), limited("deny udp", 3, per_source)];
        both(Setup::of(rules), |judge| {
            let (dns, other) = (udp4("192.0.2.1", 53), udp4("192.0.2.1", 54));
            meet(judge, &other, &[Some(1), Some(1)]);
            meet(judge, &dns, &[Some(0), Some(0), Some(1), None]);
            meet(judge, &other, &[None]);
        });
    }
}

#[test]
fn two_sources_limits_do_not_mix() {
    both(Setup::of(vec![limited("allow udp", 2, true)]), |judge| {
        let one = udp4("192.0.2.1", 53);
        meet(judge, &one, &[Some(0), Some(0), None]);
        meet(judge, &udp4("192.0.2.2", 53), &[Some(0), Some(0), None]);
        meet(judge, &one, &[None]);
        // A source of IPv6 is a /64.
        meet(judge, &udp6("2001:db8::1", 53), &[Some(0)]);
        meet(judge, &udp6("2001:db8::ffff:1", 53), &[Some(0), None]);
        meet(judge, &udp6("2001:db8::1", 53), &[None]);
        meet(judge, &udp6("2001:db8:0:1::1", 53), &[Some(0), Some(0), None]);
    });
}

#[test]
fn all_terms_of_a_service_share_the_limit_of_its_rule() {
    both(Setup::of(vec![limited("allow @dns", 2, false)]), |judge| {
        let tcp = Ether::to(ip4("192.0.2.1", "198.51.100.1").tcp(9, 53, 2, b"")).frame();
        meet(judge, &tcp, &[Some(0)]);
        meet(judge, &udp4("192.0.2.1", 53), &[Some(0), None]);
        meet(judge, &tcp, &[None]);
    });
}

#[test]
fn a_fragmented_datagram_counts_once() {
    both(Setup::of(vec![limited("allow udp", 2, false)]), |judge| {
        for (id, met) in [(1, Some(0)), (2, Some(0)), (3, None)] {
            let datagram = ip6("2001:db8::1", "2001:db8:f::1").udp(9, 53, &[0; 1600]);
            for fragment in datagram.fragments(id, &[1008]) {
                meet(judge, &Ether::to(fragment).frame(), &[met]);
            }
        }
    });
}

/// Rules with limits that are used up one after the other are tried up to a number, and no more.
#[test]
fn so_many_used_up_limits_are_passed_by_and_no_more() {
    let limits = |count: usize| (0..count).map(|_| limited("allow udp", 1, false)).collect::<Vec<_>>();
    let frame = udp4("192.0.2.1", 53);
    let mut rules = limits(MAX_TRIES + 6);
    rules.push(rule("allow udp"));
    both(Setup::of(rules).default(Action::Allow), |judge| {
        let all: Vec<Option<usize>> = (0..MAX_TRIES).map(Some).collect();
        meet(judge, &frame, &all);
        for _ in 0..3 {
            assert_eq!(judge(&frame), (Verdict::Drop, None));
        }
        // Other packets aren't concerned.
        let tcp = Ether::to(ip4("192.0.2.1", "198.51.100.1").tcp(9, 53, 2, b"")).frame();
        assert_eq!(judge(&tcp), (Verdict::Pass, None));
    });
    let mut rules = limits(MAX_TRIES - 1);
    rules.push(rule("reject udp"));
    both(Setup::of(rules).default(Action::Allow), |judge| {
        let all: Vec<Option<usize>> = (0..MAX_TRIES).map(Some).collect();
        meet(judge, &frame, &all);
        assert_eq!(judge(&frame), (Verdict::Reject, Some(MAX_TRIES - 1)));
    });
}

/// A rule that gets the slot which a rule before it had doesn't get what that one has used up.
#[test]
fn a_limit_begins_anew_in_a_slot_that_another_rule_had() {
    let host = Host::new("limits").unwrap();
    let replace = |rules: Vec<Rule>| {
        host.replace_rules(rules).unwrap();
    };
    let [receiver, last, sender] = [(&host.netns, 7000), (&host.netns, 7001), (&host.neighbour, 0)]
        .map(|(netns, port)| socket(netns, HOST[0], port).unwrap());
    let let_in = || {
        for _ in 0..2 {
            sender.send_to(b"", SocketAddr::new(HOST[0], 7000)).unwrap();
        }
        // Judged behind the other two.
        sender.send_to(b"last", SocketAddr::new(HOST[0], 7001)).unwrap();
        assert!(receive(&last, LONG_ENOUGH).unwrap().is_some());
        pending(&receiver).unwrap().len()
    };
    host.ok(&["attach", "eth0"]).unwrap();
    replace(vec![limited("allow udp 7000", 1, false), rule("allow udp 7001")]);
    assert_eq!(let_in(), 1);
    // All other slots come first.
    replace((2..MAX_RULES).map(|n| rule(&format!("deny tcp {n}"))).collect());
    replace(vec![limited("allow udp 7000", 1, false), rule("allow udp 7001")]);
    assert_eq!(let_in(), 1);
}

/// What rules with limits mean, tried one by one.
#[derive(Default)]
struct Model {
    /// How many packets each rule has matched, of each source that has its own count.
    matched: HashMap<(usize, Option<IpAddr>), u32>,
}

impl Model {
    fn judge(&mut self, rules: &[Rule], packet: &Packet) -> Option<usize> {
        let source = match packet.source {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address => address,
        };
        let matching = rules.iter().enumerate().filter(|(_, rule)| rule.matching.includes(packet));
        for (n, rule) in matching.take(MAX_TRIES) {
            let Some(limit) = rule.limit else { return Some(n) };
            let matched = self.matched.entry((n, limit.per_source.then_some(source))).or_default();
            if *matched < limit.burst {
                *matched += 1;
                return Some(n);
            }
        }
        None
    }
}

/// Rules of which a few are limited, and a few packets that come again and again.
fn random_limits(seed: u64) -> (Vec<Rule>, Vec<Packet>) {
    let mut random = Random::new(seed);
    let size = 1 + random.below(80);
    let crowd = Crowd::new(&mut random, 16);
    let mut rules = rules(&mut random, &crowd, size);
    // Few sources with few limits of their own: a table that overflows gives away buckets.
    let mut own = 4;
    for rule in &mut rules {
        if random.chance(60) {
            let per_source = own > 0 && random.chance(30);
            own -= usize::from(per_source);
            let burst = random.pick(&[1, 2, 5, 20]);
            rule.limit = Some(Limit { packets: 1, per: Unit::Hour, burst, per_source });
        }
    }
    let some: Vec<Packet> = (0..6).map(|_| packet(&mut random, &crowd, &rules, "lo")).collect();
    let packets = (0..400).map(|_| some[random.below(some.len())].clone()).collect();
    (rules, packets)
}

#[test]
fn random_rules_with_limits_mean_what_they_say() {
    for seed in 0..300 {
        let (rules, packets) = random_limits(seed);
        let check = |judge: &mut Judge<'_>| {
            let mut model = Model::default();
            for (n, packet) in packets.iter().enumerate() {
                let probe = Probe { packet: packet.clone(), shape: Shape::Whole, id: 0, payload: 8 };
                let expected = model.judge(&rules, packet);
                let judged = judge(&probe.frames()[0]).1;
                assert_eq!(judged, expected, "seed {seed}, packet {n}: {packet:?}");
            }
        };
        let setup = Setup::of(rules.clone());
        // Loading the program takes far longer than all the packets.
        if seed < 3 {
            both(setup, check);
        } else {
            let native = Native::new(&with_key(setup, seed)).unwrap();
            check(&mut |frame| {
                let judged = native.judge(frame);
                (judged.verdict, judged.slot.as_rule())
            });
        }
    }
}
