//! Datagrams in the tables: complete ones leave nothing behind, unfinished ones are on a budget, late denials are told.

use firewall_common::{
    fragment::{budget::Limits, tick::Tick},
    judge::judge,
    packet::Family,
    rules::{Action, Decision, Slot},
    verdict::{Judgement, Reason, Verdict},
};
use proptest::{prelude::*, sample::Index};

use crate::support::{
    environment::Native,
    frame::{Packet, udp},
};

const ALLOWED: u16 = 4500;
const DENIED: u16 = 53;

/// One port allowed; early fragments pass; so many fragments of a source, and of all strangers, may be outstanding.
fn environment(source: u32, strangers: u32) -> Native {
    let rule = Slot::rule(0).expect("a small number");
    let mut env = Native::new(Action::Deny, Action::Allow);
    env.ports = vec![(ALLOWED, Decision::new(Action::Allow, rule))];
    env.limits = Limits::new(Tick::MAX_AGE, source, strangers);
    env
}

/// A datagram of 24 bytes a piece.
fn pieces(family: Family, port: u16, id: u32, count: u16) -> Vec<Packet> {
    (0..count)
        .map(|n| {
            let payload = if n == 0 { udp(port, 16) } else { vec![0x5a; 24] };
            Packet::new(family, 17, payload).at(id, n * 24, n + 1 < count)
        })
        .collect()
}

fn verdict(packet: &Packet, env: &Native) -> Judgement {
    judge(&packet.frame()[..], env).judgement
}

fn passes(packet: &Packet, env: &Native) -> bool {
    verdict(packet, env).verdict() == Verdict::Pass
}

#[test]
fn complete_datagrams_cost_nothing_however_many_they_are() {
    for family in Family::ALL {
        let env = environment(4, 4);
        for id in 0..500 {
            let mut pieces = pieces(family, ALLOWED, id, 3);
            if id % 2 == 1 {
                pieces.reverse();
            }
            for piece in pieces {
                assert!(passes(&piece, &env), "{piece:?}");
            }
        }
    }
}

#[test]
fn unfinished_datagrams_use_up_their_sources_budget() {
    for family in Family::ALL {
        let env = environment(4, 100);
        for id in 0..4 {
            assert!(passes(&pieces(family, ALLOWED, id, 2)[0], &env));
        }
        let refused = Judgement::drop(Reason::FragmentBudget);
        assert_eq!(verdict(&pieces(family, ALLOWED, 4, 2)[0], &env), refused);
        // Neither do early ones find room, nor is a denied one's drop any other than before.
        assert_eq!(verdict(&pieces(family, ALLOWED, 5, 2)[1], &env), refused);
        assert_eq!(verdict(&pieces(family, DENIED, 6, 2)[0], &env).reason(), Reason::Default);
        // Once one of them is complete there is room again.
        assert_eq!(verdict(&pieces(family, ALLOWED, 0, 2)[1], &env).reason(), Reason::Inherited);
        assert!(passes(&pieces(family, ALLOWED, 4, 2)[0], &env));
    }
}

#[test]
fn early_fragments_are_on_the_budget_until_their_datagram_is_complete() {
    for family in Family::ALL {
        let env = environment(4, 100);
        for id in 0..4 {
            assert_eq!(verdict(&pieces(family, ALLOWED, id, 2)[1], &env), Judgement::pass(Reason::Early));
        }
        assert_eq!(verdict(&pieces(family, ALLOWED, 4, 2)[1], &env), Judgement::drop(Reason::FragmentBudget));
        for id in 0..4 {
            assert_eq!(verdict(&pieces(family, ALLOWED, id, 2)[0], &env).reason(), Reason::Rule);
        }
        for id in 5..9 {
            assert!(passes(&pieces(family, ALLOWED, id, 2)[1], &env));
        }
    }
}

/// Many small fragments of one accepted datagram fill the host's memory as well as many datagrams do.
#[test]
fn one_datagrams_fragments_are_on_the_budget_too() {
    for family in Family::ALL {
        for first_comes in [true, false] {
            let env = environment(16, 100);
            let pieces = pieces(family, ALLOWED, 1, 100);
            let skipped = usize::from(!first_comes);
            let passed = pieces[skipped..99].iter().filter(|piece| passes(piece, &env)).count();
            // The thirty-second would double what was charged, which is 16.
            assert_eq!(passed, 31, "with the first fragment: {first_comes}");
        }
    }
}

#[test]
fn a_flood_of_one_source_takes_nothing_from_another() {
    for family in Family::ALL {
        let env = environment(4, 100);
        let neighbour = |packet: &Packet| Packet { source: 77, network: 77, ..packet.clone() };
        for id in 0..100 {
            verdict(&pieces(family, ALLOWED, id, 2)[id as usize % 2], &env);
        }
        assert_eq!(verdict(&pieces(family, ALLOWED, 200, 2)[0], &env).reason(), Reason::FragmentBudget);
        for id in 0..4 {
            assert!(passes(&neighbour(&pieces(family, ALLOWED, id, 2)[1]), &env));
        }
    }
}

/// Two addresses of one IPv6 network are one source; of IPv4, each address is one.
#[test]
fn an_ipv6_network_shares_a_budget() {
    for (family, shared) in [(Family::V4, false), (Family::V6, true)] {
        let env = environment(4, 100);
        for id in 0..4 {
            assert!(passes(&pieces(family, ALLOWED, id, 2)[1], &env));
        }
        let other = Packet { source: 2, ..pieces(family, ALLOWED, 9, 2)[1].clone() };
        assert_eq!(verdict(&other, &env).reason() == Reason::FragmentBudget, shared);
    }
}

#[test]
fn a_denial_after_early_fragments_is_told_apart() {
    for family in Family::ALL {
        let env = environment(100, 100);
        let [first, trailing] = <[Packet; 2]>::try_from(pieces(family, DENIED, 1, 2)).expect("two pieces");
        assert_eq!(verdict(&first, &env).reason(), Reason::Default);
        let [first, trailing] = [first, trailing].map(|packet| packet.renumbered(2));
        assert_eq!(verdict(&trailing, &env), Judgement::pass(Reason::Early));
        let late = Judgement::new(Verdict::Drop, Reason::LateDenial, Slot::DEFAULT_DROP);
        assert_eq!(verdict(&first, &env), late);
        // All of it has been seen: what comes now is another datagram.
        assert_eq!(verdict(&first, &env).reason(), Reason::Default);
        let denied = verdict(&first, &env);
        let inherited = Judgement::new(denied.verdict(), Reason::Inherited, denied.slot());
        assert_eq!(verdict(&trailing, &env), inherited);
    }
}

/// Identifications are used again, of IPv4 soon.
#[test]
fn a_complete_datagram_says_nothing_of_the_next_one_with_its_identification() {
    for family in Family::ALL {
        for (before, after) in [(DENIED, ALLOWED), (ALLOWED, DENIED), (ALLOWED, ALLOWED)] {
            let env = environment(100, 100);
            for piece in pieces(family, before, 1, 3) {
                assert_eq!(passes(&piece, &env), before == ALLOWED);
            }
            // The next one is cut at other places, and comes from behind.
            let first = Packet::new(family, 17, udp(after, 8)).at(1, 0, true);
            let last = Packet::new(family, 17, vec![0x5a; 8]).at(1, 16, false);
            assert_eq!(verdict(&last, &env), Judgement::pass(Reason::Early));
            assert_eq!(passes(&first, &env), after == ALLOWED);
        }
    }
}

#[test]
fn more_fragments_than_can_be_counted_drop() {
    let env = environment(1 << 20, 1 << 20);
    let first = Packet::new(Family::V6, 17, udp(ALLOWED, 0)).at(1, 0, true);
    assert!(passes(&first, &env));
    let piece = |n: u16| Packet::new(Family::V6, 17, vec![0; 8]).at(1, n * 8, true);
    for n in 1..1023 {
        assert!(passes(&piece(n), &env), "{n}");
    }
    assert_eq!(verdict(&piece(1023), &env), Judgement::drop(Reason::FragmentBudget));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Of interleaved datagrams in any order every fragment passes, as long as not more are unfinished than may be.
    #[test]
    fn every_fragment_of_allowed_datagrams_passes_in_any_order(
        counts in proptest::collection::vec(2u16..9, 1..20), order in proptest::collection::vec(any::<Index>(), 200),
        six in any::<bool>(),
    ) {
        let family = if six { Family::V6 } else { Family::V4 };
        let mut env = environment(64, 64);
        env.sets = (0..4).map(|_| Default::default()).collect();
        let mut order = order.iter();
        for (id, count) in (0u32..).zip(counts) {
            let mut left = pieces(family, ALLOWED, id, count);
            while !left.is_empty() {
                let place = order.next().map_or(0, |place| place.index(left.len()));
                let piece = left.swap_remove(place);
                prop_assert!(passes(&piece, &env), "{:?}", piece);
            }
        }
        // And nothing of them is outstanding: the whole budget is free.
        let fresh = (1000..).take_while(|id| passes(&pieces(family, ALLOWED, *id, 2)[0], &env)).count();
        prop_assert_eq!(fresh, 64);
    }
}
