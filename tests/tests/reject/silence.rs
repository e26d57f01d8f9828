//! Of what nobody is told: each packet is followed by one that is answered, and that answer is the first to come back.

use std::thread;
use std::time::Duration;

use firewall_tests::harness::packet::{
    Ether, Internet, Payload, checksum::internet, ip4, ip6, patched, pattern,
};

use crate::pair::{HOST4, HOST6, PAUSE, Pair, destination, packet, source, stranger};

/// Far longer than an answer takes.
const LONG_ENOUGH: Duration = Duration::from_secs(10);
/// Where an untagged frame's IP header begins.
const IP: usize = 14;
/// Flags of TCP.
const SYN: u8 = 2;
const RST: u8 = 4;

const THEM4: &str = "203.0.113.9";
const THEM6: &str = "2001:db8:ffff::9";

type Case = (String, Vec<u8>);

fn case(name: &str, packet: impl Payload) -> Case {
    (name.to_owned(), Ether::to(packet).frame())
}

/// Trailing fragments, of datagrams whose first one was rejected and of others.
fn fragments() -> Vec<Case> {
    let mut cases = Vec::new();
    let of4 = ip4(THEM4, HOST4).udp(9, 53, &pattern(1000)).fragments(7, &[504]);
    let of6 = ip6(THEM6, HOST6).udp(9, 53, &pattern(1000)).fragments(7, &[504]);
    cases.push(case("an IPv4 fragment ahead of its first one", of4[1].clone()));
    cases.push(case("an IPv6 fragment ahead of its first one", of6[1].clone()));
    // The first one is denied late then, which isn't rejected.
    cases.push(case("its IPv4 first one", of4[0].clone()));
    cases.push(case("its IPv6 first one", of6[0].clone()));
    cases.push(case("another one of the IPv4 datagram", of4[1].clone()));
    cases.push(case("another one of the IPv6 datagram", of6[1].clone()));
    cases
}

fn errors() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 19, 30, 42, 43, 255] {
        let message = ip4(THEM4, HOST4).icmp(kind, 0, &pattern(40));
        cases.push(case(&format!("ICMP type {kind}"), message));
    }
    for kind in [0, 1, 3, 4, 5, 100, 127, 137] {
        let message = ip6(THEM6, HOST6).icmp6(kind, 0, &pattern(48));
        cases.push(case(&format!("ICMPv6 type {kind}"), message));
    }
    cases
}

fn addresses() -> Vec<Case> {
    let mut cases = Vec::new();
    for to in ["224.0.0.1", "239.1.2.3", "255.255.255.255", "0.0.0.0", "127.0.0.1", "240.0.0.1"] {
        cases.push(case(&format!("to {to}"), ip4(THEM4, to).udp(9, 53, &[])));
    }
    for from in ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", HOST4] {
        cases.push(case(&format!("from {from}"), ip4(from, HOST4).udp(9, 53, &[])));
    }
    for to in ["ff02::1", "ff0e::1", "::", "::1", "::ffff:192.0.2.1"] {
        cases.push(case(&format!("to {to}"), ip6(THEM6, to).udp(9, 53, &[])));
    }
    for from in ["::", "::1", "ff02::1", "::ffff:192.0.2.1", HOST6] {
        cases.push(case(&format!("from {from}"), ip6(from, HOST6).udp(9, 53, &[])));
    }
    for (name, at, address) in [
        ("to a group of the link", 0, [0x01, 0x00, 0x5e, 0, 0, 1]),
        ("to the group of an IPv6 address", 0, [0x33, 0x33, 0, 0, 0, 1]),
        ("to all on the link", 0, [0xff; 6]),
        ("from a group of the link", 6, [0x01, 0x00, 0x5e, 0, 0, 1]),
    ] {
        for frame in [udp4(THEM4), udp6(THEM6)] {
            cases.push((name.to_owned(), patched(&frame, at, &address)));
        }
    }
    cases
}

fn damaged() -> Vec<Case> {
    let sound = udp4(THEM4);
    let mut checksum = sound[IP + 10..IP + 12].to_vec();
    checksum[0] ^= 0xff;
    let tags =
        Ether::to(ip6(THEM6, HOST6).udp(9, 53, &[])).tag(0x88a8, 1).tag(0x8100, 2).tag(0x8100, 3).frame();
    vec![
        ("a wrong checksum of the IPv4 header".to_owned(), patched(&sound, IP + 10, &checksum)),
        ("more tags than are stepped over".to_owned(), tags),
    ]
}

fn udp4(from: &str) -> Vec<u8> {
    Ether::to(ip4(from, HOST4).udp(9, 53, &pattern(20))).frame()
}

fn udp6(from: &str) -> Vec<u8> {
    Ether::to(ip6(from, HOST6).udp(9, 53, &pattern(20))).frame()
}

/// Whether this tells somebody of a packet: a destination-unreachable message or a reset.
fn is_answer(frame: &[u8]) -> bool {
    let (Some(_), [2, 0, 0, 0, 0, 2]) = (source(frame), &frame[6..12]) else { return false };
    let packet = packet(frame);
    let (protocol, upper) =
        if packet[0] >> 4 == 4 { (packet[9], &packet[20..]) } else { (packet[6], &packet[40..]) };
    matches!((protocol, upper[0]), (1, 3) | (58, 1)) || (protocol == 6 && upper[13] & RST != 0)
}

/// Checks that nothing comes back for any of these, but for what follows each.
fn none_is_answered(pair: &mut Pair, cases: &[Case], heard: impl Fn(&str) -> Vec<u8>) {
    for (n, (name, frame)) in cases.iter().enumerate() {
        thread::sleep(PAUSE);
        pair.sender.send(frame).unwrap();
        let follower = heard(&stranger(n, false));
        pair.sender.send(&follower).unwrap();
        let answer = pair.receiver.next(LONG_ENOUGH, is_answer).unwrap();
        let answer = answer.unwrap_or_else(|| panic!("{name}: what followed isn't answered"));
        assert_eq!(destination(&answer), source(&follower), "{name}");
    }
}

/// How many packets the default rejected.
fn rejected(pair: &Pair) -> u64 {
    let statistics = pair.fragwall().statistics().unwrap();
    let reasons = statistics.json()["reasons"].as_array().unwrap().clone();
    let rejected = reasons.iter().filter(|reason| reason["verdict"] == "reject");
    rejected.filter_map(|reason| reason["packets"].as_u64()).sum()
}

#[test]
fn nobody_is_told_of_these() {
    for mode in ["native", "generic"] {
        let mut pair = Pair::new("silence").unwrap();
        // So that errors aren't let in before anything could reject them.
        let config = pair.bpffs.path().parent().unwrap().join(format!("{}.toml", pair.host.name()));
        std::fs::write(&config, "default = \"reject\"\nicmp-errors = false\n").unwrap();
        let attached =
            pair.fragwall().run(&["attach", "eth0", "--mode", mode, "--config", config.to_str().unwrap()]);
        std::fs::remove_file(&config).unwrap();
        assert!(attached.unwrap().status.success());
        for cases in [fragments(), errors(), addresses(), damaged()] {
            none_is_answered(&mut pair, &cases, udp4);
        }
        // They're rejected all the same, but for the fragments, of which the first one is denied late.
        let silent = errors().len() + addresses().len() + damaged().len();
        assert_eq!(rejected(&pair), (2 * silent + fragments().len()) as u64, "{mode}");
    }
}

#[test]
fn segments_that_reset_are_not_reset() {
    let mut pair = Pair::new("reset").unwrap();
    pair.attach("native", &["reject with tcp-reset tcp"]).unwrap();
    let syn = |from: &str| Ether::to(ip4(from, HOST4).tcp(40000, 23, SYN, &[])).frame();
    let mut cases = vec![
        case("a reset", ip4(THEM4, HOST4).tcp(40000, 23, RST, &[])),
        case("an IPv6 reset", ip6(THEM6, HOST6).tcp(40000, 23, RST | 16, &[])),
        case("another protocol", ip6(THEM6, HOST6).udp(40000, 23, &[])),
    ];
    for offset in [4_u8, 6, 15] {
        let frame = patched(&syn(THEM4), IP + 20 + 12, &[offset << 4]);
        cases.push((format!("a header of {offset} words"), frame));
    }
    none_is_answered(&mut pair, &cases, syn);
}

/// What the tests take for a sound checksum is one.
#[test]
fn the_frames_are_sound() {
    assert_eq!(internet(&[&udp4(THEM4)[IP..IP + 20]]), 0);
}
