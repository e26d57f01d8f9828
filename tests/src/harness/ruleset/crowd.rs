//! Values that lie close together.

use std::net::IpAddr;
use std::sync::Arc;

use firewall_common::packet::Family;
use fragwall::ruleset::{PortRange, Service};
use ipnet::IpNet;

use super::rules;
use crate::harness::packet::random::Random;

/// The values that the rules of one ruleset are made of.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Addresses of both IP versions as numbers, IPv4's and IPv6's.
    addresses: [Vec<u128>; 2],
    ports: Vec<u16>,
    pub(super) services: Vec<Arc<Service>>,
    /// In how many of a hundred cases a rule leaves out a field.
    pub(super) breadth: usize,
}

/// How many bits an address of an IP version has.
pub(super) const fn bits(family: Family) -> u32 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

/// The number of an address.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of a number; of an IPv4 address the lowest 32 bits count.
pub(super) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4((number as u32).into()),
        Family::V6 => IpAddr::V6(number.into()),
    }
}

impl Crowd {
    /// The values for a ruleset of about so many rules: the more rules, the more values, and the more each rule asks for, so that the
    /// last ones aren't all hidden by the first.
    pub fn new(random: &mut Random, rules: usize) -> Self {
        let count = 2 + (rules / 8).min(200);
        let addresses = Family::ALL.map(|family| relatives(random, bits(family), count));
        let mut ports = vec![22, 53, 500, 1024, u16::MAX];
        for _ in 0..count {
            let port = ports[random.below(ports.len())];
            ports.push(port.wrapping_add(random.pick(&[1, 2, 7, 100, 1000])).max(1));
        }
        let breadth = match rules {
            0..=16 => 60,
            17..=100 => 35,
            _ => 12,
        };
        let mut crowd = Self { addresses, ports, services: Vec::new(), breadth };
        for n in 0..4 {
            let terms = (0..=random.below(4)).map(|_| rules::term(random, &crowd)).collect();
            crowd.services.push(Arc::new(Service::new(&format!("own{n}"), terms)));
        }
        crowd
    }

    /// Some address.
    pub fn address(&self, random: &mut Random, family: Family) -> IpAddr {
        let near = self.number(random, family);
        // Mostly beside one of them.
        let number = match random.below(4) {
            0 => near,
            1..=2 => near ^ 1 << random.below(bits(family) as usize),
            _ => u128::from(random.bits()) << 64 | u128::from(random.bits()),
        };
        address(family, number)
    }

    /// A prefix, but for that of every address. The more rules there are, the longer it is.
    pub fn prefix(&self, random: &mut Random, family: Family) -> IpNet {
        let all = bits(family) as usize;
        let shortest = if self.breadth > 20 { 1 } else { all / 4 };
        let length = if random.chance(30) { all } else { shortest + random.below(all - shortest + 1) };
        let address = address(family, self.number(random, family));
        let prefix = IpNet::new(address, length as u8).expect("no longer than an address");
        prefix.trunc()
    }

    /// Some port, which may be 0.
    pub fn port(&self, random: &mut Random) -> u16 {
        match random.below(8) {
            0 => random.bits() as u16,
            1 => 0,
            2..=3 => random.pick(&self.ports).wrapping_add(1),
            _ => random.pick(&self.ports),
        }
    }

    /// A range of ports.
    pub fn range(&self, random: &mut Random) -> PortRange {
        let first = random.pick(&self.ports);
        let last = match random.below(6) {
            0 => random.pick(&self.ports).max(first),
            1 => first.saturating_add(random.pick(&[1, 5, 1000])),
            2 => random.pick(&[first, u16::MAX]),
            _ => first,
        };
        PortRange::new(first, last).expect("no port is 0, and the last isn't below the first")
    }

    fn number(&self, random: &mut Random, family: Family) -> u128 {
        random.pick(&self.addresses[family.index()])
    }
}

/// Numbers of that many bits, each of which has its upper bits in common with another.
fn relatives(random: &mut Random, bits: u32, count: usize) -> Vec<u128> {
    let mask = u128::MAX >> (128 - bits);
    let mut numbers = vec![(u128::from(random.bits()) << 64 | u128::from(random.bits())) & mask];
    while numbers.len() < count {
        let relative = random.pick(&numbers);
        let bit = random.below(bits as usize);
        // It differs from there on.
        let lower = u128::from(random.bits()) << 64 | u128::from(random.bits());
        let lower = if random.chance(50) { 0 } else { lower & ((1 << bit) - 1) };
        numbers.push(relative ^ (1 << bit | lower));
    }
    numbers
}
