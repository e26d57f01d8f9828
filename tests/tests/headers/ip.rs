//! The fixed headers of IPv4 and IPv6.

use firewall_common::verdict::{
    Reason,
    Verdict::{Drop, Pass},
};
use firewall_tests::harness::packet::{Ether, Internet, patched};

use crate::{Case, IP, frame, udp4, udp6, v4, v6};

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let opts = |length| frame(v4().options(&vec![1; length]).udp(9, 4500, &[]));
    let rsvp = frame(v4().raw(46, &[]));
    vec![
        ("IPv4", udp4(), Pass, Reason::Rule),
        ("IPv4 with 40 bytes of options", opts(40), Pass, Reason::Rule),
        ("an IHL of 4", patched(&udp4(), IP, &[0x44]), Drop, Reason::IpHeaderLength),
        ("an IHL of 0", patched(&udp4(), IP, &[0x40]), Drop, Reason::IpHeaderLength),
        (
            "an IHL that ends with the packet",
            patched(&opts(40), IP + 2, &[0, 60]),
            Drop,
            Reason::TransportHeader,
        ),
        ("an IHL beyond the packet", patched(&opts(40), IP + 2, &[0, 59]), Drop, Reason::IpHeaderLength),
        ("an IHL that moves the ports", patched(&udp4(), IP, &[0x46]), Drop, Reason::Default),
        ("a total length below the header", patched(&udp4(), IP + 2, &[0, 19]), Drop, Reason::IpHeaderLength),
        ("a total length of 0", patched(&udp4(), IP + 2, &[0, 0]), Drop, Reason::IpHeaderLength),
        ("a total length one too long", patched(&udp4(), IP + 2, &[0, 93]), Drop, Reason::IpLength),
        ("a total length one too short", patched(&udp4(), IP + 2, &[0, 91]), Pass, Reason::Rule),
        ("a total length that leaves 8 bytes", patched(&udp4(), IP + 2, &[0, 28]), Pass, Reason::Rule),
        (
            "a total length that leaves 7 bytes",
            patched(&udp4(), IP + 2, &[0, 27]),
            Drop,
            Reason::TransportHeader,
        ),
        ("a protocol without payload", rsvp, Drop, Reason::Default),
        ("IPv6", udp6(), Pass, Reason::Rule),
        ("a payload length one too long", patched(&udp6(), IP + 4, &[0, 73]), Drop, Reason::IpLength),
        ("a payload length of 65535", patched(&udp6(), IP + 4, &[255, 255]), Drop, Reason::IpLength),
        ("a payload length that leaves 8 bytes", patched(&udp6(), IP + 4, &[0, 8]), Pass, Reason::Rule),
        (
            "a payload length that leaves 7 bytes",
            patched(&udp6(), IP + 4, &[0, 7]),
            Drop,
            Reason::TransportHeader,
        ),
        ("a payload length of 0", patched(&udp6(), IP + 4, &[0, 0]), Drop, Reason::TransportHeader),
        ("no next header", frame(v6().raw(59, &[])), Pass, Reason::Rule),
        ("padding behind IPv6", Ether::to(v6().udp(9, 4500, &[])).padding(300).frame(), Pass, Reason::Rule),
        ("padding behind IPv4", Ether::to(v4().udp(9, 4500, &[])).padding(18).frame(), Pass, Reason::Rule),
        ("don't fragment", frame(v4().id(7).dont_fragment().udp(9, 4500, &[])), Pass, Reason::Rule),
        ("the reserved flag", patched(&udp4(), IP + 6, &[0x80, 0]), Pass, Reason::Rule),
    ]
}
