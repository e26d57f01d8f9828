//! What IPv4 and IPv6 carry.

use super::checksum::{crc32c, internet};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

/// An IP header that an upper-layer header can be put behind. Ports and codes are in host byte order.
pub trait Internet: Sized {
    /// What the checksums of TCP, UDP and ICMPv6 include of it, for an upper-layer packet of `length` bytes.
    fn pseudo_header(&self, protocol: u8, length: usize) -> Vec<u8>;

    /// Carries these bytes as that protocol's.
    #[must_use]
    fn raw(self, protocol: u8, bytes: &[u8]) -> Self;

    /// Carries a UDP datagram.
    #[must_use]
    fn udp(self, source: u16, destination: u16, payload: &[u8]) -> Self {
        let length = (8 + payload.len()) as u16;
        let mut bytes = [source, destination, length, 0].map(u16::to_be_bytes).concat();
        bytes.extend(payload);
        let sum = internet(&[&self.pseudo_header(UDP, bytes.len()), &bytes]);
        // RFC 768: zero would say that there's no checksum.
        let sum = if sum == 0 { u16::MAX } else { sum };
        bytes[6..8].copy_from_slice(&sum.to_be_bytes());
        self.raw(UDP, &bytes)
    }

    /// Carries a TCP segment with these flags.
    #[must_use]
    fn tcp(self, source: u16, destination: u16, flags: u8, payload: &[u8]) -> Self {
        let mut bytes = [source, destination].map(u16::to_be_bytes).concat();
        bytes.extend([0x0102_0304_u32, 0x0506_0708].map(u32::to_be_bytes).concat());
        bytes.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(payload);
        let sum = internet(&[&self.pseudo_header(TCP, bytes.len()), &bytes]);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        self.raw(TCP, &bytes)
    }

    /// Carries an ICMP message (RFC 792); `body` is all behind the checksum.
    #[must_use]
    fn icmp(self, kind: u8, code: u8, body: &[u8]) -> Self {
        let mut bytes = vec![kind, code, 0, 0];
        bytes.extend(body);
        let sum = internet(&[&bytes]);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        self.raw(ICMP, &bytes)
    }

    /// Carries an ICMPv6 message (RFC 4443); `body` is all behind the checksum.
    #[must_use]
    fn icmp6(self, kind: u8, code: u8, body: &[u8]) -> Self {
        let mut bytes = vec![kind, code, 0, 0];
        bytes.extend(body);
        let sum = internet(&[&self.pseudo_header(ICMPV6, bytes.len()), &bytes]);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        self.raw(ICMPV6, &bytes)
    }

    /// Carries an SCTP packet; `chunks` is all behind the common header.
    #[must_use]
    fn sctp(self, source: u16, destination: u16, chunks: &[u8]) -> Self {
        let mut bytes = [source, destination].map(u16::to_be_bytes).concat();
        bytes.extend([0x0102_0304_u32, 0].map(u32::to_be_bytes).concat());
        bytes.extend(chunks);
        let sum = crc32c(&bytes);
        // RFC 9260 appendix A: it goes out with its lowest byte first.
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        self.raw(SCTP, &bytes)
    }
}
