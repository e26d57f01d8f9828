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

/// A number in a few digits, with a prefix of the SI, as in `1.2 k`.
pub fn short(number: f64) -> String {
    const PREFIXES: [&str; 5] = ["", " k", " M", " G", " T"];
    let (mut number, mut place) = (number, 0);
    // What is rounded up to a thousand is one of the next prefix.
    while number >= 999.5 && place + 1 < PREFIXES.len() {
        (number, place) = (number / 1000.0, place + 1);
    }
    let digits = if place > 0 && number < 99.95 { 1 } else { 0 };
    format!("{number:.digits$}{}", PREFIXES[place])
}

#[cfg(test)]
mod tests {
    use firewall_common::rules::Slot;

    use super::*;
    use crate::observe::stats::{DefaultStats, TableStats};

    fn total(packets: u64) -> Total {
        Total { packets, bytes: packets * 100, rate: None }
    }

    fn rule(slot: usize, number: usize, packets: u64) -> RuleStats {
        let (rule, slot) = (format!("allow udp {slot}"), Slot::rule(slot).unwrap());
        RuleStats { number, slot, rule, total: total(packets), trailing: total(packets / 2), last: None }
    }

    fn counted(rules: Vec<RuleStats>, reasons: &[(&'static str, u64)], passed: u64) -> Counted {
        let default = DefaultStats { action: "deny", total: total(0), trailing: total(0), last: None };
        let reasons = reasons.iter().map(|&(reason, packets)| ReasonStats {
            reason,
            verdict: "pass",
            total: total(packets),
        });
        let interface = Some("eth0".to_owned());
        let interface =
            InterfaceStats { interface, passed: total(passed), dropped: total(0), rejected: total(0) };
        Counted { interfaces: vec![interface], reasons: reasons.collect(), rules, default }
    }

    fn stats(enforced: Counted) -> Stats {
        let observed = counted(Vec::new(), &[], 0);
        Stats { observing: false, enforced, observed, table: TableStats::default() }
    }

    #[test]
    fn rates_are_of_the_same_counter_whatever_its_place() {
        let before = stats(counted(vec![rule(0, 1, 10), rule(1, 2, 100)], &[("rule", 110)], 110));
        // The first rule is gone, a new one is there that has taken over a third one's slot, and another reason has come.
        let after = counted(vec![rule(1, 1, 160), rule(2, 2, 8)], &[("arp", 4), ("rule", 178)], 182);
        let rated = stats(after).since(&before, Duration::from_secs(2)).enforced;
        let rate = |packets: f64| Some(Rate { packets, bytes: packets * 100.0 });
        assert_eq!([rated.rules[0].total.rate, rated.rules[1].total.rate], [rate(30.0), rate(4.0)]);
        assert_eq!(rated.rules[0].trailing.rate, rate(15.0));
        assert_eq!([rated.reasons[0].total.rate, rated.reasons[1].total.rate], [rate(2.0), rate(34.0)]);
        assert_eq!(
            [rated.interfaces[0].passed.rate, rated.interfaces[0].dropped.rate],
            [rate(36.0), rate(0.0)]
        );
        assert_eq!(rated.interfaces[0].seen().rate, rate(36.0));
        assert_eq!(rated.default.total.rate, rate(0.0));
    }

    #[test]
    fn what_was_emptied_began_anew() {
        let before = stats(counted(Vec::new(), &[("rule", 1000)], 0));
        let rated = stats(counted(Vec::new(), &[("rule", 5)], 0)).since(&before, Duration::from_millis(500));
        assert_eq!(rated.enforced.reasons[0].total.rate, Some(Rate { packets: 10.0, bytes: 1000.0 }));
    }

    #[test]
    fn in_no_time_there_is_no_rate() {
        let before = stats(counted(Vec::new(), &[("rule", 1)], 0));
        let rated = before.clone().since(&before, Duration::ZERO);
        assert_eq!(rated.enforced.reasons[0].total.rate, None);
    }

    #[test]
    fn rates_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (0.4, "0"),
            (999.4, "999"),
            (999.6, "1.0 k"),
            (1234.0, "1.2 k"),
            (99_940.0, "99.9 k"),
            (123_456.0, "123 k"),
            (999_499.0, "999 k"),
            (999_600.0, "1.0 M"),
            (9.9e12, "9.9 T"),
            (1.5e16, "15000 T"),
        ] {
            assert_eq!(short(number), text, "{number}");
        }
    }
}
