//! The headers of answers.

use super::checksum::Sum;
use crate::packet::{
    Be16, Be32, Be64, Wire, ipv4,
    transport::{self, ICMPV6},
};

/// Length of a TCP header without options, in bytes.
pub(super) const TCP: usize = size_of::<Tcp>();

/// The time to live and the hop limit (RFC 1700), the kernel's own default.
const HOPS: u8 = 64;

/// An IP header up to its addresses, which are its end.
pub trait Front: Wire {
    /// An address.
    type Address: Wire;
}

/// An IPv4 header without options and addresses, RFC 791.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub(super) struct Front4 {
    version_length: u8,
    service: u8,
    total_length: Be16,
    identification: Be16,
    fragmentation: Be16,
    ttl: u8,
    protocol: u8,
    checksum: [u8; 2],
}

/// An IPv6 header without addresses, RFC 8200.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub(super) struct Front6 {
    version_class_flow: [u8; 4],
    payload_length: Be16,
    next_header: u8,
    hop_limit: u8,
}

/// An ICMP or ICMPv6 destination-unreachable message without its quote: RFC 792, RFC 4443 3.1.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub(super) struct Unreachable {
    kind: u8,
    code: u8,
    checksum: [u8; 2],
    unused: [u8; 4],
}

/// A TCP header, RFC 9293 3.1.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub(super) struct Tcp {
    pub(super) source: Be16,
    pub(super) destination: Be16,
    pub(super) sequence: Be32,
    pub(super) acknowledgment: Be32,
    pub(super) data_offset: u8,
    pub(super) flags: u8,
    pub(super) window: Be16,
    pub(super) checksum: [u8; 2],
    pub(super) urgent: Be16,
}

// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for Front4 {}
// SAFETY: as above.
unsafe impl Wire for Front6 {}
// SAFETY: packed, and made of bytes only.
unsafe impl Wire for Unreachable {}
// SAFETY: packed, and made of bytes and packed integers only.
unsafe impl Wire for Tcp {}

impl Front for Front4 {
    type Address = Be32;
}

impl Front for Front6 {
    type Address = [Be64; 2];
}

/// What an answer's IPv4 header says that isn't the same for all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) service: u8,
    pub(super) identification: u16,
    /// Flags and offset.
    pub(super) fragmentation: u16,
}

impl Front4 {
    /// Of a packet with `payload` bytes behind it, between addresses of the sum `addresses`.
    #[inline(always)]
    pub(super) fn new(with: Service, protocol: u8, payload: usize, addresses: Sum) -> Self {
        let mut header = Self {
            version_length: 4 << 4 | (ipv4::HEADER / 4) as u8,
            service: with.service,
            total_length: Be16::new((ipv4::HEADER + payload) as u16),
            identification: Be16::new(with.identification),
            fragmentation: Be16::new(with.fragmentation),
            ttl: HOPS,
            protocol,
            checksum: [0; 2],
        };
        header.checksum = Sum::of_header(&header).and(addresses).checksum();
        header
    }
}

impl Front6 {
    /// Of a packet with `payload` bytes behind it.
    #[inline(always)]
    pub(super) const fn new(next_header: u8, payload: usize) -> Self {
        Self {
            version_class_flow: [6 << 4, 0, 0, 0],
            payload_length: Be16::new(payload as u16),
            next_header,
            hop_limit: HOPS,
        }
    }
}

impl Unreachable {
    /// An ICMP message with a quote of that sum.
    #[inline(always)]
    pub(super) fn v4(code: u8, quote: Sum) -> Self {
        /// Its type.
        const KIND: u8 = 3;
        Self::new(KIND, code, quote)
    }

    /// An ICMPv6 message with a quote of that length and sum, between addresses of the sum `addresses`.
    #[inline(always)]
    pub(super) fn v6(code: u8, length: usize, quote: Sum, addresses: Sum) -> Self {
        /// Its type.
        const KIND: u8 = 1;
        let length = (size_of::<Self>() + length) as u16;
        Self::new(KIND, code, quote.and(addresses).with(length).with(ICMPV6.into()))
    }

    #[inline(always)]
    const fn new(kind: u8, code: u8, covered: Sum) -> Self {
        let checksum = covered.with(u16::from_be_bytes([kind, code])).checksum();
        Self { kind, code, checksum, unused: [0; 4] }
    }
}

impl Tcp {
    /// With its checksum, between addresses of the sum `addresses`, without data.
    #[inline(always)]
    pub(super) fn between(mut self, addresses: Sum) -> Self {
        let sum = Sum::of_header(&self).and(addresses);
        self.checksum = sum.with(TCP as u16).with(transport::TCP.into()).checksum();
        self
    }
}
