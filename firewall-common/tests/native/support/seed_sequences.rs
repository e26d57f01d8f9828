//! What the fuzzer of the judge starts from: datagrams in fragments, honest ones and others, in several orders.

use firewall_common::packet::Family::{self, V4, V6};

use super::{
    frame::{Packet, udp},
    seed_frames::Seed,
    sequence::sequence,
};

/// The policies' bits: the default allows; early fragments pass; the reassembly budget is a few fragments.
const DEFAULT: u8 = 1;
const EARLY: u8 = 2;
const BUDGET: u8 = 4;

/// A UDP datagram to `port` in three fragments, of 32, 16 and 5 bytes.
fn datagram(family: Family, id: u32, port: u16) -> [Packet; 3] {
    [
        Packet::new(family, 17, udp(port, 24)).at(id, 0, true),
        Packet::new(family, 17, vec![0x5a; 16]).at(id, 32, true),
        Packet::new(family, 17, vec![0xa5; 5]).at(id, 48, false),
    ]
}

fn judged(policies: u8, packets: &[&Packet]) -> Vec<u8> {
    sequence(policies, packets.iter().map(|packet| packet.frame()))
}

/// Sequences of frames, in the form that `judge_frames` reads.
pub(crate) fn sequences() -> Vec<Seed> {
    let [first, middle, last] = &datagram(V6, 7, 500);
    let [first4, middle4, last4] = &datagram(V4, 7, 500);
    let [other, other_middle, other_last] = &datagram(V6, 8, 4500);
    let [denied, denied_middle, denied_last] = &datagram(V6, 7, 53);
    let [unnamed, unnamed_middle, unnamed_last] = &datagram(V4, 9, 9999);
    let whole = &Packet::new(V6, 17, udp(500, 8));
    let atomic = &Packet::new(V6, 17, udp(53, 8)).at(7, 0, false);
    let esp = &Packet::new(V4, 50, vec![9; 16]).at(7, 0, true);
    let overlapping = &Packet::new(V6, 17, vec![0x33; 16]).at(7, 24, true);
    let rewriting = &Packet::new(V6, 6, vec![0x33; 16]).at(7, 8, true);
    let nested = &Packet { protocol: 44, ..middle.clone() };
    let too_big =
        &Packet::new(V6, 58, [vec![2, 0, 0, 0, 0, 0, 5, 0], vec![0x60; 24]].concat()).at(7, 0, true);
    let too_big_last = &Packet::new(V6, 58, vec![0x60; 9]).at(7, 32, false);
    let solicitation = &Packet { hop_limit: 255, ..Packet::new(V6, 58, vec![135; 24]) };
    let early_solicitation = &solicitation.clone().at(7, 0, true);
    let local = |packet: &Packet, vlan| Packet {
        destination: [0xfe, 0x80],
        tags: vec![(0x8100, vlan)],
        ..packet.clone()
    };
    let (other_id, other_source, other_destination) = (
        &middle.clone().at(6, 32, true),
        &Packet { source: 2, ..middle.clone() },
        &Packet { destination: [0x20, 0x02], ..middle.clone() },
    );
    let (local_first, local_last) = (&local(first, 5), &local(middle, 5));
    let (elsewhere, elsewhere_first) = (&local(middle, 6), &local(denied, 6));

    let [one, two, three, four, five] = &[1, 2, 3, 4, 5].map(|id| middle.clone().at(id, 32, true));

    let lying = [judged(EARLY, &[first, middle]), vec![0xff, 0xff], last.frame()].concat();
    let cut = sequence(EARLY, [first.frame()[..80].to_vec(), middle.frame(), last.frame()[..50].to_vec()]);
    vec![
        ("ike-ipv6-in-order", judged(EARLY, &[first, middle, last])),
        ("ike-ipv6-last-first", judged(EARLY, &[last, middle, first])),
        ("ike-ipv6-last-first-strict", judged(0, &[last, middle, first, middle, last])),
        ("ike-ipv4-in-order", judged(EARLY, &[first4, middle4, last4])),
        ("ike-ipv4-last-first", judged(EARLY, &[last4, middle4, first4])),
        ("ike-first-in-between", judged(EARLY, &[middle, first, last])),
        ("ike-twice", judged(EARLY, &[first, middle, last, first, middle, last])),
        ("every-fragment-twice", judged(EARLY, &[first, first, middle, middle, last, last])),
        ("exchanges-interleaved", judged(0, &[first, other, middle, other_middle, other_last, last])),
        ("both-families-one-id", judged(0, &[first, first4, middle4, middle, last, last4])),
        ("denied-in-order", judged(EARLY, &[denied, denied_middle, denied_last])),
        ("denied-last-first", judged(EARLY, &[denied_last, denied_middle, denied])),
        ("default-allows", judged(DEFAULT | EARLY, &[unnamed_last, unnamed, unnamed_middle])),
        ("default-denies", judged(EARLY, &[unnamed, unnamed_middle, unnamed_last])),
        ("allowed-then-denied", judged(0, &[first, middle, denied, middle, last])),
        ("denied-then-allowed", judged(0, &[denied, middle, first, middle, last])),
        ("protocol-without-ports", judged(0, &[esp, &Packet { protocol: 50, ..last4.clone() }])),
        ("overlap-behind-first", judged(EARLY, &[first, overlapping, middle, last])),
        ("overlap-before-first", judged(EARLY, &[overlapping, middle, last, first])),
        ("tcp-flags-at-8", judged(DEFAULT | EARLY, &[first, rewriting, last])),
        ("nested-fragment", judged(DEFAULT | EARLY, &[first, nested, last])),
        ("atomic-among-fragments", judged(0, &[first, atomic, whole, middle, last])),
        ("packet-too-big", judged(0, &[too_big, too_big_last])),
        ("neighbour-discovery-in-fragments", judged(DEFAULT, &[solicitation, early_solicitation, middle])),
        (
            "like-each-other",
            judged(EARLY, &[first, other_id, other_source, other_destination, middle4, middle]),
        ),
        ("budget-for-early-fragments", judged(EARLY | BUDGET, &[one, two, three, four, five])),
        (
            "budget-for-first-fragments",
            judged(BUDGET, &[first, other, first4, unnamed, middle, last, other_middle]),
        ),
        ("budget-comes-back", judged(EARLY | BUDGET, &[last, middle, first, one, two, three, four])),
        ("budget-of-two-sources", judged(EARLY | BUDGET, &[one, two, three, four, other_source, first])),
        ("links-apart", judged(0, &[local_first, elsewhere, elsewhere_first, local_last, elsewhere])),
        ("length-beyond-input", lying),
        ("frames-cut-short", cut),
    ]
}
