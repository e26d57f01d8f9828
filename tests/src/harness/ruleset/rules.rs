//! Random rules.

use firewall_common::{packet::Family, rules::Action};
use fragwall::ruleset::{
    Addresses, Match, Names, Ports, Protocol, Rule, Term, What,
    icmp::{IcmpType, IcmpTypes},
    tcp_flags::TcpFlags,
};

use super::Crowd;
use crate::harness::packet::random::Random;

/// The protocols that rules name, some more often than others.
const PROTOCOLS: [u8; 16] = [6, 6, 6, 6, 17, 17, 17, 17, 1, 58, 132, 33, 136, 50, 51, 47];

/// The interfaces that rules name: that of test runs, another one, and none that there is.
const INTERFACES: [&str; 4] = ["lo", "lo", "eth1", "gone0"];

/// So many random rules. None has a limit.
///
/// The most that a ruleset may have are as many as it takes: a service whose terms can't share a place among them is left out
/// where there are more than a quarter of those.
pub fn rules(random: &mut Random, crowd: &Crowd, count: usize) -> Vec<Rule> {
    let services = if count <= firewall_common::rules::MAX_RULES / 4 { 8 } else { 0 };
    let narrow = match count {
        0..=3 => 0,
        4..=16 => 1,
        17..=100 => 2,
        _ => 3,
    };
    let mut wanted = |n| {
        // As in real rulesets the broad ones come last.
        let least = if n < count - count / 8 { narrow } else { narrow / 2 };
        loop {
            let rule = rule(random, crowd, services);
            if narrowness(&rule) >= least {
                return rule;
            }
        }
    };
    (0..count).map(&mut wanted).collect()
}

/// By how much a rule leaves room for those behind it: how many fields it asks a lot of.
fn narrowness(rule: &Rule) -> usize {
    let is_narrow = |addresses: &&Addresses| {
        !addresses.is_not()
            && addresses.prefixes().iter().all(|prefix| prefix.prefix_len() > prefix.max_prefix_len() / 2)
    };
    let Rule { matching, .. } = rule;
    let fields = |term: &Term| {
        let Term { family: _, protocol: _, ports, source_ports, icmp, flags } = term;
        [ports.is_some(), source_ports.is_some(), icmp.is_some(), flags.is_some()]
            .into_iter()
            .filter(|&asked| asked)
            .count()
    };
    let addresses = [matching.from(), matching.to()].into_iter().flatten().filter(is_narrow).count();
    addresses + matching.terms().iter().map(fields).min().unwrap_or(0)
}

/// A rule, which in so many of a hundred cases is about a service.
fn rule(random: &mut Random, crowd: &Crowd, services: usize) -> Rule {
    let action = random.pick(&Action::ALL);
    loop {
        let what = if random.chance(services) {
            What::Service(service(random, crowd))
        } else {
            What::Term(term(random, crowd))
        };
        let families = families(&what);
        let [from, to] = [70, 55].map(|percent| {
            let asked = random.chance(percent.min(100 - crowd.breadth));
            if asked { addresses(random, crowd, &families) } else { None }
        });
        let on = random.chance(10).then(|| random.pick(&INTERFACES).to_owned());
        // Parts that contradict each other are tried again.
        if let Ok(matching) = Match::new(what, from, to, on) {
            let comment = random.chance(5).then(|| "random".to_owned());
            return Rule { log: random.chance(5), comment, ..Rule::new(action, matching) };
        }
    }
}

fn service(random: &mut Random, crowd: &Crowd) -> std::sync::Arc<fragwall::ruleset::Service> {
    if random.chance(30) {
        let name = random.pick(&["ike", "dns", "sip", "l2tp"]);
        return Names::parse("", "").service(name).expect("it's built in");
    }
    crowd.services[random.below(crowd.services.len())].clone()
}

/// The IP versions that packets of that kind may have.
fn families(what: &What) -> Vec<Family> {
    let What::Term(term) = what else { return Family::ALL.to_vec() };
    match (term.family, term.protocol) {
        (Some(family), _) => vec![family],
        (None, Some(Protocol::ICMP)) => vec![Family::V4],
        (None, Some(Protocol::ICMPV6)) => vec![Family::V6],
        (None, _) => Family::ALL.to_vec(),
    }
}

fn addresses(random: &mut Random, crowd: &Crowd, families: &[Family]) -> Option<Addresses> {
    let count = random.pick(&[1, 1, 1, 1, 2, 3, 5]);
    let prefixes = (0..count)
        .map(|_| {
            let family = random.pick(families);
            crowd.prefix(random, family)
        })
        .collect();
    Addresses::new(random.chance(12), prefixes)
}

/// A kind of packets.
pub(super) fn term(random: &mut Random, crowd: &Crowd) -> Term {
    loop {
        let named = !random.chance(crowd.breadth / 3);
        let protocol = named.then(|| match random.below(12) {
            0 => Protocol(random.bits() as u8),
            _ => Protocol(random.pick(&PROTOCOLS)),
        });
        let has = |of: fn(Protocol) -> bool| protocol.is_some_and(of);
        let (ports, types) = (has(Protocol::has_ports), has(Protocol::has_types));
        let term = Term {
            family: random.chance(25).then(|| random.pick(&Family::ALL)),
            protocol,
            ports: (ports && !random.chance(crowd.breadth)).then(|| some_ports(random, crowd)),
            source_ports: (ports && random.chance(20)).then(|| some_ports(random, crowd)),
            icmp: (types && !random.chance(crowd.breadth)).then(|| some_types(random)),
            flags: if protocol == Some(Protocol::TCP) && random.chance(25) { flags(random) } else { None },
        };
        if Match::new(What::Term(term.clone()), None, None, None).is_ok() {
            return term;
        }
    }
}

fn some_ports(random: &mut Random, crowd: &Crowd) -> Ports {
    let count = random.pick(&[1, 1, 1, 2, 4]);
    Ports::new((0..count).map(|_| crowd.range(random)).collect()).expect("there is one")
}

fn some_types(random: &mut Random) -> IcmpTypes {
    let count = random.pick(&[1, 1, 1, 2, 4]);
    let types = (0..count).map(|_| {
        let code = random.chance(40).then(|| random.pick(&[0, 1, 4, 5, 255]));
        IcmpType { kind: random.pick(&[0, 3, 8, 11, 128, 129, 130, 135, 255]), code }
    });
    IcmpTypes::new(types.collect()).expect("there is one")
}

fn flags(random: &mut Random) -> Option<TcpFlags> {
    if random.chance(50) {
        return Some(TcpFlags::SYN);
    }
    let mask = random.bits() as u8;
    TcpFlags::new(random.bits() as u8 & mask, mask)
}
