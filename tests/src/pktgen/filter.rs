//! What the receiving side sees: its interface's counters, and the filter's.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use fragwall::kernel::{Error, filter::Filter};
use fragwall::observe::stats::Stats;

use super::counters::{Count, Counters};

/// What is seen at a moment.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) counters: Counters,
    /// What the filter has counted, if one is in force.
    pub(super) judged: Option<Judged>,
}

/// Packets and bytes by reason and verdict, of all of a filter's interfaces.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Judged(BTreeMap<(&'static str, &'static str), Count>);

impl Look {
    /// Looks, in the network namespace of the current thread.
    ///
    /// # Errors
    /// There's no such interface, or the kernel doesn't tell.
    pub(super) fn take(interface: &str, bpffs: &Path) -> Result<Self> {
        let counters = Counters::read(interface)?;
        let judged = match Filter::open(bpffs) {
            Ok(filter) => Some(Judged::of(&Stats::read(&filter)?)),
            Err(Error::NotAttached | Error::NoBpffs { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { at: Instant::now(), counters, judged })
    }

    /// What has come since an earlier look.
    pub(super) fn since(&self, before: &Self) -> Seen {
        let judged = self.judged.as_ref().map(|judged| match &before.judged {
            Some(before) => judged.since(before),
            None => judged.clone(),
        });
        Seen {
            seconds: (self.at - before.at).as_secs_f64(),
            counters: self.counters.since(&before.counters),
            judged,
        }
    }
}

/// What has come in some time.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) seconds: f64,
    pub(super) counters: Counters,
    pub(super) judged: Option<Judged>,
}

impl Judged {
    fn of(stats: &Stats) -> Self {
        let reasons = stats.present().reasons.iter().map(|reason| {
            let count = Count { packets: reason.total.packets, bytes: reason.total.bytes };
            ((reason.reason, reason.verdict), count)
        });
        Self(reasons.collect())
    }

    /// What has been counted since. A filter that was attached anew has counted less than before: then all of it is new.
    fn since(&self, before: &Self) -> Self {
        let changed = self.0.iter().filter_map(|(&key, &now)| {
            let before = before.0.get(&key).copied().unwrap_or_default();
            let before = if before.packets > now.packets { Count::default() } else { before };
            let (packets, bytes) = (now.packets - before.packets, now.bytes.saturating_sub(before.bytes));
            (packets > 0).then_some((key, Count { packets, bytes }))
        });
        Self(changed.collect())
    }

    /// Reason, verdict and count of all that were counted, most packets first.
    pub(super) fn reasons(&self) -> Vec<(&'static str, &'static str, Count)> {
        let mut reasons: Vec<_> =
            self.0.iter().map(|(&(reason, verdict), &count)| (reason, verdict, count)).collect();
        reasons.sort_by_key(|&(.., count)| std::cmp::Reverse(count.packets));
        reasons
    }

    /// How many packets got a verdict.
    pub(super) fn of_verdict(&self, wanted: &str) -> u64 {
        let with = self.0.iter().filter(|((_, verdict), _)| *verdict == wanted);
        with.map(|(_, count)| count.packets).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(counts: &[(&'static str, &'static str, u64)]) -> Judged {
        let counts = counts
            .iter()
            .map(|&(reason, verdict, packets)| ((reason, verdict), Count { packets, bytes: packets * 100 }));
        Judged(counts.collect())
    }

    #[test]
    fn only_what_was_counted_since_is_told() {
        let before = judged(&[("rule", "pass", 10), ("arp", "pass", 2), ("inherited", "pass", 50)]);
        let after = judged(&[
            ("rule", "pass", 25),
            ("arp", "pass", 2),
            ("default", "drop", 7),
            ("inherited", "pass", 3),
        ]);
        let since = after.since(&before);
        assert_eq!(since, judged(&[("rule", "pass", 15), ("default", "drop", 7), ("inherited", "pass", 3)]));
        assert_eq!(
            (since.of_verdict("pass"), since.of_verdict("drop"), since.of_verdict("reject")),
            (18, 7, 0)
        );
        let order: Vec<_> = since.reasons().into_iter().map(|(reason, ..)| reason).collect();
        assert_eq!(order, ["rule", "default", "inherited"]);
    }
}
