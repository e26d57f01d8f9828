//! The kinds of traffic that come in, made in the kernel.

use anyhow::Result;
use fragwall::kernel::generator::{Generator, Ids, Plan, Target};

use super::super::contenders::{ALLOWED, Contender, DENIED, INTERFACE};
use crate::harness::{
    host::Host,
    packet::{Ether, Internet as _, Ip6, ip6, pattern},
};

/// How much data a datagram has, in bytes.
const DATA: usize = 192;
/// Where it's cut in two, in bytes behind the IPv6 header.
const CUT: usize = 104;
/// The second 32 bits of a source, so that each datagram comes from a network of its own.
const ANY_NETWORK: u32 = u32::MAX;

/// Which parts of its datagram a kind sends, in that order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Parts {
    Whole,
    FirstLast,
    LastFirst,
    First,
    Last,
}

/// What should become of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// Its port is closed.
    Denied,
    /// Every datagram reaches its socket.
    Accepted,
    /// None can be complete, whoever lets it in.
    Incomplete,
}

/// A kind of traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) fate: Fate,
    parts: Parts,
    /// Whether identifications and sources are random.
    random: bool,
    /// How many CPUs send it, from one on.
    pub(super) cpus: usize,
}

/// Their names, as ratios tell them.
pub(super) const WHOLE_DENIED: &str = "whole, denied";
pub(super) const PAIRS_DENIED: &str = "fragments in order, denied";
pub(super) const REVERSED_DENIED: &str = "fragments out of order, denied";
pub(super) const WHOLE_ACCEPTED: &str = "whole, accepted";
pub(super) const PAIRS_ACCEPTED: &str = "fragments in order, accepted";
pub(super) const REVERSED_ACCEPTED: &str = "fragments out of order, accepted";

/// All of them.
pub(super) const KINDS: [Kind; 10] = [
    Kind::new(WHOLE_DENIED, Fate::Denied, Parts::Whole).by_two_cpus(),
    Kind::new(PAIRS_DENIED, Fate::Denied, Parts::FirstLast).by_two_cpus(),
    Kind::new(REVERSED_DENIED, Fate::Denied, Parts::LastFirst),
    Kind::new(WHOLE_ACCEPTED, Fate::Accepted, Parts::Whole).by_two_cpus(),
    Kind::new(PAIRS_ACCEPTED, Fate::Accepted, Parts::FirstLast).by_two_cpus(),
    Kind::new(REVERSED_ACCEPTED, Fate::Accepted, Parts::LastFirst),
    Kind::new("flood of whole ones from random sources, denied", Fate::Denied, Parts::Whole).random(),
    Kind::new("flood of firsts, random sources and ids, denied", Fate::Denied, Parts::First).random(),
    Kind::new("flood of firsts, random sources and ids", Fate::Incomplete, Parts::First).random(),
    Kind::new("flood of lasts, random sources and ids", Fate::Incomplete, Parts::Last).random(),
];

impl Kind {
    const fn new(name: &'static str, fate: Fate, parts: Parts) -> Self {
        Self { name, fate, parts, random: false, cpus: 1 }
    }

    const fn random(self) -> Self {
        Self { random: true, ..self }
    }

    const fn by_two_cpus(self) -> Self {
        Self { cpus: 2, ..self }
    }

    /// Whether what comes in fills tables: of filters, and of the kernel's stack.
    pub(super) const fn is_flood(&self) -> bool {
        self.random
    }

    /// How many frames a datagram has.
    pub(super) const fn frames_each(&self) -> u64 {
        match self.parts {
            Parts::FirstLast | Parts::LastFirst => 2,
            Parts::Whole | Parts::First | Parts::Last => 1,
        }
    }

    /// Whether it says something of a contender: one that drops everything, of what is dropped; one that passes everything, of what isn't.
    pub(super) fn concerns(&self, contender: Contender) -> bool {
        match contender {
            Contender::BareDrop => self.fate != Fate::Accepted,
            Contender::BarePass => self.fate == Fate::Accepted,
            _ => true,
        }
    }

    /// What makes it: from a source that no other `number` and CPU has, to a host.
    ///
    /// # Errors
    /// The kernel refuses the generator.
    pub(super) fn generator(&self, host: &Host, number: usize, cpu: usize) -> Result<Generator> {
        let source = format!("2001:db8:aaaa:{number:x}::{:x}", cpu + 1);
        let port = if self.fate == Fate::Denied { DENIED } else { ALLOWED[1] };
        let datagram = ip6(&source, "2001:db8::1").udp(port, port, &pattern(DATA));
        let to = host.netns.interface(INTERFACE)?.address;
        let frames: Vec<_> = self.parts.of(&datagram).into_iter().map(|part| addressed(part, to)).collect();
        let (ids, sources) = if self.random { (Ids::Random, ANY_NETWORK) } else { (Ids::Counted, 0) };
        let plan = Plan { frames: &frames, ids, sources, seed: (number << 8 | cpu) as u64, rounds: None };
        let interface = host.neighbour.interface(INTERFACE)?.index;
        host.neighbour.enter(|| Ok(Generator::load(&plan, Target::Interface(interface), None)?))
    }
}

impl Parts {
    fn of(self, datagram: &Ip6) -> Vec<Ip6> {
        let mut parts = datagram.fragments(0, &[CUT]);
        match self {
            Self::Whole => vec![datagram.clone()],
            Self::FirstLast => parts,
            Self::LastFirst => {
                parts.reverse();
                parts
            }
            Self::First => vec![parts.swap_remove(0)],
            Self::Last => vec![parts.swap_remove(1)],
        }
    }
}

/// A frame for an Ethernet address.
fn addressed(packet: Ip6, to: [u8; 6]) -> Vec<u8> {
    let mut frame = Ether::to(packet).frame();
    frame[..6].copy_from_slice(&to);
    frame
}
