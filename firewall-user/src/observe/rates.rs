//! How fast counters count: from what they said at two moments.

use std::time::Duration;

use super::stats::{Counted, InterfaceStats, Rate, ReasonStats, RuleStats, Stats, Total};

impl Stats {
    /// The same, with rates: from what was counted `elapsed` ago.
    #[must_use]
    pub fn since(mut self, before: &Self, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        self.enforced.rate(&before.enforced, seconds);
        self.observed.rate(&before.observed, seconds);
        self
    }
}

impl Counted {
    fn rate(&mut self, before: &Self, seconds: f64) {
        rate_all(&mut self.interfaces, &before.interfaces, seconds);
        rate_all(&mut self.reasons, &before.reasons, seconds);
        rate_all(&mut self.rules, &before.rules, seconds);
        self.default.total.rate(before.default.total, seconds);
        self.default.trailing.rate(before.default.trailing, seconds);
    }
}

impl Total {
    /// What was counted before may be more, where a counter was emptied: then all of it is new.
    fn rate(&mut self, before: Self, seconds: f64) {
        let a_second = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now) as f64 / seconds;
        self.rate = (seconds > 0.0).then(|| Rate {
            packets: a_second(self.packets, before.packets),
            bytes: a_second(self.bytes, before.bytes),
        });
    }
}

/// One of a list of counters.
trait Counter {
    /// Whether two are the same one, at two moments.
    fn is(&self, other: &Self) -> bool;

    /// What it has counted.
    fn totals(&mut self) -> Vec<&mut Total>;
}

impl Counter for InterfaceStats {
    fn is(&self, other: &Self) -> bool {
        self.interface == other.interface
    }

    fn totals(&mut self) -> Vec<&mut Total> {
        vec![&mut self.passed, &mut self.dropped, &mut self.rejected]
    }
}

impl Counter for ReasonStats {
    fn is(&self, other: &Self) -> bool {
        self.reason == other.reason && self.verdict == other.verdict
    }

    fn totals(&mut self) -> Vec<&mut Total> {
        vec![&mut self.total]
    }
}

impl Counter for RuleStats {
    fn is(&self, other: &Self) -> bool {
        self.slot == other.slot && self.rule == other.rule
    }

    fn totals(&mut self) -> Vec<&mut Total> {
        vec![&mut self.total, &mut self.trailing]
    }
}

/// What wasn't there before hadn't counted anything.
fn rate_all<T: Counter + Clone>(counters: &mut [T], before: &[T], seconds: f64) {
    for counter in counters {
        let earlier = before.iter().find(|earlier| counter.is(earlier)).cloned();
        let earlier: Vec<Total> = earlier
            .map(|mut earlier| earlier.totals().into_iter().map(|total| *total).collect())
            .unwrap_or_default();
        let earlier = earlier.into_iter().chain(std::iter::repeat(Total::default()));
        for (total, earlier) in counter.totals().into_iter().zip(earlier) {
            total.rate(earlier, seconds);
        }
    }
}
