//! What a filter has counted, as samples.

use firewall_common::verdict::{Reason, Verdict};

use super::{FilterSnapshot, encode::Encoder, family, seconds};
use crate::observe::stats::{Counted, DefaultStats, InterfaceStats, RuleStats, Stats, TableStats, Total};

/// What was counted in a stance, with the stance's name.
type InStance<'a> = (&'static str, &'a Counted);

/// Tells all that a filter has counted. `Total`s become two families, of packets and of bytes, each told in one piece.
pub(super) fn encode(filter: &FilterSnapshot, encoder: &mut Encoder) {
    let FilterSnapshot { stats, attached: _, loaded } = filter;
    encoder.family(&family::OBSERVING).sample(&[], u64::from(stats.observing));
    if let Some(loaded) = *loaded {
        encoder.family(&family::LOADED).sample(&[], seconds(loaded));
    }
    let stances = [("enforcing", &stats.enforced), ("observing", &stats.observed)];
    interfaces(&stances, encoder);
    reasons(&stances, encoder);
    // Of a stance that the filter has never had, a line for each of 4,096 rules would tell nothing.
    let present =
        stances.iter().filter(|(_, counted)| std::ptr::eq(*counted, stats.present()) || !counted.is_empty());
    let present: Vec<InStance<'_>> = present.copied().collect();
    rules(&present, encoder);
    defaults(&present, encoder);
    table(stats, encoder);
}

fn interfaces(stances: &[InStance<'_>], encoder: &mut Encoder) {
    let of = [(&family::INTERFACE_PACKETS, packets as fn(&Total) -> u64), (&family::INTERFACE_BYTES, bytes)];
    for (family, value) in of {
        let mut samples = encoder.family(family);
        for (stance, counted) in stances {
            for InterfaceStats { interface, passed, dropped, rejected } in &counted.interfaces {
                let name = interface.as_deref().unwrap_or_default();
                let verdicts =
                    [(Verdict::Pass, passed), (Verdict::Drop, dropped), (Verdict::Reject, rejected)];
                for (verdict, total) in verdicts {
                    samples.sample(&[name, verdict.name(), stance], value(total));
                }
            }
        }
    }
}

/// Every reason with every verdict that it can come with, from the beginning: a rate of what has just been seen for the first
/// time is known only if it was 0 before.
fn reasons(stances: &[InStance<'_>], encoder: &mut Encoder) {
    let of = [(&family::REASON_PACKETS, packets as fn(&Total) -> u64), (&family::REASON_BYTES, bytes)];
    for (family, value) in of {
        let mut samples = encoder.family(family);
        for (stance, counted) in stances {
            for reason in Reason::ALL {
                for verdict in reason.verdicts() {
                    let [reason, verdict] = [reason.name(), verdict.name()];
                    let counted = counted
                        .reasons
                        .iter()
                        .find(|stats| (stats.reason, stats.verdict) == (reason, verdict));
                    let total = counted.map(|stats| stats.total).unwrap_or_default();
                    samples.sample(&[reason, verdict, stance], value(&total));
                }
            }
        }
    }
}

fn rules(stances: &[InStance<'_>], encoder: &mut Encoder) {
    let of = [
        (&family::RULE_PACKETS, (|rule| rule.total.packets) as fn(&RuleStats) -> u64),
        (&family::RULE_BYTES, |rule| rule.total.bytes),
        (&family::RULE_TRAILING_PACKETS, |rule| rule.trailing.packets),
        (&family::RULE_TRAILING_BYTES, |rule| rule.trailing.bytes),
    ];
    for (family, value) in of {
        let mut samples = encoder.family(family);
        for (stance, counted) in stances {
            for rule in &counted.rules {
                samples.sample(&[&rule.number.to_string(), &rule.rule, stance], value(rule));
            }
        }
    }
}

fn defaults(stances: &[InStance<'_>], encoder: &mut Encoder) {
    let of = [
        (&family::DEFAULT_PACKETS, (|default| default.total.packets) as fn(&DefaultStats) -> u64),
        (&family::DEFAULT_BYTES, |default| default.total.bytes),
        (&family::DEFAULT_TRAILING_PACKETS, |default| default.trailing.packets),
        (&family::DEFAULT_TRAILING_BYTES, |default| default.trailing.bytes),
    ];
    for (family, value) in of {
        let mut samples = encoder.family(family);
        for (stance, counted) in stances {
            samples.sample(&[counted.default.action, stance], value(&counted.default));
        }
    }
}

fn table(stats: &Stats, encoder: &mut Encoder) {
    let TableStats { entries, accepted, denied, early, expired, hits, reused, evicted, unrecorded } =
        stats.table;
    encoder.family(&family::TABLE_CAPACITY).sample(&[], entries);
    let mut states = encoder.family(&family::TABLE_ENTRIES);
    for (state, count) in [("accepted", accepted), ("denied", denied), ("early", early), ("expired", expired)]
    {
        states.sample(&[state], count);
    }
    for (family, count) in [
        (&family::TABLE_HITS, hits),
        (&family::TABLE_REUSED, reused),
        (&family::TABLE_EVICTED, evicted),
        (&family::TABLE_UNRECORDED, unrecorded),
    ] {
        encoder.family(family).sample(&[], count);
    }
}

fn packets(total: &Total) -> u64 {
    total.packets
}

fn bytes(total: &Total) -> u64 {
    total.bytes
}
