//! The generator that other tests and the benchmarks stand on makes the packets that its plan says.

use std::collections::BTreeSet;
use std::num::{NonZeroU16, NonZeroU32};
use std::ops::Range;

use firewall_common::{
    rules::Slot,
    verdict::{Cell, Verdict},
};
use firewall_tests::harness::{
    bpffs::Bpffs,
    kernel::Setup,
    packet::{Ether, Internet, Payload, checksum::internet, ip4, ip6, pattern},
    requirements,
};
use fragwall::kernel::generator::{Generator, Ids, Pace, Plan, Side, Target};

const PASS: u32 = 2;
const SEED: u64 = 0x1e57_5eed;
/// The lower half of what a mask is laid over.
const SOURCES: u32 = 0xffff;

fn plan(frames: &[Vec<u8>]) -> Plan<'_> {
    Plan { frames, ids: Ids::Counted, sources: SOURCES, seed: SEED, rounds: None }
}

fn load(plan: &Plan<'_>) -> Generator {
    requirements::require(&[]).unwrap_or_else(|error| panic!("{error:#}"));
    Generator::load(plan, Target::Action(PASS), None).unwrap_or_else(|error| panic!("{error:#}"))
}

fn frames<P: Payload>(packets: Vec<P>) -> Vec<Vec<u8>> {
    packets.into_iter().map(|packet| Ether::to(packet).frame()).collect()
}

/// A first fragment of 1008 bytes and a last one of 600.
fn fragments6() -> Vec<Vec<u8>> {
    frames(ip6("2001:db8:aaaa:bbbb::1", "2001:db8::2").udp(4500, 4500, &pattern(1600)).fragments(9, &[1008]))
}

fn fragments4() -> Vec<Vec<u8>> {
    frames(ip4("198.18.170.187", "192.0.2.2").udp(4500, 4500, &pattern(1600)).fragments(9, &[1008]))
}

/// Where the identification lies in an IPv6 frame and in an IPv4 frame.
const V6_ID: Range<usize> = 58..62;
const V4_ID: Range<usize> = 18..20;
const V4_CHECKSUM: Range<usize> = 24..26;
/// What [`SOURCES`] leaves alone, and what not: of an IPv6 source the third 16 bits and the fourth, of an IPv4 source the
/// first and the second.
const FIXED: Range<usize> = 26..28;
const RANDOM: Range<usize> = 28..30;

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[test]
fn frames_come_in_turn_and_differ_where_the_plan_says() {
    const ROUNDS: u32 = 500;
    for (made_of, id, changing) in
        [(fragments6(), V6_ID, vec![RANDOM, V6_ID]), (fragments4(), V4_ID, vec![RANDOM, V4_ID, V4_CHECKSUM])]
    {
        let mut generator = load(&plan(&made_of));
        let mut sources = BTreeSet::new();
        for round in 0..ROUNDS {
            let made: Vec<_> = (0..2).map(|_| generator.make().unwrap().unwrap()).collect();
            for (frame, original) in made.iter().zip(&made_of) {
                assert_eq!(number(&frame[id.clone()]), round);
                assert_eq!(frame[FIXED], original[FIXED]);
                let (mut frame, mut original) = (frame.clone(), original.clone());
                for range in &changing {
                    frame[range.clone()].fill(0);
                    original[range.clone()].fill(0);
                }
                assert_eq!(frame, original, "round {round}");
            }
            assert_eq!(made[0][RANDOM], made[1][RANDOM]);
            sources.insert(number(&made[0][RANDOM]));
        }
        assert!(sources.len() as u32 > ROUNDS * 9 / 10, "{} sources in {ROUNDS} rounds", sources.len());
        assert_eq!(generator.rounds().unwrap(), u64::from(ROUNDS));
    }
}

#[test]
fn the_checksum_of_an_ipv4_header_is_right() {
    let made_of = fragments4();
    let plan = Plan { ids: Ids::Random, sources: 0x1_ffff, ..plan(&made_of) };
    let mut generator = load(&plan);
    for _ in 0..2000 {
        let frame = generator.make().unwrap().unwrap();
        assert_eq!(internet(&[&frame[14..34]]), 0, "{:02x?}", &frame[14..34]);
        assert_eq!(number(&frame[26..30]) >> 17, number(&[198, 18, 0, 0]) >> 17);
    }
}

#[test]
fn random_identifications_are_the_same_for_all_of_a_round_and_for_the_same_seed() {
    let made_of = fragments6();
    let plan = Plan { ids: Ids::Random, sources: 0, ..plan(&made_of) };
    let mut generators = [load(&plan), load(&plan), load(&Plan { seed: SEED + 1, ..plan })];
    let mut ids = BTreeSet::new();
    for _ in 0..500 {
        let [one, same, other] =
            generators.each_mut().map(|generator| [(); 2].map(|()| generator.make().unwrap().unwrap()));
        let id = |frame: &[u8]| number(&frame[V6_ID]);
        assert_eq!(one, same);
        assert_eq!(id(&one[0]), id(&one[1]));
        assert_ne!(id(&one[0]), id(&other[0]));
        assert_eq!(one[0][22..38], made_of[0][22..38], "the source is left alone");
        ids.insert(id(&one[0]));
    }
    assert_eq!(ids.len(), 500);
}

#[test]
fn a_plan_ends_with_its_last_round() {
    let made_of = fragments6();
    let mut generator = load(&Plan { rounds: Some(3), ..plan(&made_of) });
    let made = std::iter::from_fn(|| generator.make().unwrap()).count();
    assert_eq!((made, generator.rounds().unwrap()), (6, 3));
    assert_eq!(generator.run(1000).unwrap().action, 0);
    assert_eq!(generator.rounds().unwrap(), 3);
}

#[test]
fn the_program_that_is_called_judges_the_frames() {
    const ROUNDS: u32 = 1000;
    let mut kernel = Setup::rules(&["allow udp 4500"]).load().unwrap_or_else(|error| panic!("{error:#}"));
    let made_of = fragments6();
    let mut generator = Generator::load(&plan(&made_of), Target::Program(kernel.shipped()), None).unwrap();
    assert_eq!(generator.run(2 * ROUNDS).unwrap().action, PASS);
    let rule = Slot::rule(0).unwrap();
    for cell in [Cell::Direct(rule, Verdict::Pass), Cell::Inherited(rule, Verdict::Pass)] {
        assert_eq!(kernel.count(cell).unwrap().packets, u64::from(ROUNDS), "{cell:?}");
    }
    let bytes = kernel.count(Cell::Inherited(rule, Verdict::Pass)).unwrap().bytes;
    assert_eq!(bytes, u64::from(ROUNDS) * made_of[1].len() as u64);
}

#[test]
fn neither_of_two_generators_leaves_the_other_behind() {
    const LEAD: u64 = 7;
    let bpffs = Bpffs::new().unwrap();
    let pin = bpffs.path().join("pace");
    let made_of = fragments6();
    let mut generators = [Side::One, Side::Other].map(|side| {
        let pace = Pace { pin: &pin, side, lead: LEAD };
        Generator::load(&plan(&made_of), Target::Action(PASS), Some(pace)).unwrap()
    });
    let mut expected = [0, 0];
    for (side, rounds) in [(0, LEAD), (1, 2 * LEAD), (0, 3 * LEAD), (1, 4 * LEAD)] {
        generators[side].run(1000).unwrap();
        expected[side] = rounds;
        assert_eq!(generators.each_ref().map(|generator| generator.rounds().unwrap()), expected);
    }
}

fn whole6() -> Vec<u8> {
    Ether::to(ip6("2001:db8:aaaa:bbbb::1", "2001:db8::2").udp(1, 2, &pattern(100))).frame()
}

#[test]
fn whole_packets_of_ipv6_differ_in_their_source_alone() {
    const ROUNDS: usize = 500;
    let made_of = [whole6()];
    let mut generator = load(&Plan { ids: Ids::Random, ..plan(&made_of) });
    let mut sources = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut made = generator.make().unwrap().unwrap();
        sources.insert(number(&made[RANDOM]));
        made[RANDOM].copy_from_slice(&made_of[0][RANDOM]);
        assert_eq!(made, made_of[0], "round {round}");
    }
    assert!(sources.len() > ROUNDS * 9 / 10, "{} sources in {ROUNDS} rounds", sources.len());
}

#[test]
fn identifications_go_on_from_those_of_the_frames() {
    const STEP: u16 = 0x4000;
    let ids = Ids::Stepped(NonZeroU32::from(NonZeroU16::new(STEP).unwrap()));
    // Two datagrams in a round, each of its own identification; those of IPv4 begin anew.
    let six = |id| frames(ip6("2001:db8::1", "2001:db8::2").udp(1, 2, &pattern(100)).fragments(id, &[48]));
    let four = |id| frames(ip4("192.0.2.1", "192.0.2.2").udp(1, 2, &pattern(100)).fragments(id, &[48]));
    let (six, four) = ([six(0xfffe), six(3)].concat(), [four(0xfffe), four(3)].concat());
    for (made_of, range) in [(six, V6_ID), (four, V4_ID)] {
        let mut generator = load(&Plan { ids, sources: 0, ..plan(&made_of) });
        let bits = 8 * range.len() as u32;
        for round in 1..10 {
            for own in [0xfffe, 0xfffe, 3, 3] {
                let frame = generator.make().unwrap().unwrap();
                let wanted = u64::from(u32::from(STEP) * round + own) & ((1 << bits) - 1);
                assert_eq!(u64::from(number(&frame[range.clone()])), wanted, "round {round}");
            }
        }
    }
}

#[test]
fn a_vlan_tag_stays_and_what_is_behind_it_changes() {
    let tagged = |frames: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        let tag = |frame: Vec<u8>| [&frame[..12], &[0x81, 0, 0, 5], &frame[12..]].concat();
        frames.into_iter().map(tag).collect()
    };
    for made_of in [fragments6(), fragments4(), vec![whole6()]] {
        let (plain, with_tag) = (made_of.clone(), tagged(made_of));
        let [mut plain, mut with_tag] = [&plain, &with_tag].map(|frames| load(&plan(frames)));
        for _ in 0..100 {
            let wanted = tagged(vec![plain.make().unwrap().unwrap()]);
            assert_eq!([with_tag.make().unwrap().unwrap()], *wanted);
        }
    }
}

#[test]
fn a_plan_of_other_packets_is_refused() {
    let segment = Ether::to(ip6("2001:db8::1", "2001:db8::2").tcp(1, 2, 0x10, &pattern(100))).frame();
    let tagged = Ether::to(ip4("192.0.2.1", "192.0.2.2").udp(1, 2, &pattern(100))).tag(0x8100, 1);
    let (tagged, twice) = (tagged.frame(), tagged.tag(0x8100, 2).frame());
    let partly_tagged = [fragments4(), vec![tagged]].concat();
    let mixed = [fragments6(), fragments4()].concat();
    let partly_whole = [fragments6(), vec![whole6()]].concat();
    for frames in [vec![], vec![segment], vec![twice], partly_tagged, mixed, partly_whole, vec![vec![0; 20]]]
    {
        Generator::load(&plan(&frames), Target::Action(PASS), None).unwrap_err();
    }
}
