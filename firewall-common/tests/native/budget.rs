//! The budget: what may be outstanding, for how long, and what comes back.

use firewall_common::fragment::{
    budget::{Debt, Limits},
    identity::Source,
    source::{Pool, SourceSet},
    tick::Tick,
    word::Word,
};
use proptest::{collection::vec, prelude::*};

const HOLD: u32 = 600;
const LIMITS: Limits = Limits::new(HOLD, 8, 20);

fn source(n: u64) -> Source {
    Source((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A set of sources with the pool that strangers among them share.
#[derive(Default)]
struct Accounts {
    set: SourceSet,
    pool: Pool,
}

impl Accounts {
    fn charge(&self, n: u64, fragments: u32, now: u32) -> bool {
        self.charge_within(LIMITS, n, fragments, now)
    }

    fn charge_within(&self, limits: Limits, n: u64, fragments: u32, now: u32) -> bool {
        let charge = self.set.ask(source(n), fragments, Tick(now), limits, || Some(&self.pool));
        charge.map(|charge| charge.make(limits, || Some(&self.pool))).is_some()
    }

    fn refund(&self, n: u64, fragments: u32, now: u32) {
        self.set.refund(source(n), fragments, Tick(now), &LIMITS, || Some(&self.pool));
    }

    /// How many fragments of a source find room, one by one.
    fn room(&self, n: u64, now: u32) -> usize {
        (0..100).take_while(|_| self.charge(n, 1, now)).count()
    }

    /// With a source that one completed datagram has made known.
    fn knowing(sources: impl IntoIterator<Item = u64>, now: u32) -> Self {
        let accounts = Self::default();
        for n in sources {
            assert!(accounts.charge(n, 1, now));
            accounts.refund(n, 1, now);
        }
        accounts
    }
}

#[test]
fn sets_and_pools_are_cache_lines() {
    assert_eq!((size_of::<SourceSet>(), align_of::<SourceSet>()), (64, 64));
    assert_eq!((size_of::<Pool>(), align_of::<Pool>()), (64, 64));
}

#[test]
fn a_source_has_its_own_limit_and_no_other_pays_for_it() {
    for start in [0, 1, 5000, u32::MAX - 100, u32::MAX] {
        let accounts = Accounts::default();
        assert_eq!(accounts.room(1, start), 8, "{start}");
        assert_eq!(accounts.room(2, start), 8, "{start}");
        let known = Accounts::knowing([1, 2], start);
        assert_eq!(known.room(1, start), 8, "{start}");
        assert_eq!(known.room(2, start), 8, "{start}");
    }
}

#[test]
fn strangers_share_a_pool_that_known_sources_do_not_need() {
    let accounts = Accounts::knowing([1], 0);
    let found: usize = (10..200).map(|n| accounts.room(n, 0)).sum();
    assert_eq!(found, 20);
    assert_eq!(accounts.room(1, 0), 8);
    // What a stranger completes goes back into the pool, and makes it known.
    assert!(!accounts.charge(500, 1, 0));
    accounts.refund(10, 4, 0);
    assert!(accounts.charge(10, 1, 0));
    assert_eq!((500..600).map(|n| accounts.room(n, 0)).sum::<usize>(), 4);
}

#[test]
fn what_is_completed_comes_back_at_once_and_the_rest_by_and_by() {
    let accounts = Accounts::knowing([1], 0);
    assert_eq!(accounts.room(1, 0), 8);
    accounts.refund(1, 3, 0);
    assert_eq!(accounts.room(1, 0), 3);
    // An eighth leaks away in an eighth of the hold.
    assert_eq!(accounts.room(1, HOLD / 8 - 1), 0);
    assert_eq!(accounts.room(1, HOLD / 8), 1);
    assert_eq!(accounts.room(1, HOLD / 2), 3);
    // No more comes back than was charged.
    accounts.refund(1, 100, HOLD);
    assert_eq!(accounts.room(1, HOLD), 8);
    assert_eq!(accounts.room(1, 100 * HOLD), 8);
}

/// A processor that is a tick behind the one that charged last must not take the full debt for one of long ago.
#[test]
fn a_full_debt_is_full_for_a_clock_that_is_behind() {
    for now in [1000, 0] {
        let accounts = Accounts::knowing([1], now);
        assert_eq!(accounts.room(1, now), 8);
        for behind in [0, 1, 2, 1000] {
            assert_eq!(accounts.room(1, now.wrapping_sub(behind)), 0, "{behind} ticks behind");
        }
    }
}

#[test]
fn a_debt_of_long_ago_is_none() {
    for later in [HOLD, HOLD + 1, 1 << 20, 1 << 30, 3 << 30, u32::MAX - 4000] {
        let accounts = Accounts::knowing([1], 7);
        assert_eq!(accounts.room(1, 7), 8);
        assert_eq!(accounts.room(1, 7_u32.wrapping_add(later)), 8, "{later} ticks later");
    }
}

#[test]
fn strangers_push_out_no_known_source() {
    let accounts = Accounts::knowing([1, 2, 3, 4], 0);
    for n in 10..1000 {
        accounts.charge(n, 1, 0);
    }
    for n in [1, 2, 3, 4] {
        assert_eq!(accounts.room(n, 0), 8, "source {n} is a stranger again");
    }
}

#[test]
fn of_known_sources_the_one_silent_for_longest_gives_way() {
    let accounts = Accounts::default();
    for n in 1..=4 {
        accounts.charge(n, 1, n as u32 * 100);
        accounts.refund(n, 1, n as u32 * 100);
    }
    accounts.charge(1, 1, 450);
    accounts.refund(1, 1, 450);
    accounts.charge(5, 1, 500);
    accounts.refund(5, 1, 500);
    while accounts.charge(10, 1, 500) || accounts.charge(11, 1, 500) || accounts.charge(12, 1, 500) {}
    let known: Vec<u64> = (1..=5).filter(|n| accounts.charge(*n, 1, 500)).collect();
    assert_eq!(known, [1, 3, 4, 5]);
}

/// A stranger with nothing outstanding gives way first: one that floods can't have its debt forgotten by other strangers.
#[test]
fn the_debt_of_a_flooding_stranger_is_remembered() {
    let limits = Limits::new(HOLD, 8, 1_000_000);
    let accounts = Accounts::default();
    let charge = |n| accounts.charge_within(limits, n, 1, 0);
    while charge(1) {}
    for n in 10..1000 {
        charge(n);
    }
    assert!(!charge(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Against a list of moments and amounts: never more than twice the limit within one hold, and all of the limit after a
    /// hold of silence.
    #[test]
    fn a_debt_keeps_what_the_kernel_holds_within_twice_the_limit(
        start in prop_oneof![Just(0u32), Just(u32::MAX - 900), any::<u32>()],
        most in 1u32..40,
        steps in vec((0u32..90, 1u32..4, any::<bool>()), 1..400),
    ) {
        let limits = Limits::new(HOLD, most, 1);
        let limit = limits.of_source();
        let word = Word::default();
        word.store(Debt::none(Tick(start), 2).0);
        // What the kernel holds: when it came, and how much of it there is.
        let mut held: Vec<(u32, u32)> = Vec::new();
        let mut elapsed = 0;
        for (pause, fragments, complete) in steps {
            elapsed += pause;
            let now = Tick(start.wrapping_add(elapsed));
            held.retain(|(time, _)| elapsed - time < HOLD);
            if held.is_empty() {
                prop_assert!(Debt(word.load()).has_room(most, now, &limit), "all of it is free");
            }
            if !Debt(word.load()).has_room(fragments, now, &limit) {
                continue;
            }
            Debt(word.load()).charge(&word, fragments, now, &limit);
            if complete {
                Debt(word.load()).refund(&word, fragments, now, &limit);
            } else {
                held.push((elapsed, fragments));
            }
            let total: u32 = held.iter().map(|(_, fragments)| fragments).sum();
            prop_assert!(total <= 2 * most, "{total} of {most}");
            prop_assert_eq!(word.load() & 0xffff, 2, "the owner's bits");
        }
    }
}
