//! ICMP that passes whatever the rules say, and what only looks like it.

use firewall_common::verdict::{
    Reason,
    Verdict::{Drop, Pass},
};
use firewall_tests::harness::packet::{Internet, Ip6, ip6, pattern};

use crate::{Case, frame, v4, v6};

/// A multicast listener's message, with the router alert option that it bears.
fn listener(source: &str, hop_limit: u8, kind: u8) -> Ip6 {
    ip6(source, "ff02::1").hop_limit(hop_limit).hop_by_hop(8).icmp6(kind, 0, &[0; 20])
}

/// Errors that tell of a packet's fate, and what only looks like one, where they pass by themselves.
pub(crate) fn errors() -> Vec<Case> {
    let v6_of = |kind, code| frame(v6().icmp6(kind, code, &[0; 44]));
    let v4_of = |kind, code| frame(v4().icmp(kind, code, &[0; 32]));
    vec![
        ("port unreachable", v6_of(1, 4), Pass, Reason::IcmpError),
        ("packet too big", v6_of(2, 0), Pass, Reason::PacketTooBig),
        ("hop limit exceeded", v6_of(3, 0), Pass, Reason::IcmpError),
        ("parameter problem", v6_of(4, 1), Pass, Reason::IcmpError),
        ("the type behind", v6_of(5, 0), Drop, Reason::Default),
        ("echo request", v6_of(128, 0), Drop, Reason::Default),
        (
            "port unreachable in an atomic fragment",
            frame(v6().fragment(1, 0, false).icmp6(1, 4, &[0; 44])),
            Pass,
            Reason::IcmpError,
        ),
        ("ICMPv6 of 3 bytes", frame(v6().raw(58, &[1, 4, 0])), Drop, Reason::TransportHeader),
        ("IPv4's numbers in IPv6", frame(v6().icmp(11, 0, &[0; 32])), Drop, Reason::Default),
        ("host unreachable", v4_of(3, 1), Pass, Reason::IcmpError),
        ("fragmentation needed", v4_of(3, 4), Pass, Reason::PacketTooBig),
        ("time exceeded", v4_of(11, 0), Pass, Reason::IcmpError),
        ("parameter problem of IPv4", v4_of(12, 0), Pass, Reason::IcmpError),
        ("source quench", v4_of(4, 0), Drop, Reason::Default),
        ("redirect", v4_of(5, 1), Drop, Reason::Default),
        ("IPv6's numbers in IPv4", frame(v4().raw(58, &[1, 4, 0, 0, 0, 0, 0, 0])), Drop, Reason::Default),
    ]
}

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let nd = |kind, code, limit| frame(v6().hop_limit(limit).icmp6(kind, code, &[0; 20]));
    let solicitation = v6().hop_limit(255).icmp6(135, 0, &pattern(100));
    let mut cases = vec![
        ("neighbour solicitation from afar", nd(135, 0, 254), Drop, Reason::Default),
        ("neighbour solicitation of code 1", nd(135, 1, 255), Drop, Reason::Default),
        ("the type before", nd(132, 0, 255), Drop, Reason::Default),
        ("the type behind", nd(138, 0, 255), Drop, Reason::Default),
        (
            "one in an atomic fragment",
            frame(solicitation.fragments(1, &[]).remove(0)),
            Drop,
            Reason::FragmentNeighbourDiscovery,
        ),
        (
            "one in a first fragment",
            frame(solicitation.fragments(1, &[64]).remove(0)),
            Drop,
            Reason::FragmentNeighbourDiscovery,
        ),
        (
            "its number in IPv4",
            frame(v4().ttl(255).raw(58, &[135, 0, 0, 0, 0, 0, 0, 0])),
            Drop,
            Reason::Default,
        ),
        (
            "one behind hop-by-hop options",
            frame(v6().hop_limit(255).hop_by_hop(8).icmp6(135, 0, &[0; 20])),
            Pass,
            Reason::NeighbourDiscovery,
        ),
        ("listener query", frame(listener("fe80::1", 1, 130)), Pass, Reason::MulticastListener),
        ("listener report", frame(listener("fe80::1", 1, 131)), Pass, Reason::MulticastListener),
        ("listener done", frame(listener("fe80::1", 1, 132)), Pass, Reason::MulticastListener),
        ("listener report, version 2", frame(listener("::", 1, 143)), Pass, Reason::MulticastListener),
        ("listener query from afar", frame(listener("fe80::1", 2, 130)), Drop, Reason::Default),
        ("listener query of a global source", frame(listener("2001:db8::1", 1, 130)), Drop, Reason::Default),
        ("listener query of a site's source", frame(listener("fec0::1", 1, 130)), Drop, Reason::Default),
        ("listener query of an embedded source", frame(listener("::1", 1, 130)), Drop, Reason::Default),
        (
            "listener query in an atomic fragment",
            frame(ip6("fe80::1", "ff02::1").hop_limit(1).fragment(1, 0, false).icmp6(130, 0, &[0; 20])),
            Drop,
            Reason::Default,
        ),
        ("packet too big", frame(v6().icmp6(2, 0, &[0; 44])), Pass, Reason::PacketTooBig),
        (
            "packet too big in an atomic fragment",
            frame(v6().fragment(1, 0, false).icmp6(2, 0, &[0; 44])),
            Pass,
            Reason::PacketTooBig,
        ),
        ("port unreachable", frame(v6().icmp6(1, 4, &[0; 44])), Drop, Reason::Default),
        ("echo request", frame(v6().icmp6(128, 0, &[0; 4])), Drop, Reason::Default),
        ("ICMPv6 of 4 bytes", frame(v6().icmp6(128, 0, &[])), Drop, Reason::Default),
        ("ICMPv6 of 3 bytes", frame(v6().raw(58, &[2, 0, 0])), Drop, Reason::TransportHeader),
        ("fragmentation needed", frame(v4().icmp(3, 4, &[0; 32])), Pass, Reason::PacketTooBig),
        ("host unreachable", frame(v4().icmp(3, 1, &[0; 32])), Drop, Reason::Default),
        ("echo reply of code 4", frame(v4().icmp(0, 4, &[0; 32])), Drop, Reason::Default),
        ("ICMP of 7 bytes", frame(v4().icmp(3, 4, &[0; 3])), Drop, Reason::TransportHeader),
        ("IPv4's ICMP in IPv6", frame(v6().icmp(3, 4, &[0; 32])), Drop, Reason::Default),
        (
            "IPv4's packet too big as ICMPv6",
            frame(v4().raw(58, &[3, 4, 0, 0, 0, 0, 0, 0])),
            Drop,
            Reason::Default,
        ),
    ];
    cases.extend(
        (133..=137).map(|kind| ("neighbour discovery", nd(kind, 0, 255), Pass, Reason::NeighbourDiscovery)),
    );
    cases
}
