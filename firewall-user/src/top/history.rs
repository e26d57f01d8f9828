//! The rates of the last minutes.

use std::{collections::VecDeque, time::Duration};

use firewall_common::verdict::Verdict;

use crate::observe::stats::{Counted, Rate, Stats};

/// How many are kept: ten minutes of them, a second apart.
const CAPACITY: usize = 600;

/// The rates between two looks at the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Point {
    elapsed: Duration,
    enforced: [Rate; Verdict::ALL.len()],
    observed: [Rate; Verdict::ALL.len()],
}

/// The rates of each verdict, of late.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    /// How many points there have been before those.
    gone: u64,
}

impl History {
    /// Remembers the rates of the time that has elapsed.
    pub(super) fn push(&mut self, stats: &Stats, elapsed: Duration) {
        if self.points.len() == CAPACITY {
            self.points.pop_front();
            self.gone += 1;
        }
        let [enforced, observed] = [&stats.enforced, &stats.observed].map(rates);
        self.points.push_back(Point { elapsed, enforced, observed });
    }

    /// How long the time is that it knows of.
    pub(super) fn span(&self) -> Duration {
        self.points.iter().map(|point| point.elapsed).sum()
    }

    /// Packets a second of a verdict, in so many steps at most, the latest last. A step of several points has the highest of them:
    /// what was short is seen, too. Steps don't change their points as time goes on.
    pub(super) fn steps(&self, observed: bool, verdict: Verdict, most: usize) -> Vec<f64> {
        let Some(each) =
            self.points.len().div_ceil(most.max(1)).try_into().ok().filter(|&each: &u64| each > 0)
        else {
            return Vec::new();
        };
        let mut steps: Vec<(u64, f64)> = Vec::new();
        for (number, point) in (self.gone..).zip(&self.points) {
            let rates = if observed { &point.observed } else { &point.enforced };
            let packets = rates[usize::from(verdict.code())].packets;
            match steps.last_mut() {
                Some((step, highest)) if *step == number / each => *highest = highest.max(packets),
                _ => steps.push((number / each, packets)),
            }
        }
        let skipped = steps.len().saturating_sub(most);
        steps.into_iter().skip(skipped).map(|(_, packets)| packets).collect()
    }

    /// The most packets a second of a verdict.
    pub(super) fn peak(&self, observed: bool, verdict: Verdict) -> f64 {
        self.steps(observed, verdict, CAPACITY).into_iter().fold(0.0, f64::max)
    }
}

/// By the code of the verdict.
fn rates(counted: &Counted) -> [Rate; Verdict::ALL.len()] {
    let mut rates = [Rate::default(); Verdict::ALL.len()];
    for verdict in Verdict::ALL {
        rates[usize::from(verdict.code())] = counted.of_verdict(verdict).rate.unwrap_or_default();
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::fixture;

    fn history(drops: impl IntoIterator<Item = u64>) -> History {
        let mut history = History::default();
        let mut before = fixture::stats(&[("default", "drop", 0)], &[]);
        let mut all = 0;
        for packets in drops {
            all += packets;
            let now = fixture::stats(&[("default", "drop", all)], &[]);
            history.push(&now.clone().since(&before, Duration::from_secs(1)), Duration::from_secs(1));
            before = now;
        }
        history
    }

    #[test]
    fn steps_have_their_highest_point_and_keep_their_points() {
        let short = history([1, 2, 9]);
        assert_eq!(short.steps(false, Verdict::Drop, 5), [1.0, 2.0, 9.0]);
        assert_eq!(short.steps(false, Verdict::Pass, 5), [0.0; 3]);
        assert_eq!(short.steps(true, Verdict::Drop, 5), [0.0; 3]);
        assert_eq!((short.peak(false, Verdict::Drop), short.span()), (9.0, Duration::from_secs(3)));
        assert_eq!(history([1, 2, 9, 4]).steps(false, Verdict::Drop, 2), [2.0, 9.0]);
        assert_eq!(history([1, 2, 9, 4, 5]).steps(false, Verdict::Drop, 2), [9.0, 5.0]);
        assert_eq!(short.steps(false, Verdict::Drop, 0), [0.0; 0]);
        assert_eq!(History::default().steps(false, Verdict::Drop, 7), [0.0; 0]);
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let long = history((0..CAPACITY as u64 + 7).map(|second| u64::from(second == 6)));
        assert_eq!(long.peak(false, Verdict::Drop), 0.0);
        assert_eq!(long.span(), Duration::from_secs(CAPACITY as u64));
        for most in [1, 7, 80, CAPACITY, CAPACITY + 1] {
            assert!(long.steps(false, Verdict::Drop, most).len() <= most, "{most}");
        }
    }
}
