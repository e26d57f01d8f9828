//! A host that accepts replies, and what goes back and forth between it and others.

use firewall_common::{
    judge::judge,
    packet::Family,
    reply::{
        self,
        table::{CLASSES, Class, FlowSet, Lifetimes},
    },
    rules::Action,
    verdict::{Judgement, Verdict},
};

use super::{
    environment::{KEY, Native},
    frame::Packet,
};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const SCTP: u8 = 132;

/// A host that accepts replies and nothing else.
pub(crate) fn host() -> Native {
    let mut env = Native::new(Action::Deny, Action::Allow);
    env.flows = Some((0..4).map(|_| FlowSet::default()).collect());
    env
}

/// A packet between two hosts, each told by the last byte of its address.
#[derive(Clone, Debug)]
pub(crate) struct Between {
    pub(crate) packet: Packet,
    pub(crate) from: u8,
    pub(crate) to: u8,
}

pub(crate) trait Hosts: Sized {
    fn between(self, from: u8, to: u8) -> Between;
}

impl Hosts for Packet {
    fn between(self, from: u8, to: u8) -> Between {
        Between { packet: self, from, to }
    }
}

impl Between {
    pub(crate) fn between(self, from: u8, to: u8) -> Self {
        Self { from, to, ..self }
    }

    /// The same as a fragment.
    pub(crate) fn at(self, id: u32, offset: u16, more: bool) -> Self {
        Self { packet: self.packet.at(id, offset, more), ..self }
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = self.packet.frame();
        let (addresses, length) = match self.packet.family {
            Family::V4 => (self.packet.ip_offset() + 12, 4),
            Family::V6 => (self.packet.ip_offset() + 8, 16),
        };
        for (place, host) in [(addresses, self.from), (addresses + length, self.to)] {
            frame[place..place + length].fill(0x20);
            frame[place + length - 1] = host;
        }
        frame
    }
}

pub(crate) fn send(env: &Native, packet: &Between) {
    let _ = reply::sent(packet.frame().as_slice(), &KEY, env, env);
}

pub(crate) fn verdict(env: &Native, packet: &Between) -> Judgement {
    judge(packet.frame().as_slice(), env).judgement
}

pub(crate) fn passes(env: &Native, packet: &Between) -> bool {
    verdict(env, packet).verdict() == Verdict::Pass
}

/// The two ends of a flow: what the host sends, and what comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) family: Family,
    pub(crate) protocol: u8,
    pub(crate) local: u16,
    pub(crate) remote: u16,
}

pub(crate) const HERE: u8 = 1;
pub(crate) const THERE: u8 = 2;

impl Flow {
    pub(crate) fn new(family: Family, protocol: u8) -> Self {
        Self { family, protocol, local: 40_000, remote: 53 }
    }

    pub(crate) fn header(self, ports: [u16; 2], byte: u8) -> Vec<u8> {
        let mut header = ports.map(u16::to_be_bytes).concat();
        match self.protocol {
            TCP => {
                header.extend([0; 9]);
                header.push(byte);
                header.extend([0; 6]);
            }
            SCTP => {
                header.extend([0; 8]);
                header.extend([byte, 0, 0, 4]);
            }
            // UDP's and UDP-Lite's header is as long as that; DCCP's is longer.
            _ => header.extend([0, 8, 0, 0, 0, 0, 0, 0]),
        }
        header
    }

    /// `byte`: TCP's flags, or the type of SCTP's first chunk.
    pub(crate) fn out(self, byte: u8) -> Between {
        let packet = Packet::new(self.family, self.protocol, self.header([self.local, self.remote], byte));
        packet.between(HERE, THERE)
    }

    pub(crate) fn back(self, byte: u8) -> Between {
        let packet = Packet::new(self.family, self.protocol, self.header([self.remote, self.local], byte));
        packet.between(THERE, HERE)
    }
}

/// ICMP echo messages.
#[derive(Clone, Copy)]
pub(crate) struct Echo {
    pub(crate) family: Family,
    pub(crate) identifier: u16,
}

impl Echo {
    pub(crate) fn request(self) -> u8 {
        if self.family == Family::V4 { 8 } else { 128 }
    }

    pub(crate) fn reply(self) -> u8 {
        if self.family == Family::V4 { 0 } else { 129 }
    }

    pub(crate) fn packet(self, kind: u8) -> Packet {
        let protocol = if self.family == Family::V4 { 1 } else { 58 };
        let [high, low] = self.identifier.to_be_bytes();
        Packet::new(self.family, protocol, vec![kind, 0, 0, 0, high, low, 0, 1])
    }

    pub(crate) fn out(self, kind: u8) -> Between {
        self.packet(kind).between(HERE, THERE)
    }

    pub(crate) fn back(self, kind: u8) -> Between {
        self.packet(kind).between(THERE, HERE)
    }
}

/// An ICMP error that quotes a packet, as far as that goes.
pub(crate) fn error(family: Family, kind: u8, quoted: &Between, length: usize) -> Between {
    const ETHERNET: usize = 14;
    let frame = quoted.frame();
    let mut payload = vec![kind, 1, 0, 0, 0, 0, 0, 0];
    payload.extend_from_slice(&frame[ETHERNET..frame.len().min(ETHERNET + length)]);
    Packet::new(family, if family == Family::V4 { 1 } else { 58 }, payload).between(9, HERE)
}

/// Without a lifetime of its own a class has none.
pub(crate) fn lifetimes(of: &[(Class, u32)]) -> Lifetimes {
    let mut lifetimes = Lifetimes([0; CLASSES]);
    for &(class, lifetime) in of {
        lifetimes.0[class as usize] = lifetime;
    }
    lifetimes
}
