//! How many answers are sent.

use firewall_common::{
    answer::rate::{self, Rates},
    fragment::{tick::Tick, word::Word},
    rules::limit::{BucketSet, Limits, Rate},
};

/// Buckets as the program has them.
#[derive(Default)]
struct Buckets {
    total: Word,
    sources: [BucketSet; 16],
}

impl Limits for Buckets {
    fn rate(&self, _: u32) -> Option<&Rate> {
        None
    }

    fn bucket(&self, _: u32) -> Option<&Word> {
        Some(&self.total)
    }

    fn buckets(&self, owner: u64) -> Option<&BucketSet> {
        self.sources.get((owner >> 60) as usize)
    }
}

#[test]
fn a_source_gets_so_many_answers_and_others_theirs() {
    for hz in [100, 250, 300, 1000] {
        let (buckets, rates) = (Buckets::default(), Rates::new(hz));
        let count =
            |source, now| (0..1000).filter(|_| rate::admits(&buckets, &rates, source, Tick(now))).count();
        assert_eq!(count(1, 7), 6);
        assert_eq!(count(2, 7), 6);
        assert_eq!(count(1, 7 + hz), 1);
        assert_eq!(count(1, 7 + 3 * hz), 2);
        assert_eq!(count(1, 7 + 100 * hz), 6);
        // All of them together, however many there are.
        let all =
            |now: u32| (0..100_000).filter(|n| rate::admits(&buckets, &rates, 1000 + n, Tick(now))).count();
        let now = 7 + 200 * hz;
        assert_eq!(all(now), 50);
        // A fiftieth of a second later, twenty more.
        assert!((19..=20).contains(&all(now + hz / 50)), "{hz}");
        assert_eq!(count(5, now + hz / 50), 0);
        // Who asked in vain because others got them all has used up nothing of its own.
        assert_eq!(count(5, now + 2 * (hz / 50)), 6);
    }
}
