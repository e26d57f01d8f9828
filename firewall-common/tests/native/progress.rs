//! When a datagram is complete, in whatever order its fragments come.

use firewall_common::fragment::{
    Fragment,
    identity::HashKey,
    progress::{self, BOUNDARIES, Progress},
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::environment::BOUNDARIES_OF_KEY;

/// The fragments of a datagram that is cut after so many units of 8 bytes each, the last one shorter by `cut`.
fn fragments(units: &[usize], cut: usize) -> Vec<Fragment> {
    let mut offset = 0;
    let count = units.len();
    let fragment = |(n, units): (usize, &usize)| {
        let last = n + 1 == count;
        let fragment = Fragment::new(7, offset, !last, units * 8 - if last { cut } else { 0 });
        offset += units * 8;
        fragment
    };
    units.iter().enumerate().map(fragment).collect()
}

fn and(progress: Progress, fragment: &Fragment) -> Progress {
    progress.and(fragment, |units| BOUNDARIES_OF_KEY[units])
}

fn of<'a>(fragments: impl IntoIterator<Item = &'a Fragment>) -> Progress {
    fragments.into_iter().fold(Progress::NONE, and)
}

/// What is charged for so many fragments: all that is due, one by one.
fn charged(count: u16) -> u32 {
    let fragment = Fragment::new(7, 8, true, 8);
    let mut progress = Progress::default();
    (0..count)
        .map(|_| {
            progress = and(progress, &fragment);
            progress.due()
        })
        .sum()
}

#[test]
fn what_was_charged_is_at_least_half_of_what_there_is() {
    let fragment = Fragment::new(7, 8, true, 8);
    let mut progress = Progress::default();
    assert_eq!(progress.charged(), 0);
    for count in 1..=Progress::MAX_FRAGMENTS {
        progress = and(progress, &fragment);
        assert_eq!(progress.charged(), charged(count), "{count}");
        assert!((u32::from(count).div_ceil(2)..=u32::from(count)).contains(&progress.charged()), "{count}");
        assert_eq!(progress.is_full(), count == Progress::MAX_FRAGMENTS);
    }
    assert_eq!(and(progress, &fragment).charged(), progress.charged());
}

/// A sum of lengths would take this for a datagram of 32 bytes.
#[test]
fn a_hole_filled_by_a_copy_is_still_a_hole() {
    let [first, third, last] =
        [Fragment::new(7, 0, true, 8), Fragment::new(7, 16, true, 8), Fragment::new(7, 24, false, 8)];
    assert!(!of([&first, &third, &third, &last]).is_whole());
    assert!(!of([&first, &last]).is_whole());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// And not before, whatever the secret is: none of this is left to chance.
    #[test]
    fn a_datagram_is_whole_when_all_of_it_has_come(
        key: [u64; 22], units in vec(1usize..200, 2..30), cut in 0usize..8, order in vec(any::<Index>(), 30),
    ) {
        let mut boundaries = Box::new([0; BOUNDARIES]);
        progress::fill(&mut boundaries, &HashKey(key));
        let mut left = fragments(&units, cut);
        let mut progress = Progress::default();
        for place in order.iter().take(units.len()) {
            prop_assert!(progress.is_none() || !progress.is_whole(), "without {:?}", left);
            let fragment = left.swap_remove(place.index(left.len()));
            progress = progress.and(&fragment, |units| boundaries[units]);
        }
        prop_assert!(left.is_empty() && progress.is_whole());
    }
}

/// Fragments that begin and end anywhere, some of them twice: what isn't a datagram is seldom taken for one, although these
/// are as short as can be, and so the likeliest to have numbers that agree. The numbers are the same on every run.
#[test]
fn what_has_gaps_or_overlaps_is_not_whole() {
    const TRIALS: usize = 400_000;
    let mut state = 0x243f_6a88_85a3_08d3_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::from((state >> 33) as u16) % limit
    };
    let (mut datagrams, mut mistaken) = (0, 0);
    for _ in 0..TRIALS {
        let first = 1 + below(3);
        let mut pieces = vec![(0, first, true)];
        for _ in 0..below(4) {
            let offset = 1 + below(6);
            pieces.push((offset, offset + 1 + below(3), true));
        }
        let last = 1 + below(8);
        pieces.push((last, last + 1 + below(3), false));
        let fragments: Vec<Fragment> = pieces
            .iter()
            .map(|&(start, end, more)| Fragment::new(7, start * 8, more, (end - start) * 8))
            .collect();
        pieces.sort_unstable();
        let tiles = pieces.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[0].2);
        let whole = of(&fragments).is_whole();
        assert!(whole || !tiles, "{pieces:?}");
        datagrams += usize::from(tiles);
        mistaken += usize::from(whole && !tiles);
    }
    assert!(datagrams > 1000, "{datagrams}");
    // Of those whose lengths add up, one in some five hundred is.
    assert!(mistaken < 100, "{mistaken} of {TRIALS}");
}
