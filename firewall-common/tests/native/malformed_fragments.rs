//! Each way of being malformed that only fragments know: the least fragment that is, beside the nearest one that isn't.

use firewall_common::{packet::Family, verdict::Reason};

use crate::support::{
    frame::{Extension, Packet, ports, udp},
    parse::{malformed, well_formed},
    reference::TRANSPORTS,
};

const V4: Family = Family::V4;
const V6: Family = Family::V6;

fn options() -> Extension {
    Extension { kind: 60, units: 0, third: 1 }
}

#[test]
fn nested_fragment() {
    for offset in [0, 8] {
        for more in [false, true] {
            let nested = Packet { protocol: 44, ..Packet::new(V6, 17, udp(500, 8)) }.at(1, offset, more);
            malformed(&nested.frame(), Reason::NestedFragment);
        }
    }
    let apart = Packet { protocol: 44, after: vec![options()], ..Packet::new(V6, 17, udp(500, 8)) };
    malformed(&apart.clone().at(1, 0, true).frame(), Reason::NestedFragment);
    malformed(&apart.clone().at(1, 0, false).frame(), Reason::NestedFragment);
    well_formed(&Packet { protocol: 17, ..apart }.at(1, 0, true).frame());
}

#[test]
fn fragment_end() {
    for family in [V4, V6] {
        let last =
            |offset, length: usize| Packet::new(family, 17, vec![1; length]).at(1, offset, false).frame();
        well_formed(&last(65528, 7));
        malformed(&last(65528, 8), Reason::FragmentEnd);
        well_formed(&last(65512, 23));
        malformed(&last(65512, 24), Reason::FragmentEnd);
        let more = |offset| Packet::new(family, 17, vec![1; 8]).at(1, offset, true).frame();
        well_formed(&more(65520));
        malformed(&more(65528), Reason::FragmentEnd);
    }
}

#[test]
fn fragment_length() {
    for family in [V4, V6] {
        for offset in [0, 64] {
            let piece =
                |length: usize, more| Packet::new(family, 17, vec![1; length]).at(1, offset, more).frame();
            for length in 0..40 {
                if length > 0 && length % 8 == 0 {
                    well_formed(&piece(length, true));
                } else {
                    malformed(&piece(length, true), Reason::FragmentLength);
                }
            }
        }
        // The last one may end anywhere.
        for length in 0..20 {
            well_formed(&Packet::new(family, 17, vec![1; length]).at(1, 64, false).frame());
        }
    }
}

#[test]
fn fragment_headers() {
    for (protocol, length) in TRANSPORTS {
        for family in [V4, V6] {
            let first = |length: usize| Packet::new(family, protocol, vec![1; length]).at(1, 0, true);
            let least = length.next_multiple_of(8);
            well_formed(&first(least).frame());
            for short in (8..least).step_by(8) {
                malformed(&first(short).frame(), Reason::FragmentHeaders);
            }
        }
        // The chain behind the Fragment header uses up what the transport header would need.
        let chained = |after: usize, rest: usize| Packet {
            after: vec![options(); after],
            ..Packet::new(V6, protocol, vec![1; rest]).at(1, 0, true)
        };
        well_formed(&chained(2, length.next_multiple_of(8)).frame());
        malformed(&chained(2, length.next_multiple_of(8) - 8).frame(), Reason::FragmentHeaders);
    }
    // A header that goes on in the next fragment.
    let long = |units: u8| {
        let first = Packet { after: vec![options()], ..Packet::new(V6, 59, vec![1; 8]) }.at(1, 0, true);
        let mut frame = first.frame();
        // Hdr Ext Len of what comes behind the link header, the fixed header and the Fragment header.
        frame[14 + 40 + 8 + 1] = units;
        frame
    };
    well_formed(&long(1));
    malformed(&long(2), Reason::FragmentHeaders);
}

#[test]
fn fragment_tcp_flags() {
    for family in [V4, V6] {
        for more in [false, true] {
            let piece =
                |protocol, offset| Packet::new(family, protocol, ports(1, 2, 20)).at(1, offset, more).frame();
            malformed(&piece(6, 8), Reason::FragmentTcpFlags);
            well_formed(&piece(6, 16));
            well_formed(&piece(17, 8));
        }
    }
    // The first one holds all of the TCP header, or it is none.
    malformed(&Packet::new(V4, 6, vec![1; 16]).at(1, 0, true).frame(), Reason::FragmentHeaders);
}
