use std::time::{Duration, UNIX_EPOCH};

use firewall_common::{
    event::{HEAD, Kind},
    stance::Stance,
    verdict::Judgement,
};
use proptest::prelude::*;

use super::{which::Which, *};
use crate::ruleset::{Config, Names, Rule};

/// An Ethernet header of that EtherType, and what comes behind it.
fn frame(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let link = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&link[..], &ethertype.to_be_bytes(), payload].concat()
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x60, 0x20, 0, 5];
    header.extend((payload.len() as u16).to_be_bytes());
    header.extend([next_header, 64]);
    for last in [1, 2] {
        header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    frame(0x86dd, &[&header, payload].concat())
}

/// An IPv4 packet from 192.0.2.1 to 192.0.2.2.
fn v4(flags_offset: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0x10];
    header.extend((payload.len() as u16 + 20).to_be_bytes());
    header.extend(777_u16.to_be_bytes());
    header.extend(flags_offset.to_be_bytes());
    header.extend([63, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    frame(0x0800, &[&header, payload].concat())
}

/// A UDP datagram from port 40000 to port 4500, with four bytes in it.
const UDP: [u8; 12] = [0x9c, 0x40, 0x11, 0x94, 0, 12, 0, 0, 1, 2, 3, 4];
/// A SYN from port 40000 to port 22.
const SYN: [u8; 20] = [0x9c, 0x40, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0];
/// Two fragment headers of datagrams of UDP: a first one's, and one's at offset 1232.
const FIRST: [u8; 8] = [17, 0, 0, 1, 0x5e, 0xfa, 0x50, 0x7c];
const TRAILING: [u8; 8] = [17, 0, 0x04, 0xd0, 0x5e, 0xfa, 0x50, 0x7c];

fn document(rules: &[&str]) -> Document {
    let rules = rules.iter().map(|rule| Rule::parse(rule, &Names::parse("", "")).unwrap()).collect();
    Document::new(Config { rules, ..Config::default() }).unwrap()
}

fn event(judgement: Judgement, class: Class, frame: &[u8]) -> Event {
    let captured = frame.len().min(HEAD);
    let mut head = [0; HEAD];
    head[..captured].copy_from_slice(&frame[..captured]);
    Event {
        time: 0,
        interface: u32::MAX,
        length: frame.len() as u32,
        captured: captured as u32,
        kind: Kind::new(judgement, class, Stance::Enforcing),
        head,
    }
}

fn told(frame: &[u8]) -> Told {
    let judgement = Judgement::new(Verdict::Drop, Reason::Default, Slot::DEFAULT_DROP);
    Reader::new(document(&[])).read(&event(judgement, Class::Whole, frame)).unwrap()
}

/// The line without what differs from run to run.
fn line(told: &Told) -> String {
    told.to_string().split_once("  ").unwrap().1.to_owned()
}

#[test]
fn a_line_says_what_came_and_what_became_of_it() {
    assert_eq!(
        line(&told(&v6(17, &UDP))),
        "#4294967295  drop  default  udp [2001:db8::1]:40000 > [2001:db8::2]:4500  whole, 66 bytes  default: deny"
    );
    let fragment = v6(44, &[&TRAILING[..], &[0; 64]].concat());
    assert_eq!(
        told(&fragment).packet.unwrap().to_string(),
        "udp 2001:db8::1 > 2001:db8::2 id 0x5efa507c offset 1232"
    );
    assert_eq!(
        told(&v4(0, 1, &[3, 1, 0, 0, 0, 0, 0, 0])).packet.unwrap().to_string(),
        "icmp 192.0.2.1 > 192.0.2.2 type 3 code 1"
    );
    // An IP length that lies leaves the addresses what they are.
    let mut lying = v6(17, &UDP);
    lying[18] = 0xff;
    assert_eq!(told(&lying).packet.unwrap().to_string(), "2001:db8::1 > 2001:db8::2");
    assert_eq!(told(&frame(0x1234, &[0; 50])).packet, None);
}

#[test]
fn the_rule_is_named_that_decided() {
    let document = document(&["allow udp 500", "deny udp log"]);
    let slots: Vec<Slot> = document.rules().iter().map(|(_, slot)| *slot).collect();
    let mut reader = Reader::new(document.clone());
    let denied = Judgement::new(Verdict::Drop, Reason::Rule, slots[1]);
    let told = reader.read(&event(denied, Class::Whole, &v6(17, &UDP))).unwrap();
    assert_eq!((told.rule, told.credited().as_deref()), (Some(2), Some("rule 2: deny udp log")));
    let malformed = Judgement::drop(Reason::IpLength);
    let told = reader.read(&event(malformed, Class::Other, &v6(17, &UDP))).unwrap();
    assert_eq!((told.rule, told.credited()), (None, None));
    // The rules change; what comes from before is told as well, when they have been asked for once more.
    let before = event(denied, Class::Whole, &v6(17, &UDP));
    assert!(!reader.is_unknown(&before));
    let (without, _) = document.with(Config::default(), Stance::Enforcing).unwrap();
    reader.change(without);
    assert!(reader.is_unknown(&before) && !reader.is_unknown(&before));
    assert!(!reader.is_unknown(&event(malformed, Class::Other, &v6(17, &UDP))));
    let told = reader.read(&before).unwrap();
    assert_eq!(told.credited().as_deref(), Some("a rule that has been deleted"));
    let observed = Kind::new(denied, Class::Whole, Stance::Observing);
    let told = reader.read(&Event { kind: observed, ..event(denied, Class::Whole, &v6(17, &UDP)) }).unwrap();
    assert_eq!(told.verdict(), "would drop");
}

#[test]
fn the_kernels_line_is_written_as_the_kernel_does() {
    let line = |frame: &[u8]| {
        let line = KernelLog(&told(frame)).to_string();
        let (head, rest) = line.split_once("MAC=").unwrap();
        assert_eq!(head, "[fragwall drop default] IN=#4294967295 OUT= ");
        rest.to_owned()
    };
    let link = |ethertype| format!("02:00:00:00:00:02:02:00:00:00:00:01:{ethertype}");
    let addresses = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002";
    for (frame, expected) in [
        (v6(17, &UDP), "LEN=52 TC=2 HOPLIMIT=64 FLOWLBL=5 PROTO=UDP SPT=40000 DPT=4500 LEN=12"),
        (
            v6(44, &[&FIRST[..], &UDP, &[0; 4]].concat()),
            "LEN=64 TC=2 HOPLIMIT=64 FLOWLBL=5 FRAG:0 INCOMPLETE ID:5efa507c PROTO=UDP SPT=40000 DPT=4500 LEN=12",
        ),
        (
            v6(44, &[&TRAILING[..], &[0; 64]].concat()),
            "LEN=112 TC=2 HOPLIMIT=64 FLOWLBL=5 FRAG:1232 ID:5efa507c PROTO=UDP",
        ),
        (
            v6(6, &SYN),
            "LEN=60 TC=2 HOPLIMIT=64 FLOWLBL=5 PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0",
        ),
        (
            v6(58, &[128, 0, 0, 0, 0, 7, 0, 9]),
            "LEN=48 TC=2 HOPLIMIT=64 FLOWLBL=5 PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=9",
        ),
    ] {
        assert_eq!(line(&frame), format!("{} {addresses} {expected}", link("86:dd")));
    }
    let addresses = "SRC=192.0.2.1 DST=192.0.2.2";
    for (frame, expected) in [
        (
            v4(0x4000, 17, &UDP),
            "LEN=32 TOS=0x10 PREC=0x00 TTL=63 ID=777 DF PROTO=UDP SPT=40000 DPT=4500 LEN=12",
        ),
        (v4(0x2000 | 25, 17, &UDP), "LEN=32 TOS=0x10 PREC=0x00 TTL=63 ID=777 MF FRAG:25 PROTO=UDP"),
        (v4(0, 50, &[0, 0, 0x12, 0x34]), "LEN=24 TOS=0x10 PREC=0x00 TTL=63 ID=777 PROTO=ESP SPI=0x1234"),
        (v4(0, 99, &[]), "LEN=20 TOS=0x10 PREC=0x00 TTL=63 ID=777 PROTO=99"),
    ] {
        assert_eq!(line(&frame), format!("{} {addresses} {expected}", link("08:00")));
    }
}

#[test]
fn addresses_and_ports_are_picked_from_what_is_told() {
    let packet = told(&v6(17, &UDP));
    let wants = |networks: &[&str], ports: &[u16]| {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Which { networks, ports: ports.to_vec(), ..Which::default() }.wants(&packet)
    };
    assert!(wants(&[], &[]));
    assert!(wants(&["2001:db8::2/128"], &[]) && wants(&["10.0.0.0/8", "2001:db8::/32"], &[40000]));
    assert!(!wants(&["2001:db8::3/128"], &[]) && !wants(&[], &[53]) && !wants(&["2001:db8::2/128"], &[53]));
    let link = told(&frame(0x1234, &[0; 50]));
    assert!(Which::default().wants(&link));
    assert!(!Which { ports: vec![53], ..Which::default() }.wants(&link));
}

#[test]
fn the_program_is_asked_for_what_it_can_tell_apart() {
    let all = Which::default().asked(10);
    assert_eq!(
        (all.reasons, all.verdicts, all.classes, all.slot, all.rate),
        (u64::MAX, u32::MAX, u32::MAX, None, 10)
    );
    let some = Which {
        verdicts: vec![Verdict::Reject],
        reasons: vec![Reason::Rule, Reason::Default],
        fragments: true,
        slot: Slot::rule(3),
        ..Which::default()
    };
    let asked = some.asked(10);
    assert_eq!(asked.verdicts, 1 << Verdict::Reject.code());
    assert_eq!(asked.reasons, 1 << Reason::Rule.code() | 1 << Reason::Default.code());
    assert_eq!(asked.classes & 1 << Class::Whole.code(), 0);
    assert_ne!(asked.classes & 1 << Class::Trailing.code(), 0);
    assert_eq!(asked.slot, Some(Slot::rule(3).unwrap().index() as u32));
}

#[test]
fn times_are_told_to_the_microsecond() {
    assert_eq!(
        micros(UNIX_EPOCH + Duration::from_nanos(1_593_462_908_000_042_999)),
        "2020-06-29T20:35:08.000042Z"
    );
}

proptest! {
    /// Whatever bytes a packet has, and wherever what is told of them ends, it's told of.
    #[test]
    fn any_bytes_are_told_of(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..120),
            prop::collection::vec(any::<u8>(), 0..90).prop_map(|payload| frame(0x86dd, &payload)),
            prop::collection::vec(any::<u8>(), 0..90).prop_map(|payload| v6(44, &payload)),
            prop::collection::vec(any::<u8>(), 0..90).prop_map(|payload| v4(0, 6, &payload)),
        ],
        cut in 0_usize..120, reason in prop::sample::select(Reason::ALL),
    ) {
        let bytes = &bytes[..bytes.len().min(cut)];
        let verdict = reason.verdicts()[0];
        let judgement = Judgement::new(verdict, reason, Slot::DEFAULT_DROP);
        let told = Reader::new(document(&[])).read(&event(judgement, Class::Other, bytes)).unwrap();
        prop_assert_eq!(told.to_string().lines().count(), 1);
        prop_assert_eq!(KernelLog(&told).to_string().lines().count(), 1);
    }
}
