//! What the kernel would deliver and the filter drops on purpose, and what lies just on the other side of each such line.

use std::net::SocketAddr;

use firewall_tests::harness::host::HOST;
use firewall_tests::harness::packet::{Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, pattern};

use super::twins::{ALLOWED, Delivery, MODES, Twins};

const LENGTH: usize = 2000;
const TCP: u8 = 6;
const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Frames of a datagram to an allowed port, and what it carries.
struct Case {
    name: &'static str,
    to: SocketAddr,
    payload: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

/// A payload that no other number has.
fn payload(number: u8) -> Vec<u8> {
    let mut payload = pattern(LENGTH);
    payload[0] = number;
    payload
}

fn packet6() -> Ip6 {
    ip6("2001:db8:1::1", &HOST[0].to_string())
}

fn packet4() -> Ip4 {
    ip4("10.0.0.1", &HOST[1].to_string())
}

/// A case: `frames` makes them of a number, which is the identification too, and the payload.
fn case<P: Payload>(number: u8, name: &'static str, frames: impl FnOnce(u8, &[u8]) -> Vec<P>) -> Case {
    let host = HOST[usize::from(P::ETHERTYPE == Ip4::ETHERTYPE)];
    let payload = payload(number);
    let frames = frames(number, &payload).into_iter().map(|packet| Ether::to(packet).frame()).collect();
    Case { name, to: SocketAddr::new(host, ALLOWED[0]), payload, frames }
}

/// A datagram in two fragments.
fn cut6(packet: Ip6, id: u8, payload: &[u8]) -> Vec<Ip6> {
    packet.udp(9, ALLOWED[0], payload).fragments(id.into(), &[1000])
}

/// The same, with headers as the function says: what is written in the trailing one's Next Header, and where it begins.
fn trailing_says(id: u8, payload: &[u8], next_header: u8, start: usize) -> Vec<Ip6> {
    let (_, bytes) = packet6().udp(9, ALLOWED[0], payload).fragmentable();
    let middle = 1000;
    let part = |range: std::ops::Range<usize>, more, protocol| {
        packet6().fragment(id.into(), range.start as u16, more).raw(protocol, &bytes[range])
    };
    vec![
        part(0..start, true, UDP),
        part(start..middle, true, next_header),
        part(middle..bytes.len(), false, UDP),
    ]
}

/// Two destination options and the UDP header, the first fragment holding `first` bytes of them.
fn chain_cut_at(id: u8, payload: &[u8], first: usize) -> Vec<Ip6> {
    packet6().dest_opts(8).dest_opts(8).udp(9, ALLOWED[0], payload).fragments(id.into(), &[first, 1000])
}

/// An IPv4 datagram whose first fragment ends some bytes behind the start of the next one, which the kernel rounds down.
fn longer_by(id: u8, payload: &[u8], excess: usize) -> Vec<Ip4> {
    let (protocol, bytes) = packet4().udp(9, ALLOWED[0], payload).fragmentable();
    vec![
        packet4().fragment(id.into(), 0, true).raw(protocol, &bytes[..1000 + excess]),
        packet4().fragment(id.into(), 1000, false).raw(protocol, &bytes[1000..]),
    ]
}

fn options(count: usize) -> Ip6 {
    (0..count).fold(packet6(), |packet, _| packet.dest_opts(8))
}

fn dropped() -> Vec<Case> {
    vec![
        case(1, "a routing header of type 0", |id, payload| cut6(packet6().routing(0, 8), id, payload)),
        case(2, "nine extension headers", |id, payload| cut6(options(8), id, payload)),
        case(3, "a first fragment without the UDP header", |id, payload| chain_cut_at(id, payload, 8)),
        case(4, "TCP at byte 8", |id, payload| trailing_says(id, payload, TCP, 8)),
        case(5, "a second Fragment header", |id, payload| trailing_says(id, payload, FRAGMENT, 16)),
        case(6, "an odd length", |id, payload| longer_by(id, payload, 3)),
    ]
}

fn delivered() -> Vec<Case> {
    vec![
        case(11, "a routing header of another type", |id, payload| {
            cut6(packet6().routing(253, 8), id, payload)
        }),
        case(12, "eight extension headers", |id, payload| cut6(options(7), id, payload)),
        case(13, "a first fragment of headers alone", |id, payload| chain_cut_at(id, payload, 24)),
        case(14, "TCP at byte 16", |id, payload| trailing_says(id, payload, TCP, 16)),
        case(15, "destination options at byte 8", |id, payload| {
            trailing_says(id, payload, DESTINATION_OPTIONS, 8)
        }),
        case(16, "an even length", |id, payload| longer_by(id, payload, 0)),
    ]
}

fn arrived(case: &Case, deliveries: &[Delivery]) -> usize {
    deliveries.iter().filter(|(to, payload)| (*to, payload) == (case.to, &case.payload)).count()
}

#[test]
fn what_is_malformed_is_dropped_although_the_kernel_would_deliver_it() {
    for mode in MODES {
        let twins = Twins::new(mode).unwrap();
        for (cases, filtered) in [(dropped(), 0), (delivered(), 1)] {
            for case in cases {
                let all = twins.send(case.frames.iter().map(Vec::as_slice)).unwrap();
                assert_eq!(arrived(&case, &all.reference), 1, "{}, without a filter, {mode}", case.name);
                assert_eq!(
                    arrived(&case, &all.filtered),
                    filtered,
                    "{}, behind the filter, {mode}",
                    case.name
                );
                let total = [all.reference.len(), all.filtered.len()];
                assert_eq!(total, [1, filtered], "{}, {mode}", case.name);
            }
        }
    }
}
