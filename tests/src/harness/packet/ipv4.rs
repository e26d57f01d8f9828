//! IPv4 packets with options (RFC 791).

use std::net::Ipv4Addr;

use super::{Internet, Payload, checksum::internet, parts};

/// An option of one byte that says nothing.
pub const NO_OPERATION: u8 = 1;
/// The type of the router alert option (RFC 2113), which every fragment bears.
pub const ROUTER_ALERT: u8 = 148;

const MORE_FRAGMENTS: u16 = 0x2000;
const DONT_FRAGMENT: u16 = 0x4000;

/// An IPv4 packet.
#[derive(Clone, Debug)]
pub struct Ip4 {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    id: u16,
    flags_offset: u16,
    options: Vec<u8>,
    upper: (u8, Vec<u8>),
}

/// An IPv4 packet that carries nothing yet.
///
/// # Panics
/// These aren't addresses.
pub fn ip4(source: &str, destination: &str) -> Ip4 {
    let address = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no IPv4 address"));
    Ip4 {
        source: address(source),
        destination: address(destination),
        ttl: 64,
        id: 0,
        flags_offset: 0,
        options: Vec::new(),
        upper: (255, Vec::new()),
    }
}

impl Ip4 {
    /// The time to live, instead of 64.
    #[must_use]
    pub fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// The identification.
    #[must_use]
    pub fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// Forbids fragmentation.
    #[must_use]
    pub fn dont_fragment(mut self) -> Self {
        self.flags_offset |= DONT_FRAGMENT;
        self
    }

    /// Adds options, which are padded to a multiple of four bytes in all.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options.extend(options);
        self
    }

    /// Makes it a fragment; `offset` is in bytes.
    ///
    /// # Panics
    /// The offset is no multiple of 8.
    #[must_use]
    pub fn fragment(mut self, id: u16, offset: u16, more: bool) -> Self {
        assert!(offset.is_multiple_of(8), "a fragment can't begin at byte {offset}");
        self.flags_offset = (offset / 8) | if more { MORE_FRAGMENTS } else { 0 };
        self.id(id)
    }

    /// The packet as a host fragments it: its payload cut at `cuts` (bytes). Trailing fragments bear the options that
    /// say so (RFC 791 3.1, the copied flag).
    ///
    /// # Panics
    /// A cut isn't a multiple of 8 or beyond the packet.
    #[must_use]
    pub fn fragments(&self, id: u16, cuts: &[usize]) -> Vec<Self> {
        let (protocol, payload) = &self.upper;
        let part = |(start, end): (usize, usize)| {
            let offset = u16::try_from(start).expect("a datagram has at most 65535 bytes");
            let options = if start == 0 { self.options.clone() } else { copied(&self.options) };
            Self { options, ..self.clone() }
                .fragment(id, offset, end < payload.len())
                .raw(*protocol, &payload[start..end])
        };
        parts(payload.len(), cuts).into_iter().map(part).collect()
    }

    /// Its payload's protocol and bytes.
    #[must_use]
    pub fn fragmentable(&self) -> (u8, Vec<u8>) {
        self.upper.clone()
    }
}

/// The options whose type has the copied flag.
fn copied(mut options: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while let Some(&kind) = options.first() {
        let length = if kind <= NO_OPERATION { 1 } else { usize::from(options[1]) };
        if kind & 0x80 != 0 {
            kept.extend(&options[..length]);
        }
        options = &options[length..];
    }
    kept
}

impl Internet for Ip4 {
    fn pseudo_header(&self, protocol: u8, length: usize) -> Vec<u8> {
        let mut bytes = [self.source.octets(), self.destination.octets()].concat();
        bytes.extend([0, protocol]);
        bytes.extend((length as u16).to_be_bytes());
        bytes
    }

    fn raw(mut self, protocol: u8, bytes: &[u8]) -> Self {
        self.upper = (protocol, bytes.to_vec());
        self
    }
}

impl Payload for Ip4 {
    const ETHERTYPE: u16 = 0x0800;

    fn bytes(&self) -> Vec<u8> {
        let (protocol, payload) = &self.upper;
        let header = 20 + self.options.len().next_multiple_of(4);
        assert!(header <= 60, "{} bytes of options are too many", self.options.len());
        let mut bytes = vec![4 << 4 | (header / 4) as u8, 0];
        bytes.extend(((header + payload.len()) as u16).to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.flags_offset.to_be_bytes());
        bytes.extend([self.ttl, *protocol, 0, 0]);
        bytes.extend([self.source.octets(), self.destination.octets()].concat());
        bytes.extend(&self.options);
        bytes.resize(header, 0);
        let sum = internet(&[&bytes]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
}
