//! What a flow is known by: protocol, addresses and ports of both ends, hashed. Which end is this host's is part of it, so
//! that what comes in and what goes out have the same.

use core::hint::black_box;

use crate::{
    fragment::identity::{self, HashKey},
    packet::{Be16, Bytes, Ip},
};

/// The hash of a flow. Its upper bits choose the set, the rest of it proves the flow.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct Flow(pub u64);

/// Whose end of a flow sent a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// This host.
    Local,
    /// The other one.
    Remote,
}

/// The ports of both ends; or what stands for them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ends {
    /// This host's, host byte order.
    pub local: u16,
    /// The other's, host byte order.
    pub remote: u16,
}

/// Where the identifier lies in an ICMP echo message, in bytes.
pub(super) const ECHO_IDENTIFIER: usize = 4;

impl Flow {
    /// Of a packet whose protocol has ports; `None` if it can't be read.
    #[inline(always)]
    pub fn of_ports<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, sender: Side, key: &HashKey) -> Option<Self> {
        let [source, destination]: [Be16; 2] = bytes.read(ip.payload)?;
        let (source, destination) = (source.value(), destination.value());
        let ends = match sender {
            Side::Local => Ends { local: source, remote: destination },
            Side::Remote => Ends { local: destination, remote: source },
        };
        Self::of(bytes, ip, sender, ends, key)
    }

    /// Of an ICMP echo message, request or reply: the one who asks has chosen its identifier. `None` if it can't be read.
    #[inline(always)]
    pub fn of_echo<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, sender: Side, key: &HashKey) -> Option<Self> {
        let place = ip.payload + ECHO_IDENTIFIER;
        // What lies behind the packet's end is padding. The compiler knows that the packet ends before the frame does, and
        // would leave out the reading's own check, which the verifier wants to see.
        if place + size_of::<Be16>() > black_box(ip.end) {
            return None;
        }
        let identifier: Be16 = bytes.read(place)?;
        Self::of(bytes, ip, sender, Ends { local: identifier.value(), remote: 0 }, key)
    }

    /// Of a packet of which nothing but protocol and addresses is known; `None` if they can't be read.
    #[inline(always)]
    pub fn of_addresses<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, sender: Side, key: &HashKey) -> Option<Self> {
        Self::of(bytes, ip, sender, Ends::default(), key)
    }

    #[inline(always)]
    fn of<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, sender: Side, ends: Ends, key: &HashKey) -> Option<Self> {
        identity::flow(bytes, ip.offset, ip.family, sender, last(ip.protocol, ends), key).map(Self)
    }

    /// Of the packet quoted in an ICMP error, whose IP header is at `offset`: this host sent it.
    #[inline(always)]
    pub(super) fn of_quoted<B: Bytes + ?Sized>(
        bytes: &B,
        ip: &Ip,
        offset: usize,
        protocol: u8,
        ends: Ends,
        key: &HashKey,
    ) -> Option<Self> {
        // The verifier knows no longer that the header was found to be there: its place has another name by now. The compiler
        // does, and would leave out this reading's own check.
        let offset = black_box(offset);
        identity::flow(bytes, offset, ip.family, Side::Local, last(protocol, ends), key).map(Self)
    }
}

/// Protocol and ports in one word.
#[inline(always)]
const fn last(protocol: u8, ends: Ends) -> u64 {
    (protocol as u64) << 32 | (ends.local as u64) << 16 | ends.remote as u64
}
