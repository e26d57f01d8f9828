//! IPv6 packets with extension headers (RFC 8200).

use std::net::Ipv6Addr;

use super::{Internet, Payload, parts};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;

/// An extension header: its number, and its bytes, the first of which is left for Next Header.
#[derive(Clone, Debug)]
struct Extension {
    number: u8,
    bytes: Vec<u8>,
}

/// An IPv6 packet.
#[derive(Clone, Debug)]
pub struct Ip6 {
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    chain: Vec<Extension>,
    /// How many headers of the chain every fragment bears (RFC 8200 4.5, "Per-Fragment headers").
    per_fragment: usize,
    upper: (u8, Vec<u8>),
}

/// An IPv6 packet that carries nothing yet.
///
/// # Panics
/// These aren't addresses.
pub fn ip6(source: &str, destination: &str) -> Ip6 {
    let address = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no IPv6 address"));
    Ip6 {
        source: address(source),
        destination: address(destination),
        hop_limit: 64,
        chain: Vec::new(),
        per_fragment: 0,
        upper: (NO_NEXT_HEADER, Vec::new()),
    }
}

impl Ip6 {
    /// The hop limit, instead of 64.
    #[must_use]
    pub fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.hop_limit = hop_limit;
        self
    }

    /// Adds hop-by-hop options of `length` bytes in all.
    #[must_use]
    pub fn hop_by_hop(self, length: usize) -> Self {
        self.options(HOP_BY_HOP, length).unfragmentable()
    }

    /// Adds destination options of `length` bytes in all.
    #[must_use]
    pub fn dest_opts(self, length: usize) -> Self {
        self.options(DESTINATION_OPTIONS, length)
    }

    /// Adds a routing header of a type, of `length` bytes in all, with no segment left.
    #[must_use]
    pub fn routing(self, kind: u8, length: usize) -> Self {
        let mut bytes = vec![0; length];
        bytes[1] = (length / 8 - 1) as u8;
        bytes[2] = kind;
        self.header(ROUTING, bytes).unfragmentable()
    }

    /// Adds an authentication header (RFC 4302) with a check value of 12 bytes.
    #[must_use]
    pub fn auth(self, spi: u32) -> Self {
        let mut bytes = vec![0, 4, 0, 0];
        bytes.extend([spi, 1].map(u32::to_be_bytes).concat());
        bytes.extend([0x5a; 12]);
        self.header(AUTHENTICATION, bytes)
    }

    /// Adds a Fragment header; `offset` is in bytes.
    ///
    /// # Panics
    /// The offset is no multiple of 8.
    #[must_use]
    pub fn fragment(self, id: u32, offset: u16, more: bool) -> Self {
        assert!(offset.is_multiple_of(8), "a fragment can't begin at byte {offset}");
        let mut bytes = vec![0, 0];
        bytes.extend((offset | u16::from(more)).to_be_bytes());
        bytes.extend(id.to_be_bytes());
        self.header(FRAGMENT, bytes)
    }

    /// Puts anything into the second byte of the last header: the Reserved byte of a Fragment header.
    ///
    /// # Panics
    /// There's none yet.
    #[must_use]
    pub fn reserved(mut self, byte: u8) -> Self {
        self.chain.last_mut().expect("a header comes first").bytes[1] = byte;
        self
    }

    /// Says that the headers so far come before the Fragment header when the packet is fragmented. Hop-by-hop options and
    /// routing headers do in any case.
    #[must_use]
    pub fn unfragmentable(mut self) -> Self {
        self.per_fragment = self.chain.len();
        self
    }

    /// The packet as a host fragments it: the fragmentable part cut at `cuts` (bytes).
    ///
    /// # Panics
    /// A cut isn't a multiple of 8 or beyond the packet.
    #[must_use]
    pub fn fragments(&self, id: u32, cuts: &[usize]) -> Vec<Self> {
        let (protocol, fragmentable) = self.fragmentable();
        let part = |(start, end): (usize, usize)| {
            let offset = u16::try_from(start).expect("a datagram has at most 65535 bytes");
            let mut fragment = self.clone();
            fragment.chain.truncate(self.per_fragment);
            fragment.fragment(id, offset, end < fragmentable.len()).raw(protocol, &fragmentable[start..end])
        };
        parts(fragmentable.len(), cuts).into_iter().map(part).collect()
    }

    /// What fragments share among them: the number of its first header, and its bytes.
    #[must_use]
    pub fn fragmentable(&self) -> (u8, Vec<u8>) {
        let mut bytes = self.upper.1.clone();
        let mut next = self.upper.0;
        for Extension { number, bytes: header } in self.chain[self.per_fragment..].iter().rev() {
            let mut header = header.clone();
            header[0] = std::mem::replace(&mut next, *number);
            header.extend(bytes);
            bytes = header;
        }
        (next, bytes)
    }

    fn options(self, number: u8, length: usize) -> Self {
        assert!(length >= 8 && length.is_multiple_of(8), "{length} bytes can't be an extension header");
        // One PadN for each 257 bytes, and one for the rest; a Pad1 where a single byte is left (RFC 8200 4.2).
        let mut bytes = vec![0, (length / 8 - 1) as u8];
        while bytes.len() < length {
            match length - bytes.len() {
                1 => bytes.push(0),
                left => {
                    let data = (left - 2).min(255);
                    bytes.extend([1, data as u8]);
                    bytes.resize(bytes.len() + data, 0);
                }
            }
        }
        self.header(number, bytes)
    }

    fn header(mut self, number: u8, bytes: Vec<u8>) -> Self {
        self.chain.push(Extension { number, bytes });
        self
    }
}

impl Internet for Ip6 {
    fn pseudo_header(&self, protocol: u8, length: usize) -> Vec<u8> {
        let mut bytes = [self.source.octets(), self.destination.octets()].concat();
        bytes.extend((length as u32).to_be_bytes());
        bytes.extend([0, 0, 0, protocol]);
        bytes
    }

    fn raw(mut self, protocol: u8, bytes: &[u8]) -> Self {
        self.upper = (protocol, bytes.to_vec());
        self
    }
}

impl Payload for Ip6 {
    const ETHERTYPE: u16 = 0x86dd;

    fn bytes(&self) -> Vec<u8> {
        let (next, payload) = Self { per_fragment: 0, ..self.clone() }.fragmentable();
        let mut bytes = vec![6 << 4, 0, 0, 0];
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend([next, self.hop_limit]);
        bytes.extend([self.source.octets(), self.destination.octets()].concat());
        bytes.extend(payload);
        bytes
    }
}
