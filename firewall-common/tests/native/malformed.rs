//! Each way of being malformed: the least packet that is, beside the nearest one that isn't.

use firewall_common::{packet::Family, verdict::Reason};

use crate::support::{
    frame::{Extension, Packet, udp},
    parse::{malformed, well_formed},
    reference::TRANSPORTS,
};

const V4: Family = Family::V4;
const V6: Family = Family::V6;

/// The frame with some bytes replaced.
fn with(packet: &Packet, place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = packet.frame();
    frame[place..place + bytes.len()].copy_from_slice(bytes);
    frame
}

fn packet(family: Family) -> Packet {
    Packet::new(family, 17, udp(500, 8))
}

fn options(kind: u8) -> Extension {
    Extension { kind, units: 0, third: 1 }
}

#[test]
fn truncated() {
    for (family, header) in [(V4, 20), (V6, 40)] {
        for tags in 0..=2 {
            let whole = Packet { tags: vec![(0x8100, 5); tags], ..packet(family) };
            let frame = whole.frame();
            for length in 0..14 + 4 * tags + header {
                malformed(&frame[..length], Reason::Truncated);
            }
            malformed(&frame[..14 + 4 * tags + header], Reason::IpLength);
            well_formed(&frame);
        }
    }
    // Something else than IP needs its link header only.
    well_formed(&with(&packet(V4), 12, &[0x08, 0x06])[..14]);
    malformed(&with(&packet(V4), 12, &[0x08, 0x06])[..13], Reason::Truncated);
}

#[test]
fn ip_version() {
    for version in 0..16u8 {
        let v4 = with(&packet(V4), 14, &[version << 4 | 5]);
        let v6 = with(&packet(V6), 14, &[version << 4]);
        if version == 4 {
            well_formed(&v4)
        } else {
            malformed(&v4, Reason::IpVersion)
        }
        if version == 6 { well_formed(&v6) } else { malformed(&v6, Reason::IpVersion) }
    }
}

#[test]
fn ip_header_length() {
    for words in 0..5 {
        malformed(&with(&packet(V4), 14, &[0x40 | words]), Reason::IpHeaderLength);
    }
    for words in 5..16u8 {
        let header = usize::from(words) * 4;
        let bare = Packet { options: vec![1; header - 20], ..Packet::new(V4, 59, Vec::new()) };
        well_formed(&bare.frame());
        malformed(&with(&bare, 16, &(header as u16 - 1).to_be_bytes()), Reason::IpHeaderLength);
    }
}

#[test]
fn ip_length() {
    for (family, place, header) in [(V4, 16, 20u16), (V6, 18, 0)] {
        let whole = packet(family);
        well_formed(&with(&whole, place, &(header + 16).to_be_bytes()));
        for length in [header + 17, u16::MAX] {
            malformed(&with(&whole, place, &length.to_be_bytes()), Reason::IpLength);
        }
        let padded = Packet { padding: vec![0], ..whole };
        well_formed(&with(&padded, place, &(header + 17).to_be_bytes()));
        malformed(&with(&padded, place, &(header + 18).to_be_bytes()), Reason::IpLength);
    }
}

#[test]
fn a_jumbogram_ends_inside_its_own_headers() {
    let jumbogram = Packet { before: vec![options(0)], ..packet(V6) };
    malformed(&with(&jumbogram, 18, &[0, 0]), Reason::TransportHeader);
}

#[test]
fn extension_chain() {
    let chain = |n: usize| Packet { before: vec![options(60); n], ..packet(V6) };
    well_formed(&chain(8).frame());
    malformed(&chain(9).frame(), Reason::ExtensionChain);
    // The Fragment header counts, wherever it stands.
    for before in 0..=7 {
        let fragmented =
            |n: usize| Packet { after: vec![options(60); n - before], ..chain(before).at(1, 0, true) };
        well_formed(&fragmented(7).frame());
        malformed(&fragmented(8).frame(), Reason::ExtensionChain);
    }
    malformed(&chain(8).at(1, 0, true).frame(), Reason::ExtensionChain);
    malformed(&chain(8).at(1, 8, true).frame(), Reason::ExtensionChain);
    // What is no extension header may follow any chain.
    well_formed(&Packet { protocol: 50, ..chain(8) }.frame());
}

#[test]
fn extension_order() {
    let chain =
        |before: &[u8]| Packet { before: before.iter().map(|kind| options(*kind)).collect(), ..packet(V6) };
    well_formed(&chain(&[0]).frame());
    well_formed(&chain(&[0, 60, 43, 60]).frame());
    malformed(&chain(&[0, 0]).frame(), Reason::ExtensionOrder);
    malformed(&chain(&[60, 0]).frame(), Reason::ExtensionOrder);
    malformed(&chain(&[43, 60, 0]).frame(), Reason::ExtensionOrder);
    let behind = |offset| Packet { after: vec![options(0)], ..packet(V6) }.at(1, offset, true).frame();
    malformed(&behind(0), Reason::ExtensionOrder);
    // A trailing fragment's payload is a piece of the datagram, not a header.
    well_formed(&behind(8));
    // In IPv4, 0 is a protocol as any other.
    well_formed(&Packet { protocol: 0, ..packet(V4) }.frame());
}

#[test]
fn routing_header_0() {
    let routed = |kind, third| Packet { before: vec![Extension { kind, units: 2, third }], ..packet(V6) };
    for kind in 1..=255 {
        well_formed(&routed(43, kind).frame());
    }
    malformed(&routed(43, 0).frame(), Reason::RoutingHeader0);
    well_formed(&routed(60, 0).frame());
    for position in 0..8 {
        let before = [vec![options(60); position], routed(43, 0).before].concat();
        malformed(&Packet { before, ..packet(V6) }.frame(), Reason::RoutingHeader0);
    }
    let behind = Packet { after: vec![Extension { kind: 43, units: 2, third: 0 }], ..packet(V6) };
    malformed(&behind.clone().at(1, 0, true).frame(), Reason::RoutingHeader0);
    well_formed(&behind.at(1, 8, true).frame());
}

#[test]
fn transport_header() {
    for (protocol, length) in TRANSPORTS {
        for family in [V4, V6] {
            let packet = |length: usize| Packet {
                padding: vec![0; 60],
                ..Packet::new(family, protocol, vec![1; length])
            };
            well_formed(&packet(length).frame());
            for short in 0..length {
                malformed(&packet(short).frame(), Reason::TransportHeader);
            }
        }
        let atomic = |length: usize| Packet::new(V6, protocol, vec![1; length]).at(1, 0, false);
        well_formed(&atomic(length).frame());
        malformed(&atomic(length - 1).frame(), Reason::TransportHeader);
    }
    for family in [V4, V6] {
        well_formed(&Packet::new(family, 59, Vec::new()).frame());
        well_formed(&Packet::new(family, 50, Vec::new()).frame());
    }
}

#[test]
fn an_extension_header_ends_inside_its_packet() {
    for kind in [0, 43, 60] {
        let packet = |units: u8, left: usize| Packet {
            before: vec![Extension { kind, units: 0, third: 1 }],
            ..Packet::new(V6, 59, vec![units; left])
        };
        for units in [0u8, 1, 2, 7, 255] {
            let rest = usize::from(units) * 8;
            well_formed(&with(&packet(units, rest), 55, &[units]));
            if units > 0 {
                malformed(&with(&packet(units, rest - 1), 55, &[units]), Reason::TransportHeader);
            }
        }
        for length in 0..8 {
            malformed(&with(&packet(0, 0), 18, &[0, length]), Reason::TransportHeader);
        }
    }
    let fragmented = packet(V6).at(1, 0, true);
    for length in 0..8 {
        malformed(&with(&fragmented, 18, &[0, length]), Reason::TransportHeader);
    }
}
