//! Chains of IPv6 extension headers.

use firewall_common::packet::extension::MAX_HEADERS;
use firewall_common::verdict::{
    Reason,
    Verdict::{Drop, Pass},
};
use firewall_tests::harness::packet::{Internet, patched, pattern};

use crate::{Case, IP, chain, frame, v6};

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let routing = |kind| frame(v6().routing(kind, 24).udp(9, 4500, &[]));
    let opts = frame(v6().dest_opts(16).udp(9, 4500, &[]));
    let longer = |by: u8| patched(&opts, IP + 40 + 1, &[1 + by]);
    vec![
        (
            "every header once",
            {
                frame(v6().hop_by_hop(8).dest_opts(8).routing(2, 24).fragment(1, 0, false).dest_opts(8).udp(
                    9,
                    4500,
                    &[],
                ))
            },
            Pass,
            Reason::Rule,
        ),
        ("as many headers as are followed", chain(MAX_HEADERS), Pass, Reason::Rule),
        ("one header more", chain(MAX_HEADERS + 1), Drop, Reason::ExtensionChain),
        ("fifty headers", chain(50), Drop, Reason::ExtensionChain),
        (
            "hop-by-hop options behind others",
            frame(v6().dest_opts(8).hop_by_hop(8).udp(9, 4500, &[])),
            Drop,
            Reason::ExtensionOrder,
        ),
        (
            "hop-by-hop options twice",
            frame(v6().hop_by_hop(8).hop_by_hop(8).udp(9, 4500, &[])),
            Drop,
            Reason::ExtensionOrder,
        ),
        (
            "hop-by-hop options in an atomic fragment",
            frame(v6().fragment(1, 0, false).hop_by_hop(8).udp(9, 4500, &[])),
            Drop,
            Reason::ExtensionOrder,
        ),
        ("the longest header", frame(v6().dest_opts(2048).udp(9, 4500, &[])), Pass, Reason::Rule),
        ("a routing header of type 0", routing(0), Drop, Reason::RoutingHeader0),
        (
            "one behind others",
            frame(v6().hop_by_hop(8).dest_opts(8).routing(0, 24).udp(9, 4500, &[])),
            Drop,
            Reason::RoutingHeader0,
        ),
        (
            "one in an atomic fragment",
            frame(v6().fragment(1, 0, false).routing(0, 8).udp(9, 4500, &[])),
            Drop,
            Reason::RoutingHeader0,
        ),
        ("a routing header of type 1", routing(1), Pass, Reason::Rule),
        ("a routing header of type 2", routing(2), Pass, Reason::Rule),
        ("a segment routing header", routing(4), Pass, Reason::Rule),
        (
            "a routing header to a port that isn't allowed",
            frame(v6().routing(4, 24).udp(9, 500, &[])),
            Drop,
            Reason::Default,
        ),
        ("a header that ends with the packet", longer(1), Drop, Reason::TransportHeader),
        ("a header that ends behind the packet", longer(2), Drop, Reason::TransportHeader),
        ("a header far too long", longer(254), Drop, Reason::TransportHeader),
        ("a header of two bytes", frame(v6().raw(60, &[17, 0])), Drop, Reason::TransportHeader),
        (
            "a Fragment header that is cut",
            frame(v6().raw(44, &[17, 0, 0, 0, 0, 0, 0])),
            Drop,
            Reason::TransportHeader,
        ),
        (
            "two Fragment headers",
            frame(v6().fragment(1, 0, false).fragment(2, 0, false).udp(9, 4500, &[])),
            Drop,
            Reason::NestedFragment,
        ),
        (
            "two with options between",
            frame(v6().fragment(1, 0, true).dest_opts(8).fragment(2, 0, true).udp(9, 4500, &pattern(64))),
            Drop,
            Reason::NestedFragment,
        ),
        (
            "a Fragment header in a trailing fragment",
            frame(v6().fragment(1, 8, false).raw(44, &[0; 64])),
            Drop,
            Reason::NestedFragment,
        ),
        ("an authentication header", frame(v6().auth(7).udp(9, 4500, &[])), Drop, Reason::Default),
        ("an unknown header", frame(v6().raw(253, &pattern(64))), Drop, Reason::Default),
    ]
}
