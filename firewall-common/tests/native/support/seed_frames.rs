//! What the fuzzer of the parser starts from: a frame of every kind, and every way to be malformed.

use firewall_common::{
    packet::Family::{self, V4, V6},
    verdict::Reason,
};

use super::frame::{Extension, Packet, ports, udp};

/// A name, and what it stands for.
pub(crate) type Seed = (&'static str, Vec<u8>);

const HOP_BY_HOP: Extension = Extension { kind: 0, units: 0, third: 5 };
const OPTIONS: Extension = Extension { kind: 60, units: 0, third: 1 };
const SEGMENTS: Extension = Extension { kind: 43, units: 2, third: 4 };
const SOURCE_ROUTE: Extension = Extension { kind: 43, units: 2, third: 0 };

/// A packet to the port of IKE.
fn ike(family: Family) -> Packet {
    Packet::new(family, 17, udp(500, 24))
}

/// A TCP header, or as much of a datagram.
fn tcp(family: Family) -> Packet {
    Packet::new(family, 6, ports(1, 443, 20))
}

/// The frame with some bytes replaced.
fn with(packet: &Packet, place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = packet.frame();
    frame[place..place + bytes.len()].copy_from_slice(bytes);
    frame
}

/// Frames that the parser must take.
pub(crate) fn sound() -> Vec<Seed> {
    let tagged = |tags: &[(u16, u16)]| Packet { tags: tags.to_vec(), ..ike(V6) };
    let solicitation = Packet::new(V6, 58, vec![135, 0, 0, 0, 0, 0, 0, 0]);
    let too_big = Packet::new(V6, 58, vec![2, 0, 0, 0, 0, 0, 5, 0]);
    let headers = Packet { before: vec![HOP_BY_HOP, OPTIONS, SEGMENTS], ..ike(V6) };
    let packets = [
        ("ipv4-udp", ike(V4)),
        ("ipv4-udp-padded", Packet { padding: vec![0; 14], payload: udp(500, 0), ..ike(V4) }),
        ("ipv4-tcp", tcp(V4)),
        ("ipv4-fragmentation-needed", Packet::new(V4, 1, vec![3, 4, 0, 0, 0, 0, 5, 0])),
        ("ipv4-options", Packet { options: vec![1; 40], ..ike(V4) }),
        ("ipv4-unfragmented-flags", Packet { ignored: 0xc000, ..ike(V4) }),
        ("ipv4-first", ike(V4).at(7, 0, true)),
        ("ipv4-middle", ike(V4).at(7, 32, true)),
        ("ipv4-last", Packet::new(V4, 17, vec![1; 5]).at(7, 64, false)),
        ("ipv4-last-to-65535", Packet::new(V4, 17, vec![1; 7]).at(7, 65528, false)),
        ("ipv6-udp", ike(V6)),
        ("ipv6-tcp", tcp(V6)),
        ("ipv6-sctp", Packet::new(V6, 132, ports(1, 2, 8))),
        ("ipv6-dccp", Packet::new(V6, 33, ports(1, 2, 8))),
        ("ipv6-udp-lite", Packet::new(V6, 136, udp(4500, 0))),
        ("ipv6-esp", Packet::new(V6, 50, vec![9; 16])),
        ("ipv6-no-next-header", Packet::new(V6, 59, Vec::new())),
        ("ipv6-neighbour-solicitation", Packet { hop_limit: 255, ..solicitation.clone() }),
        ("ipv6-neighbour-solicitation-atomic", Packet { hop_limit: 255, ..solicitation }.at(7, 0, false)),
        ("ipv6-packet-too-big", too_big),
        ("ipv6-extension-headers", headers.clone()),
        ("ipv6-eight-extension-headers", Packet { before: vec![OPTIONS; 8], ..ike(V6) }),
        (
            "ipv6-long-extension-header",
            Packet { before: vec![Extension { units: 30, ..OPTIONS }], ..ike(V6) },
        ),
        ("ipv6-atomic", ike(V6).at(7, 0, false)),
        ("ipv6-first", ike(V6).at(7, 0, true)),
        ("ipv6-first-extension-headers", Packet { after: vec![OPTIONS], ..headers }.at(7, 0, true)),
        ("ipv6-middle", ike(V6).at(7, 32, true)),
        ("ipv6-last", Packet::new(V6, 17, vec![1; 5]).at(7, 64, false)),
        ("ipv6-last-to-65535", Packet::new(V6, 17, vec![1; 7]).at(7, 65528, false)),
        ("ipv6-last-empty", Packet::new(V6, 17, Vec::new()).at(7, 64, false)),
        ("ipv6-trailing-routing-header-0", Packet { after: vec![SOURCE_ROUTE], ..ike(V6) }.at(7, 8, true)),
        ("tcp-trailing-at-16", tcp(V6).at(7, 16, true)),
        ("one-tag", tagged(&[(0x8100, 0xe005)])),
        ("two-tags", Packet { tags: vec![(0x88a8, 5), (0x8100, 6)], ..ike(V4).at(7, 0, true) }),
        ("three-tags", tagged(&[(0x9100, 5), (0x88a8, 6), (0x8100, 7)])),
    ];
    let arp = with(&ike(V4), 12, &[0x08, 0x06]);
    packets.map(|(name, packet)| (name, packet.frame())).into_iter().chain([("arp", arp)]).collect()
}

/// Frames that the parser must refuse, each for its reason.
pub(crate) fn malformed() -> Vec<(Reason, Seed)> {
    use Reason as R;
    let headers = |before: &[Extension]| Packet { before: before.to_vec(), ..ike(V6) }.frame();
    let piece = |family, length: usize, offset, more| {
        Packet::new(family, 17, vec![1; length]).at(7, offset, more).frame()
    };
    let cut = |packet: &Packet, length: usize| packet.frame()[..length].to_vec();
    let tagged = Packet { tags: vec![(0x8100, 5)], ..ike(V6) };
    let nested = Packet { protocol: 44, ..ike(V6) };
    let options = Packet { before: vec![OPTIONS], ..ike(V6) };
    let chained_first = Packet { after: vec![OPTIONS], ..Packet::new(V6, 17, Vec::new()) }.at(7, 0, true);
    vec![
        (R::Truncated, ("link", cut(&ike(V6), 13))),
        (R::Truncated, ("tag", cut(&tagged, 17))),
        (R::Truncated, ("ipv4", cut(&ike(V4), 33))),
        (R::Truncated, ("ipv6", cut(&ike(V6), 53))),
        (R::IpVersion, ("ipv4", with(&ike(V6), 12, &[0x08, 0x00]))),
        (R::IpVersion, ("ipv6", with(&ike(V4).at(7, 0, true), 12, &[0x86, 0xdd, 0x45]))),
        (R::IpHeaderLength, ("short", with(&ike(V4), 14, &[0x44]))),
        (R::IpHeaderLength, ("beyond-total-length", with(&ike(V4), 16, &[0, 19]))),
        (R::IpHeaderLength, ("fragment-beyond-total-length", with(&ike(V4).at(7, 8, true), 16, &[0, 16]))),
        (R::IpLength, ("ipv4", with(&ike(V4), 16, &[0xff, 0xff]))),
        (R::IpLength, ("ipv6", with(&ike(V6), 18, &[0, 33]))),
        (R::IpLength, ("ipv6-fragment", cut(&ike(V6).at(7, 0, true), 62))),
        (R::ExtensionChain, ("nine", headers(&[OPTIONS; 9]))),
        (R::ExtensionChain, ("eight-and-fragment", with_fragment(&[OPTIONS; 8], 0))),
        (R::ExtensionOrder, ("twice-hop-by-hop", headers(&[HOP_BY_HOP, HOP_BY_HOP]))),
        (R::ExtensionOrder, ("hop-by-hop-behind-options", headers(&[OPTIONS, HOP_BY_HOP]))),
        (R::RoutingHeader0, ("alone", headers(&[SOURCE_ROUTE]))),
        (R::RoutingHeader0, ("behind-headers", headers(&[HOP_BY_HOP, OPTIONS, SOURCE_ROUTE]))),
        (R::RoutingHeader0, ("before-fragment", with_fragment(&[SOURCE_ROUTE], 8))),
        (R::NestedFragment, ("first", nested.clone().at(7, 0, true).frame())),
        (R::NestedFragment, ("trailing", nested.clone().at(7, 8, true).frame())),
        (R::NestedFragment, ("apart", Packet { after: vec![OPTIONS], ..nested }.at(7, 0, false).frame())),
        (R::TransportHeader, ("tcp", Packet::new(V4, 6, vec![1; 19]).frame())),
        (R::TransportHeader, ("sctp", Packet::new(V4, 132, vec![1; 11]).frame())),
        (R::TransportHeader, ("icmpv6", Packet::new(V6, 58, vec![1; 3]).frame())),
        (R::TransportHeader, ("atomic", Packet::new(V6, 17, vec![1; 7]).at(7, 0, false).frame())),
        (R::TransportHeader, ("extension-beyond-packet", with(&options, 55, &[200]))),
        (R::TransportHeader, ("fragment-header", with(&ike(V6).at(7, 0, true), 18, &[0, 7]))),
        (R::TransportHeader, ("jumbogram", with(&options, 18, &[0, 0]))),
        (R::FragmentEnd, ("ipv4", piece(V4, 8, 65528, false))),
        (R::FragmentEnd, ("ipv6", piece(V6, 24, 65520, true))),
        (R::FragmentLength, ("ipv4-odd", piece(V4, 13, 64, true))),
        (R::FragmentLength, ("ipv6-odd", piece(V6, 31, 0, true))),
        (R::FragmentLength, ("ipv6-empty", piece(V6, 0, 64, true))),
        (R::FragmentHeaders, ("tcp", Packet::new(V6, 6, vec![1; 16]).at(7, 0, true).frame())),
        (R::FragmentHeaders, ("headers-only", chained_first.frame())),
        (R::FragmentTcpFlags, ("ipv4", tcp(V4).at(7, 8, true).frame())),
        (R::FragmentTcpFlags, ("ipv6", tcp(V6).at(7, 8, false).frame())),
    ]
}

/// A fragment behind these headers.
fn with_fragment(before: &[Extension], offset: u16) -> Vec<u8> {
    Packet { before: before.to_vec(), ..ike(V6) }.at(7, offset, true).frame()
}
