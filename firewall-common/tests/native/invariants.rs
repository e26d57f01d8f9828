//! The fuzz target's property, on frames that a fuzzer would take long to find.

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{frame::Packet, generate::packets, invariants::judge_frames, sequence::sequence};

/// Packets of few datagrams, so that fragments meet each other.
fn related() -> impl Strategy<Value = Packet> {
    (packets(), 0u32..2).prop_map(|(mut packet, id)| {
        if let Some(place) = &mut packet.place {
            place.id = id;
        }
        (packet.source, packet.destination) = (1, [0xff, 0x02]);
        packet
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn hold_for_any_bytes(input in vec(any::<u8>(), 0..600)) {
        judge_frames(&input);
    }

    #[test]
    fn hold_for_well_formed_packets(policies: u8, packets in vec(related(), 0..12)) {
        judge_frames(&sequence(policies, packets.iter().map(Packet::frame)));
    }

    #[test]
    fn hold_for_changed_and_truncated_packets(
        policies: u8,
        packets in vec((related(), vec((any::<Index>(), any::<u8>()), 0..4), any::<bool>(), any::<Index>()), 0..12),
    ) {
        let frames = packets.iter().map(|(packet, changes, truncate, length)| {
            let mut frame = packet.frame();
            for (place, byte) in changes {
                // The headers are what matters; the payload may be long.
                let headers = frame.len().min(100);
                frame[place.index(headers)] = *byte;
            }
            if *truncate {
                frame.truncate(length.index(frame.len() + 1));
            }
            frame
        });
        judge_frames(&sequence(policies, frames));
    }
}
