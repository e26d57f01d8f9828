//! Well-formed packets of every kind, at random.

use firewall_common::{fragment::Class, packet::Family};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    frame::{Extension, Packet, Place},
    reference::{TRANSPORTS, transport_header},
};

fn protocols() -> impl Strategy<Value = u8> {
    prop_oneof![5 => select(&TRANSPORTS).prop_map(|(protocol, _)| protocol), 2 => any::<u8>()]
}

fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let units = prop_oneof![9 => 0u8..4, 1 => any::<u8>()];
    let header = (select(vec![43u8, 60]), units, 1u8..).prop_map(|(kind, units, third)| Extension {
        kind,
        units,
        third,
    });
    vec(header, 0..5)
}

fn tags() -> impl Strategy<Value = Vec<(u16, u16)>> {
    vec((select(vec![0x8100u16, 0x88a8, 0x9100]), any::<u16>()), 0..=2)
}

/// A class, and for fragments what their headers say.
fn places() -> impl Strategy<Value = Option<Place>> {
    let id = || prop_oneof![0u32..4, any::<u32>()];
    let trailing = (id(), prop_oneof![1u16..4, 1u16..=8191], any::<bool>());
    prop_oneof![
        Just(None),
        id().prop_map(|id| Some(Place { id, offset: 0, more: false })),
        id().prop_map(|id| Some(Place { id, offset: 0, more: true })),
        trailing.prop_map(|(id, units, more)| Some(Place { id, offset: units * 8, more })),
    ]
}

/// Well-formed packets.
pub(crate) fn packets() -> impl Strategy<Value = Packet> {
    let network = (
        prop_oneof![Just(Family::V4), Just(Family::V6)],
        tags(),
        (0usize..=10, any::<u8>()).prop_map(|(words, byte)| vec![byte; words * 4]),
        (any::<bool>(), extensions(), extensions()),
        (places(), any::<u16>(), any::<u8>()),
    );
    let addresses = (0u8..3, select(vec![[0x20u8, 0x01], [0xfe, 0x80], [0xff, 0x02]]));
    let rest = (
        protocols(),
        prop_oneof![select(vec![500u16, 4500]), any::<u16>()],
        vec(any::<u8>(), 0..80),
        vec(any::<u8>(), 0..20),
    );
    (network, addresses, rest).prop_map(|(network, (source, destination), rest)| {
        let (family, tags, options, (hop_by_hop, before, after), (place, ignored, hop_limit)) = network;
        let (protocol, port, data, padding) = rest;
        let packet = Packet {
            tags,
            options,
            before,
            after,
            place,
            ignored,
            hop_limit,
            padding,
            source,
            destination,
            ..Packet::new(family, protocol, data)
        };
        well_formed(packet, hop_by_hop, port)
    })
}

/// Makes what was drawn at random obey the rules that its parts impose on each other.
fn well_formed(mut packet: Packet, hop_by_hop: bool, port: u16) -> Packet {
    match packet.family {
        Family::V4 => (packet.before, packet.after) = (Vec::new(), Vec::new()),
        Family::V6 => {
            packet.options.clear();
            if hop_by_hop {
                packet.before.insert(0, Extension { kind: 0, units: 0, third: 5 });
            }
            // Extension headers are none of the upper-layer protocols.
            if [0, 43, 44, 60].contains(&packet.protocol) {
                packet.protocol = 59;
            }
        }
    }
    let class = packet.class();
    if class == Class::Trailing {
        // Its payload is a piece of the datagram, whatever that begins with.
        packet.after.clear();
    }
    // Eight headers are followed, the Fragment header among them.
    let room = 8 - usize::from(packet.place.is_some());
    packet.before.truncate(room);
    packet.after.truncate(room - packet.before.len());

    if class != Class::Trailing {
        let header = transport_header(packet.protocol);
        if packet.payload.len() < header {
            packet.payload.resize(header, 0x11);
        }
        if header >= 8 {
            packet.payload[2..4].copy_from_slice(&port.to_be_bytes());
        }
    }
    if let Some(place) = &mut packet.place {
        if place.more {
            let length = packet.payload.len().next_multiple_of(8).max(8);
            packet.payload.resize(length, 0x22);
        }
        if place.offset > 0 {
            place.offset = place.offset.min((65535 - packet.payload.len() as u16) & !7);
            if packet.protocol == 6 && place.offset == 8 {
                place.offset = 16;
            }
        }
    }
    packet
}
