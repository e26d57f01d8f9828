//! Packets, written the way they read on the wire, from the outside in:
//!
//! ```
//! use firewall_tests::harness::packet::{Ether, Internet, ip6};
//!
//! let frame = Ether::to(ip6("2001:db8::1", "2001:db8::2").hop_limit(51).dest_opts(8).udp(4500, 4500, b"payload"))
//!     .tag(0x8100, 7)
//!     .frame();
//! assert_eq!(frame.len(), 14 + 4 + 40 + 8 + 8 + 7);
//! ```
//!
//! Lengths, Next Header fields and checksums come out right by themselves; a test that wants them wrong changes the
//! bytes afterwards. Nothing here uses the shipped parser, so that a misreading of a header can't cancel itself out.

pub mod checksum;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod mirror;
pub mod random;
pub mod transport;

pub use ethernet::Ether;
pub use ipv4::{Ip4, ip4};
pub use ipv6::{Ip6, ip6};
pub use transport::Internet;

/// What an Ethernet frame carries.
pub trait Payload {
    /// Its EtherType.
    const ETHERTYPE: u16;

    /// Its bytes.
    fn bytes(&self) -> Vec<u8>;
}

/// `length` bytes that differ from their neighbours, so that a part that is out of place shows.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// `base` with `bytes` written over it from `offset` on: a field that lies.
///
/// # Panics
/// They don't lie within it.
pub fn patched(base: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = base.to_vec();
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
    frame
}

/// The cuts of a datagram into as many parts as it takes for each to fit into `room` bytes: all but the last as long as
/// a multiple of 8 can be.
///
/// # Panics
/// There's no room for 8 bytes.
pub fn cuts_for(length: usize, room: usize) -> Vec<usize> {
    let step = room & !7;
    assert!(step > 0, "{room} bytes hold no fragment");
    (1..).map(|n| n * step).take_while(|&cut| cut < length).collect()
}

/// The parts between `cuts` of a datagram of `length` bytes, as (start, end).
fn parts(length: usize, cuts: &[usize]) -> Vec<(usize, usize)> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    starts.zip(cuts.iter().copied().chain([length])).collect()
}
