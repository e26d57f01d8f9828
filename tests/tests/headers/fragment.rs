//! What a fragment says of itself.

use firewall_common::verdict::{
    Reason,
    Verdict::{Drop, Pass},
};
use firewall_tests::harness::packet::{Internet, Ip4, Ip6, patched, pattern};

use crate::{Case, IP, frame, v4, v6};

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let tail6 = |offset, more, protocol, length| {
        frame(v6().fragment(99, offset, more).raw(protocol, &pattern(length)))
    };
    let tail4 = |offset, more, protocol, length| {
        frame(v4().fragment(99, offset, more).raw(protocol, &pattern(length)))
    };
    let first6 = |packet: Ip6, cut: usize| frame(packet.fragments(1, &[cut]).remove(0));
    let first4 = |packet: Ip4, cut: usize| frame(packet.fragments(1, &[cut]).remove(0));
    let data = &pattern(100);
    vec![
        ("an atomic fragment", frame(v6().fragment(1, 0, false).udp(9, 4500, &[])), Pass, Reason::Rule),
        (
            "an atomic fragment to another port",
            frame(v6().fragment(1, 0, false).udp(9, 500, &[])),
            Drop,
            Reason::Default,
        ),
        (
            "an atomic fragment without its header",
            frame(v6().fragment(1, 0, false).raw(17, &[0; 7])),
            Drop,
            Reason::TransportHeader,
        ),
        ("a trailing fragment to byte 65535", tail6(65528, false, 17, 7), Pass, Reason::Early),
        ("a trailing fragment to byte 65536", tail6(65528, false, 17, 8), Drop, Reason::FragmentEnd),
        ("the same in IPv4", tail4(65528, false, 17, 7), Pass, Reason::Early),
        ("the same one further", tail4(65528, false, 17, 8), Drop, Reason::FragmentEnd),
        ("a middle fragment of 12 bytes", tail6(80, true, 17, 12), Drop, Reason::FragmentLength),
        ("a last fragment of 12 bytes", tail6(80, false, 17, 12), Pass, Reason::Early),
        ("a middle fragment of no bytes", tail6(80, true, 17, 0), Drop, Reason::FragmentLength),
        ("a first fragment of no bytes", tail6(0, true, 17, 0), Drop, Reason::FragmentLength),
        ("an IPv4 middle fragment of 9 bytes", tail4(80, true, 17, 9), Drop, Reason::FragmentLength),
        ("an IPv4 first fragment of no bytes", tail4(0, true, 17, 0), Drop, Reason::FragmentLength),
        ("an IPv4 middle fragment of 8 bytes", tail4(80, true, 17, 8), Pass, Reason::Early),
        ("a first fragment with a UDP header", first6(v6().udp(9, 4500, data), 8), Pass, Reason::Rule),
        (
            "one that ends in the options",
            first6(v6().dest_opts(16).udp(9, 4500, data), 8),
            Drop,
            Reason::FragmentHeaders,
        ),
        (
            "one that ends behind the options",
            first6(v6().dest_opts(16).udp(9, 4500, data), 16),
            Drop,
            Reason::FragmentHeaders,
        ),
        (
            "one with options and a UDP header",
            first6(v6().dest_opts(16).udp(9, 4500, data), 24),
            Pass,
            Reason::Rule,
        ),
        ("16 bytes of TCP", first6(v6().tcp(9, 22, 2, data), 16), Drop, Reason::FragmentHeaders),
        ("24 bytes of TCP", first6(v6().tcp(9, 22, 2, data), 24), Pass, Reason::Rule),
        ("8 bytes of SCTP", first6(v6().sctp(9, 22, data), 8), Drop, Reason::FragmentHeaders),
        ("IPv4, 8 bytes of UDP", first4(v4().udp(9, 4500, data), 8), Pass, Reason::Rule),
        ("IPv4, 16 bytes of TCP", first4(v4().tcp(9, 22, 2, data), 16), Drop, Reason::FragmentHeaders),
        ("IPv4, 24 bytes of TCP", first4(v4().tcp(9, 22, 2, data), 24), Pass, Reason::Rule),
        ("TCP at offset 8", tail4(8, false, 6, 64), Drop, Reason::FragmentTcpFlags),
        ("TCP at offset 8 in IPv6", tail6(8, true, 6, 64), Drop, Reason::FragmentTcpFlags),
        ("TCP at offset 16", tail4(16, false, 6, 64), Pass, Reason::Early),
        ("UDP at offset 8", tail4(8, false, 17, 64), Pass, Reason::Early),
        (
            "a trailing fragment under a lying version",
            patched(&tail6(80, false, 17, 8), IP, &[0x40]),
            Drop,
            Reason::IpVersion,
        ),
    ]
}
