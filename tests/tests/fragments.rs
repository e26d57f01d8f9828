//! What the fragment table of the real program remembers, for whom, and for how long.

use std::time::{Duration, Instant};

use firewall_common::{
    rules::{Action, Slot},
    verdict::{Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::{Judged, Kernel, Setup},
    packet::{Ether, Internet, Ip4, Ip6, ip4, ip6, pattern},
};

fn load(setup: &Setup) -> Kernel {
    setup.load().unwrap_or_else(|error| panic!("{error:#}"))
}

fn judge(kernel: &mut Kernel, frame: &[u8]) -> Judged {
    kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}"))
}

fn datagram() -> Ip6 {
    ip6("2001:db8::1", "2001:db8::2").udp(4500, 4500, &pattern(2000))
}

fn datagram4() -> Ip4 {
    ip4("192.0.2.1", "192.0.2.2").udp(4500, 4500, &pattern(2000))
}

/// The first fragment, of 1000 bytes, of a datagram to a UDP port.
fn first(port: u16, id: u32) -> Vec<u8> {
    let datagram = ip6("2001:db8::1", "2001:db8::2").udp(4500, port, &pattern(2000));
    Ether::to(datagram.fragments(id, &[1000]).remove(0)).frame()
}

/// A trailing fragment of the same datagrams, with more to follow: none of them is ever complete.
fn trailing(id: u32, offset: u16) -> Vec<u8> {
    Ether::to(ip6("2001:db8::1", "2001:db8::2").fragment(id, offset, true).raw(17, &pattern(64))).frame()
}

const PASSES: (Verdict, Reason, Option<usize>) = (Verdict::Pass, Reason::Inherited, Some(0));
const DROPS: (Verdict, Reason, Option<usize>) = (Verdict::Drop, Reason::Inherited, None);
const EARLY: (Verdict, Reason, Option<usize>) = (Verdict::Pass, Reason::Early, None);

#[test]
fn every_trailing_fragment_inherits_in_any_order_and_again() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    let cuts = [504, 1000, 1504];
    let v6 = datagram().fragments(1, &cuts).into_iter().map(|packet| Ether::to(packet).frame());
    let v4 = datagram4().fragments(1, &cuts).into_iter().map(|packet| Ether::to(packet).frame());
    for frames in [v6.collect::<Vec<_>>(), v4.collect()] {
        assert_eq!(judge(&mut kernel, &frames[0]).reason, Reason::Rule);
        for n in [3, 1, 1, 2] {
            assert_eq!(judge(&mut kernel, &frames[n]).summary(), PASSES, "fragment {n}");
        }
    }
}

#[test]
fn the_newest_first_fragment_of_an_identification_wins() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500", "allow udp 500"]));
    for (port, expected) in [
        (4500, PASSES),
        (53, DROPS),
        (500, (Verdict::Pass, Reason::Inherited, Some(1))),
        (4500, PASSES),
        (53, DROPS),
    ] {
        judge(&mut kernel, &first(port, 1));
        assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), expected, "port {port}");
    }
}

#[test]
fn whoever_differs_in_one_part_of_the_key_is_a_stranger() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    judge(&mut kernel, &first(4500, 1));
    let tail = |source, destination, id| {
        Ether::to(ip6(source, destination).fragment(id, 1000, false).raw(17, &pattern(64))).frame()
    };
    let (a, b) = ("2001:db8::1", "2001:db8::2");
    for stranger in [
        tail(a, b, 2),
        tail(a, b, 1 << 31 | 1),
        tail(b, a, 1),
        tail("2001:db8::3", b, 1),
        tail("a001:db8::1", b, 1),
        tail(a, "2001:db8::3", 1),
        tail(a, "2001:db8:1::2", 1),
    ] {
        assert_eq!(judge(&mut kernel, &stranger).summary(), EARLY, "{stranger:02x?}");
    }
    assert_eq!(judge(&mut kernel, &tail(a, b, 1)).summary(), PASSES);

    let first = datagram4().fragments(1, &[1000]).remove(0);
    judge(&mut kernel, &Ether::to(first).frame());
    let tail = |source, destination, id, protocol| {
        Ether::to(ip4(source, destination).fragment(id, 1000, false).raw(protocol, &pattern(64))).frame()
    };
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    for stranger in [
        tail(a, b, 2, 17),
        tail(a, b, 1 << 15 | 1, 17),
        tail(a, b, 1, 6),
        tail(b, a, 1, 17),
        tail("192.0.2.3", b, 1, 17),
        tail(a, "193.0.2.2", 1, 17),
    ] {
        assert_eq!(judge(&mut kernel, &stranger).summary(), EARLY, "{stranger:02x?}");
    }
    assert_eq!(judge(&mut kernel, &tail(a, b, 1, 17)).summary(), PASSES);
}

/// The kernel's reassembly joins them whatever interface or VLAN they came by, unless the destination means something
/// only on a link.
#[test]
fn a_vlan_tells_datagrams_apart_only_for_destinations_on_a_link() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    for (destination, expected) in
        [("2001:db8::2", PASSES), ("fe80::2", EARLY), ("ff02::2", EARLY), ("ff0e::2", EARLY)]
    {
        let fragments =
            ip6("fe80::1", destination).udp(4500, 4500, &pattern(2000)).fragments(1, &[1000, 1504]);
        let [first, middle, _] = <[Ip6; 3]>::try_from(fragments).expect("three fragments").map(Ether::to);
        judge(&mut kernel, &first.clone().tag(0x8100, 7).frame());
        // The priority bits are no part of the VLAN's identifier.
        assert_eq!(
            judge(&mut kernel, &middle.clone().tag(0x8100, 0xe007).frame()).summary(),
            PASSES,
            "{destination}"
        );
        for other in
            [middle.clone(), middle.clone().tag(0x8100, 8), middle.clone().tag(0x88a8, 7).tag(0x8100, 7)]
        {
            assert_eq!(judge(&mut kernel, &other.frame()).summary(), expected, "{destination}");
        }
    }
}

#[test]
fn an_entry_expires() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]).timeout(2));
    judge(&mut kernel, &first(4500, 1));
    let deadline = Instant::now() + Duration::from_secs(20);
    while judge(&mut kernel, &trailing(1, 1000)).summary() != EARLY {
        assert!(Instant::now() < deadline, "after 2 ticks it was never forgotten");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Once it's known again, it's as good as new.
    let mut met_again = false;
    for _ in 0..100 {
        judge(&mut kernel, &first(4500, 1));
        met_again |= judge(&mut kernel, &trailing(1, 1000)).summary() == PASSES;
    }
    assert!(met_again, "an expired identification was never remembered again");
}

#[test]
fn what_overlaps_the_first_fragment_drops() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    judge(&mut kernel, &first(4500, 1));
    for offset in [8, 16, 496, 992] {
        let judged = judge(&mut kernel, &trailing(1, offset));
        assert_eq!(judged.summary(), (Verdict::Drop, Reason::FragmentOverlap, None), "offset {offset}");
    }
    for offset in [1000, 1008, 40000] {
        assert_eq!(judge(&mut kernel, &trailing(1, offset)).summary(), PASSES, "offset {offset}");
    }
    // The first one itself may come twice (RFC 8200 4.5 lets a receiver drop an exact duplicate and keep the rest).
    assert_eq!(judge(&mut kernel, &first(4500, 1)).reason, Reason::Rule);
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), PASSES);
    let first = datagram4().fragments(1, &[1000]).remove(0);
    judge(&mut kernel, &Ether::to(first).frame());
    let tail =
        |offset| Ether::to(ip4("192.0.2.1", "192.0.2.2").fragment(1, offset, true).raw(17, &[0; 8])).frame();
    assert_eq!(judge(&mut kernel, &tail(992)).reason, Reason::FragmentOverlap);
    assert_eq!(judge(&mut kernel, &tail(1000)).summary(), PASSES);
}

/// The datagrams among `ids` whose trailing fragments inherit a rule's permission.
fn known(kernel: &mut Kernel, ids: std::ops::Range<u32>) -> Vec<u32> {
    ids.filter(|&id| judge(kernel, &trailing(id, 1000)).summary() == PASSES).collect()
}

#[test]
fn denied_datagrams_push_out_no_accepted_one() {
    // Two sets of four entries: many of the denied ones meet the accepted one's.
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]).table(8));
    judge(&mut kernel, &first(4500, 1));
    for id in 1000..1200 {
        assert!(!judge(&mut kernel, &first(53, id)).passes());
        assert_eq!(known(&mut kernel, 1..2), [1], "after {} denied ones", id - 999);
    }
    // Accepted ones always find room among them, and once they have all of it they keep it.
    for id in 1..100 {
        assert!(judge(&mut kernel, &first(4500, id)).passes());
        assert_eq!(known(&mut kernel, id..id + 1), [id]);
    }
    let before = known(&mut kernel, 1..100);
    assert_eq!(before.len(), 8, "a table of 8 entries remembers as many accepted datagrams");
    for id in 1000..1200 {
        assert!(!judge(&mut kernel, &first(53, id)).passes());
    }
    assert_eq!(known(&mut kernel, 1..100), before);
}

#[test]
fn the_newest_accepted_datagram_is_always_known() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]).table(8));
    for id in 0..500 {
        judge(&mut kernel, &first(4500, id));
        assert_eq!(judge(&mut kernel, &trailing(id, 1000)).summary(), PASSES, "datagram {id}");
    }
    assert_eq!(known(&mut kernel, 0..500).len(), 8, "a table of 8 entries remembers as many datagrams");
}

#[test]
fn early_fragments_drop_for_the_strict() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]).default(Action::Allow).early(Action::Deny));
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), (Verdict::Drop, Reason::Early, None));
    judge(&mut kernel, &first(4500, 1));
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), PASSES);
}

#[test]
fn an_atomic_fragment_neither_enters_the_table_nor_meets_it() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    let atomic = |port| {
        Ether::to(ip6("2001:db8::1", "2001:db8::2").udp(9, port, &pattern(100)).fragments(1, &[]).remove(0))
    };
    assert_eq!(judge(&mut kernel, &atomic(4500).frame()).reason, Reason::Rule);
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), EARLY);
    judge(&mut kernel, &first(53, 1));
    assert!(judge(&mut kernel, &atomic(4500).frame()).passes());
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), DROPS);
    judge(&mut kernel, &first(4500, 1));
    assert_eq!(judge(&mut kernel, &atomic(53).frame()).summary(), (Verdict::Drop, Reason::Default, None));
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), PASSES);
}

#[test]
fn a_malformed_first_fragment_leaves_no_verdict() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500", "allow icmpv6"]));
    let headerless =
        ip6("2001:db8::1", "2001:db8::2").dest_opts(2000).udp(9, 4500, &[]).fragments(1, &[1000]).remove(0);
    assert_eq!(judge(&mut kernel, &Ether::to(headerless).frame()).reason, Reason::FragmentHeaders);
    let solicitation = ip6("2001:db8::1", "2001:db8::2").hop_limit(255).icmp6(135, 0, &pattern(2000));
    let solicitation = solicitation.fragments(1, &[1000]).remove(0);
    assert_eq!(
        judge(&mut kernel, &Ether::to(solicitation).frame()).reason,
        Reason::FragmentNeighbourDiscovery
    );
    assert_eq!(judge(&mut kernel, &trailing(1, 1000)).summary(), EARLY);
}

#[test]
fn a_fragmented_essential_message_passes_whole() {
    let mut kernel = load(&Setup::rules(&[]));
    let message = ip6("2001:db8::1", "2001:db8::2").icmp6(2, 0, &pattern(2000));
    let frames: Vec<_> =
        message.fragments(1, &[1000]).into_iter().map(|packet| Ether::to(packet).frame()).collect();
    assert_eq!(judge(&mut kernel, &frames[0]).summary(), (Verdict::Pass, Reason::PacketTooBig, None));
    let judged = judge(&mut kernel, &frames[1]);
    assert_eq!(
        (judged.verdict, judged.reason, judged.slot),
        (Verdict::Pass, Reason::Inherited, Slot::ESSENTIAL)
    );
}
