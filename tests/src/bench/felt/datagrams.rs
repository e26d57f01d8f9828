//! The datagrams that two hosts exchange: what IPsec's are like in particular (RFC 3948).

use std::net::{SocketAddr, UdpSocket};

use anyhow::Result;

use super::super::contenders::ALLOWED;
use crate::harness::{
    host::{HOST, Host},
    packet::pattern,
    udp,
};

/// A kind of exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The datagrams' data, over and over.
    datagrams: fn() -> Vec<Vec<u8>>,
}

/// All of them, to UDP port 4500.
pub(super) const KINDS: [Kind; 4] = [
    Kind { name: "UDP, 64 bytes", datagrams: || vec![pattern(64)] },
    Kind { name: "UDP, 4000 bytes in three fragments", datagrams: || vec![pattern(4000)] },
    Kind { name: "IKE_AUTH, 1600 bytes in two fragments", datagrams: || vec![ike(1600)] },
    Kind { name: "IPsec mix: ESP in UDP, and IKE", datagrams: mix },
];

/// The port that they go to.
const PORT: u16 = ALLOWED[1];
/// The MTU that they are cut for, in bytes.
pub(super) const MTU: u32 = 1500;

/// The sizes of a simple IMIX, in bytes of an IP packet, each as often as it comes in twelve of them. The largest leaves room for IPv6 and UDP
/// headers in the MTU.
const IMIX: [(usize, usize); 3] = [(7, 96), (4, 576), (1, MTU as usize)];
/// How often the twelve are sent for one IKE message.
const ESP_EACH: usize = 8;
/// IPv6 and UDP headers, in bytes.
const HEADERS: usize = 40 + 8;

/// The host's socket on that port, and its neighbour's that sends there.
pub(super) fn sockets(host: &Host) -> Result<(UdpSocket, UdpSocket)> {
    let receiver = udp::socket(&host.netns, HOST[0], PORT)?;
    let sender = udp::socket(&host.neighbour, HOST[0], 0)?;
    sender.connect(SocketAddr::new(HOST[0], PORT))?;
    Ok((receiver, sender))
}
impl Kind {
    /// The datagrams' data.
    pub(super) fn datagrams(&self) -> Vec<Vec<u8>> {
        (self.datagrams)()
    }
}

/// Twelve sizes many times over, and an IKE_AUTH in between.
fn mix() -> Vec<Vec<u8>> {
    let sizes = IMIX.iter().flat_map(|&(times, size)| std::iter::repeat_n(size, times));
    let mut all: Vec<Vec<u8>> =
        (0..ESP_EACH).flat_map(|_| sizes.clone()).map(|size| esp(size - HEADERS)).collect();
    all.push(ike(1600));
    all
}

/// An ESP packet: an SPI that isn't zero, a sequence number, and what is encrypted.
fn esp(size: usize) -> Vec<u8> {
    let mut data = pattern(size);
    data[..8].copy_from_slice(&[0xc0, 0xff, 0xee, 0x01, 0, 0, 0, 1]);
    data
}

/// An IKE message: the non-ESP marker, SPIs, next payload (encrypted), version 2.0, exchange (IKE_AUTH), flags, message id and length.
fn ike(size: usize) -> Vec<u8> {
    let mut data = pattern(size);
    data[..4].fill(0);
    data[20..28].copy_from_slice(&[46, 0x20, 35, 0x08, 0, 0, 0, 1]);
    data[28..32].copy_from_slice(&(size as u32 - 4).to_be_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_an_imix_of_esp_with_an_ike_message_that_has_to_be_cut() {
        let mix = mix();
        let is_ike = |data: &&Vec<u8>| data[..4] == [0; 4];
        let (ike, esp): (Vec<_>, Vec<_>) = mix.iter().partition(is_ike);
        assert_eq!((ike.len(), esp.len()), (1, 12 * ESP_EACH));
        assert!(ike.iter().all(|data| data.len() + HEADERS > MTU as usize));
        assert_eq!(esp.iter().map(|data| data.len() + HEADERS).max(), Some(MTU as usize));
    }
}
