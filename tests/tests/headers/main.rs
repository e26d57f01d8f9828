//! What the real program makes of headers: of good ones, of those at the edge, and of those that lie.

mod extension;
mod fragment;
mod icmp;
mod ip;
mod jumbo;
mod link;
mod rules;
mod truncation;

use std::collections::BTreeSet;

use firewall_common::verdict::{Reason, Verdict};
use firewall_tests::harness::{
    kernel::{Judged, Kernel, Setup},
    packet::{Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, mirror, pattern},
};

/// What the cases are judged by; the default is to deny.
const RULES: &[&str] = &["allow udp 4500", "allow tcp 22", "allow 59"];

/// Where the IP header lies in an untagged frame.
const IP: usize = 14;

/// What it is, the frame, and what becomes of it.
type Case = (&'static str, Vec<u8>, Verdict, Reason);

fn load(setup: &Setup) -> Kernel {
    setup.load().unwrap_or_else(|error| panic!("{error:#}"))
}

fn judge(kernel: &mut Kernel, frame: &[u8]) -> Judged {
    kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}"))
}

fn v6() -> Ip6 {
    ip6("2001:db8::1", "2001:db8::2")
}

fn v4() -> Ip4 {
    ip4("192.0.2.1", "192.0.2.2")
}

fn frame<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).frame()
}

fn udp6() -> Vec<u8> {
    frame(v6().udp(9, 4500, &pattern(64)))
}

fn udp4() -> Vec<u8> {
    frame(v4().udp(9, 4500, &pattern(64)))
}

/// So many destination option headers and a UDP datagram.
fn chain(headers: usize) -> Vec<u8> {
    frame((0..headers).fold(v6(), |packet, _| packet.dest_opts(8)).udp(9, 4500, &[]))
}

fn check(cases: Vec<Case>) -> BTreeSet<&'static str> {
    check_with(&Setup::rules(RULES), cases)
}

fn check_with(setup: &Setup, cases: Vec<Case>) -> BTreeSet<&'static str> {
    check_in(&mut load(setup), cases)
}

fn check_in(kernel: &mut Kernel, cases: Vec<Case>) -> BTreeSet<&'static str> {
    let mut met = BTreeSet::new();
    for (name, frame, verdict, reason) in cases {
        let judged = judge(kernel, &frame);
        assert_eq!((judged.verdict, judged.reason), (verdict, reason), "{name}");
        met.insert(judged.reason.name());
    }
    met
}

/// What takes more than one packet.
fn sequences() -> BTreeSet<&'static str> {
    let [first, trailing] = <[Ip6; 2]>::try_from(v6().udp(9, 4500, &pattern(1000)).fragments(1, &[504]))
        .expect("two fragments")
        .map(frame);
    let overlap = frame(v6().fragment(1, 496, false).raw(17, &pattern(64)));
    check(vec![
        ("a first fragment", first, Verdict::Pass, Reason::Rule),
        ("one that overlaps it", overlap, Verdict::Drop, Reason::FragmentOverlap),
        ("its trailing one", trailing, Verdict::Pass, Reason::Inherited),
    ])
}

/// What becomes of fragments because others came before them.
fn datagrams() -> BTreeSet<&'static str> {
    let piece = |id, n: usize, port| frame(v6().udp(9, port, &pattern(1000)).fragments(id, &[504]).remove(n));
    check_with(
        &Setup::rules(RULES).budget(2, 2),
        vec![
            ("a trailing fragment of a denied datagram", piece(1, 1, 500), Verdict::Pass, Reason::Early),
            ("its first one", piece(1, 0, 500), Verdict::Drop, Reason::LateDenial),
            ("another one's first fragment", piece(2, 0, 500), Verdict::Drop, Reason::Default),
            ("a second unfinished datagram", piece(3, 0, 4500), Verdict::Pass, Reason::Rule),
            ("a third one", piece(4, 0, 4500), Verdict::Drop, Reason::FragmentBudget),
            ("the rest of the second", piece(3, 1, 4500), Verdict::Pass, Reason::Inherited),
            ("the third one again", piece(4, 0, 4500), Verdict::Pass, Reason::Rule),
        ],
    )
}

/// What becomes of packets because of what the host sent before.
fn replies() -> BTreeSet<&'static str> {
    let sent = frame(ip6("2001:db8::2", "2001:db8::1").udp(40000, 53, &pattern(64)));
    let echo = Ether::to(ip4("192.0.2.2", "192.0.2.1").raw(1, &[8, 0, 0, 0, 0, 7, 0, 1])).frame();
    let cases = vec![
        ("a reply", frame(v6().udp(53, 40000, &pattern(64))), Verdict::Pass, Reason::Reply),
        ("one to nothing", frame(v6().udp(53, 40001, &pattern(64))), Verdict::Drop, Reason::Default),
        (
            "a tagged reply",
            Ether::to(v6().udp(53, 40000, &[])).tag(0x8100, 7).frame(),
            Verdict::Pass,
            Reason::Reply,
        ),
        ("one behind options", frame(v6().dest_opts(8).udp(53, 40000, &[])), Verdict::Pass, Reason::Reply),
        ("an echo reply", frame(v4().raw(1, &[0, 0, 0, 0, 0, 7, 0, 1])), Verdict::Pass, Reason::Reply),
        ("an error", mirror::error_about(&sent).expect("a plain packet"), Verdict::Pass, Reason::Related),
        (
            "an error of IPv4",
            mirror::error_about(&echo).expect("a plain packet"),
            Verdict::Pass,
            Reason::Related,
        ),
    ];
    let mut kernel = load(&Setup::rules(RULES).accepting_replies());
    for frame in [sent, echo] {
        kernel.send(&frame).expect("the kernel takes it");
    }
    check_in(&mut kernel, cases)
}

/// What becomes of ICMP errors where they pass by themselves.
fn errors() -> BTreeSet<&'static str> {
    check_with(&Setup::rules(RULES).accepting_icmp_errors(), icmp::errors())
}

#[test]
fn every_reason_is_met() {
    let singly = [link::cases(), ip::cases(), extension::cases(), fragment::cases(), icmp::cases()];
    let met: BTreeSet<_> = singly
        .into_iter()
        .flat_map(check)
        .chain(sequences())
        .chain(datagrams())
        .chain(replies())
        .chain(errors())
        .collect();
    let missing: Vec<_> =
        Reason::ALL.iter().map(|reason| reason.name()).filter(|name| !met.contains(name)).collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}
