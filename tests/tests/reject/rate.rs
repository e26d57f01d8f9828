//! A flood of rejected packets, and how many answers come back: they're counted by the one that sends it.

use std::time::{Duration, Instant};

use firewall_common::answer::rate::{BURST, BURST_PER_SOURCE, PER_SOURCE, TOTAL};
use firewall_tests::harness::packet::{Ether, Internet as _, ip4, ip6, pattern};
use fragwall::kernel::generator::{Generator, Ids, Plan, Target};

use crate::pair::{HOST4, HOST6, Pair, packet};

/// How many rejected packets make a flood.
const FLOOD: u64 = 100_000;
/// How many are made at once, and how often at most: a busy host loses some of them.
const GO: u32 = 25_000;
const GOES: usize = 200;

/// One that floods: an IPv4 address, or a /64. The generator changes the last 16 bits of the former, and bits 32 to 63 of the
/// latter.
const FLOODER4: &str = "198.51.0.9";
const FLOODER6: &str = "2001:db8:ffff:0::9";

/// Packets of which each is rejected by itself.
fn ammunition(is_v6: bool) -> Vec<u8> {
    if is_v6 {
        Ether::to(ip6(FLOODER6, HOST6).fragment(1, 0, false).udp(9, 53, &pattern(20))).frame()
    } else {
        Ether::to(ip4(FLOODER4, HOST4).udp(9, 53, &pattern(40))).frame()
    }
}

fn rejected(pair: &Pair) -> u64 {
    let statistics = pair.fragwall().statistics().unwrap();
    statistics.json()["default"]["packets"].as_u64().unwrap()
}

/// Whether this is an ICMP error of the host's.
fn is_error(frame: &[u8]) -> bool {
    if crate::pair::ip(frame).is_none() || frame[6..12] != [2, 0, 0, 0, 0, 2] {
        return false;
    }
    let packet = packet(frame);
    if packet[0] >> 4 == 4 { packet[9] == 1 && packet[20] == 3 } else { packet[6] == 58 && packet[40] == 1 }
}

/// Floods a host from sources that differ in some bits; how many answers came back, and how long it took.
fn flood(pair: &mut Pair, is_v6: bool, sources: u32) -> (u64, Duration) {
    let interface = pair.neighbour.interface("eth0").unwrap().index;
    let frames = [ammunition(is_v6)];
    let before = rejected(pair);
    let start = Instant::now();
    let plan = Plan { frames: &frames, ids: Ids::Same, sources, seed: 7, rounds: None };
    let mut goes = 0;
    while rejected(pair) - before < FLOOD {
        assert!(goes < GOES, "{} of {FLOOD} packets came in", rejected(pair) - before);
        goes += 1;
        let flooded = pair.neighbour.enter(|| {
            let mut generator = Generator::load(&plan, Target::Interface(interface), None)?;
            Ok(generator.run_live(GO)?)
        });
        flooded.unwrap_or_else(|error| panic!("{error:#}"));
    }
    let answers = pair.receiver.count(is_error).unwrap();
    (answers as u64, start.elapsed())
}

/// How many there may be in that time, at so many a second and so many at once.
fn most(per_second: u32, burst: u32, time: Duration) -> u64 {
    u64::from(burst) + u64::from(per_second) * (time.as_secs() + 1)
}

#[test]
fn a_flood_is_answered_so_often_and_no_more() {
    let mut pair = Pair::new("rate").unwrap();
    pair.fragwall().run_ok(&["attach", "eth0", "--mode", "native", "--default", "reject"]).unwrap();
    for is_v6 in [false, true] {
        let (answers, time) = flood(&mut pair, is_v6, 0);
        let allowed = most(PER_SOURCE, BURST_PER_SOURCE, time);
        assert!((1..=allowed).contains(&answers), "one source: {answers} answers, {allowed} allowed");
        // Others are answered meanwhile, once each of so many.
        for n in 0..5 {
            let frame = if is_v6 {
                Ether::to(ip6(&format!("2001:db8:77:{n}::1"), HOST6).udp(9, 53, &[])).frame()
            } else {
                Ether::to(ip4(&format!("203.0.113.{n}"), HOST4).udp(9, 53, &[])).frame()
            };
            assert!(pair.answer(&frame).unwrap().is_some(), "another source: {n}");
        }
        let (answers, time) = flood(&mut pair, is_v6, 0xffff_ffff >> 4);
        let allowed = most(TOTAL, BURST, time);
        assert!(
            (u64::from(BURST) / 2..=allowed).contains(&answers),
            "many sources: {answers} answers, {allowed} allowed"
        );
    }
}
