//! Random packets, on the edges of rules and right beside them.

use std::net::IpAddr;

use firewall_common::packet::Family;
use fragwall::ruleset::{
    Addresses, Ports, Protocol, Rule, Term,
    icmp::{IcmpType, IcmpTypes},
    meaning::{Packet, Transport},
    tcp_flags::TcpFlags,
};
use ipnet::IpNet;

use super::{
    Crowd,
    crowd::{address, bits, number},
};
use crate::harness::packet::random::Random;

/// What is beside the rule that a packet is aimed at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Beside {
    Nothing,
    Family,
    Protocol,
    Port,
    SourcePort,
    Flags,
    From,
    To,
}

const BESIDE: [Beside; 14] = [
    Beside::Nothing,
    Beside::Nothing,
    Beside::Nothing,
    Beside::Nothing,
    Beside::Nothing,
    Beside::Family,
    Beside::Protocol,
    Beside::Port,
    Beside::Port,
    Beside::SourcePort,
    Beside::Flags,
    Beside::From,
    Beside::From,
    Beside::To,
];

/// Protocols of packets aimed at rules that name none.
const PROTOCOLS: [u8; 12] = [6, 6, 17, 17, 1, 58, 132, 33, 136, 50, 47, 253];

/// A packet that comes in on an interface, aimed at one of the rules.
///
/// It's none that passes whatever the rules say, whose hop limit is neither 1 nor 255.
pub fn packet(random: &mut Random, crowd: &Crowd, rules: &[Rule], interface: &str) -> Packet {
    loop {
        let packet = aimed(random, crowd, rules, interface);
        let followed = packet.family() == Family::V6 && packet.protocol.is_followed();
        if !followed && !is_essential(&packet) {
            return packet;
        }
    }
}

/// Packet too big, and fragmentation needed.
fn is_essential(packet: &Packet) -> bool {
    let Transport::Icmp { kind, code } = packet.transport else { return false };
    match packet.family() {
        Family::V4 => packet.protocol == Protocol::ICMP && (kind, code) == (3, 4),
        Family::V6 => packet.protocol == Protocol::ICMPV6 && kind == 2,
    }
}

fn aimed(random: &mut Random, crowd: &Crowd, rules: &[Rule], interface: &str) -> Packet {
    let any = Term::default();
    let rule = if rules.is_empty() || random.chance(8) { None } else { rules.get(random.below(rules.len())) };
    let term = rule.map_or(&any, |rule| {
        let terms = rule.matching.terms();
        &terms[random.below(terms.len())]
    });
    let (from, to) = rule.map_or((None, None), |rule| (rule.matching.from(), rule.matching.to()));
    let beside = random.pick(&BESIDE);

    let family = match (family(random, term, from, to), beside) {
        (Family::V4, Beside::Family) => Family::V6,
        (Family::V6, Beside::Family) => Family::V4,
        (family, _) => family,
    };
    let protocol = match term.protocol {
        Some(protocol) if beside != Beside::Protocol => protocol,
        _ if random.chance(15) => Protocol(random.bits() as u8),
        _ => Protocol(random.pick(&PROTOCOLS)),
    };
    Packet {
        source: near(random, crowd, from, family, beside == Beside::From),
        destination: near(random, crowd, to, family, beside == Beside::To),
        protocol,
        transport: transport(random, crowd, term, protocol, beside),
        interface: interface.to_owned(),
    }
}

/// An IP version that the rule is about, if it's about one alone.
fn family(random: &mut Random, term: &Term, from: Option<&Addresses>, to: Option<&Addresses>) -> Family {
    let own = match term.protocol {
        Some(Protocol::ICMP) => Some(Family::V4),
        Some(Protocol::ICMPV6) => Some(Family::V6),
        _ => None,
    };
    let fits = |family: Family| {
        [term.family, own].into_iter().flatten().all(|named| named == family)
            && [from, to].into_iter().flatten().all(|addresses| addresses.are_of(family))
    };
    let families: Vec<Family> = Family::ALL.into_iter().filter(|&family| fits(family)).collect();
    if families.is_empty() { random.pick(&Family::ALL) } else { random.pick(&families) }
}

/// An address on the edge of `of`, or right beside it.
fn near(
    random: &mut Random,
    crowd: &Crowd,
    of: Option<&Addresses>,
    family: Family,
    is_beside: bool,
) -> IpAddr {
    let is_own = |prefix: &&IpNet| prefix.addr().is_ipv4() == (family == Family::V4);
    let prefixes: Vec<IpNet> =
        of.map_or_else(Vec::new, |of| of.prefixes().iter().filter(is_own).copied().collect());
    if prefixes.is_empty() {
        return crowd.address(random, family);
    }
    let prefix = random.pick(&prefixes);
    let (first, last) = (number(prefix.network()), number(prefix.broadcast()));
    let is_inside = of.is_some_and(Addresses::is_not) == is_beside;
    let near = match (is_inside, random.below(3)) {
        (true, 0) => first,
        (true, 1) => last,
        (true, _) => {
            let inside = (u128::from(random.bits()) << 64 | u128::from(random.bits())) & (first ^ last);
            first | inside
        }
        (false, 0) => first.wrapping_sub(1),
        (false, 1) => last.wrapping_add(1),
        // Beside it by one bit of the prefix.
        (false, _) => {
            let bit = random.below(usize::from(prefix.prefix_len()));
            first ^ 1 << (bits(family) as usize - 1 - bit)
        }
    };
    address(family, near)
}

fn transport(
    random: &mut Random,
    crowd: &Crowd,
    term: &Term,
    protocol: Protocol,
    beside: Beside,
) -> Transport {
    if protocol.has_types() {
        let (kind, code) = message(random, term.icmp.as_ref(), beside == Beside::Port);
        return Transport::Icmp { kind, code };
    }
    if !protocol.has_ports() {
        return Transport::Other;
    }
    Transport::Ports {
        source: port(random, crowd, term.source_ports.as_ref(), beside == Beside::SourcePort),
        destination: port(random, crowd, term.ports.as_ref(), beside == Beside::Port),
        flags: (protocol == Protocol::TCP).then(|| flags(random, term.flags, beside == Beside::Flags)),
    }
}

fn port(random: &mut Random, crowd: &Crowd, of: Option<&Ports>, is_beside: bool) -> u16 {
    let Some(ports) = of else { return crowd.port(random) };
    let range = random.pick(ports.ranges());
    match (is_beside, random.below(2)) {
        (false, 0) => range.first(),
        (false, _) => range.last(),
        (true, 0) => range.first() - 1,
        (true, _) => range.last().wrapping_add(1),
    }
}

fn message(random: &mut Random, of: Option<&IcmpTypes>, is_beside: bool) -> (u8, u8) {
    let Some(types) = of else { return (random.bits() as u8, random.below(6) as u8) };
    let IcmpType { kind, code } = random.pick(types.types());
    let code = code.unwrap_or_else(|| random.pick(&[0, 1, 4, 255]));
    match (is_beside, random.below(4)) {
        (false, _) => (kind, code),
        (true, 0) => (kind.wrapping_sub(1), code),
        (true, 1) => (kind.wrapping_add(1), code),
        (true, 2) => (kind, code.wrapping_sub(1)),
        (true, _) => (kind, code.wrapping_add(1)),
    }
}

fn flags(random: &mut Random, of: Option<TcpFlags>, is_beside: bool) -> u8 {
    let any = random.bits() as u8;
    let Some(of) = of else { return any };
    let fitting = any & !of.mask() | of.set();
    let masked: Vec<u8> = (0..8).map(|bit| 1 << bit).filter(|bit| of.mask() & bit != 0).collect();
    if is_beside { fitting ^ random.pick(&masked) } else { fitting }
}
