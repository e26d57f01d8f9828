//! Figures that are made up, for tests.

use std::time::{Duration, UNIX_EPOCH};

use firewall_common::{
    rules::Slot,
    verdict::{Reason, Verdict},
};

use super::sampler::Snapshot;
use crate::observe::stats::{
    Counted, DefaultStats, InterfaceStats, ReasonStats, RuleStats, Stats, TableStats, Total,
};

/// So many packets, of a hundred bytes each.
pub(super) fn total(packets: u64) -> Total {
    Total { packets, bytes: packets.saturating_mul(100), rate: None }
}

/// What was enforced: packets by reason and verdict, and by rule.
pub(super) fn stats(reasons: &[(&str, &str, u64)], rules: &[(&str, u64)]) -> Stats {
    Stats {
        observing: false,
        enforced: counted(reasons, rules),
        observed: counted(&[], rules.iter().map(|&(rule, _)| (rule, 0)).collect::<Vec<_>>().as_slice()),
        table: TableStats {
            entries: 65536,
            accepted: 9000,
            denied: 300,
            early: 12,
            expired: 7000,
            hits: 123_456,
            reused: 5000,
            evicted: 4,
            unrecorded: 3,
        },
    }
}

/// Packets by reason and verdict, and by rule.
pub(super) fn counted(reasons: &[(&str, &str, u64)], rules: &[(&str, u64)]) -> Counted {
    let of = |name: &str| {
        let those = reasons.iter().filter(|(_, verdict, _)| *verdict == name);
        total(those.map(|(_, _, packets)| packets).sum())
    };
    let reason = |&(reason, verdict, packets): &(&str, &str, u64)| ReasonStats {
        reason: Reason::ALL.iter().find(|one| one.name() == reason).expect("a reason").name(),
        verdict: Verdict::ALL.iter().find(|one| one.name() == verdict).expect("a verdict").name(),
        total: total(packets),
    };
    let rule = |(number, &(rule, packets)): (usize, &(&str, u64))| RuleStats {
        number,
        slot: Slot::rule(number - 1).expect("no more rules than there may be"),
        rule: rule.to_owned(),
        total: total(packets),
        trailing: total(packets / 3),
        last: None,
    };
    let interface = Some("eth0".to_owned());
    Counted {
        interfaces: vec![InterfaceStats {
            interface,
            passed: of("pass"),
            dropped: of("drop"),
            rejected: of("reject"),
        }],
        reasons: reasons.iter().map(reason).collect(),
        rules: (1..).zip(rules).map(rule).collect(),
        default: DefaultStats { action: "deny", total: total(0), trailing: total(0), last: None },
    }
}

/// What was read so many seconds after the beginning.
pub(super) fn snapshot(seconds: u64, stats: Stats) -> Snapshot {
    let at = Duration::from_secs(seconds);
    Snapshot { at, time: UNIX_EPOCH + Duration::from_secs(1_795_542_775) + at, stats, pending: None }
}
