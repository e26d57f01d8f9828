//! What became of a whole capture: packets and bytes by verdict and reason, by rule, and by the default.

use std::collections::BTreeMap;

use firewall_common::{
    fragment::Class,
    rules::{Decision, Slot},
    verdict::{Reason, Verdict},
};
use serde::Serialize;

use super::{
    explain::Explanation,
    stats::{ReasonStats, Total},
};
use crate::ruleset::{Config, action};

/// The counts of the packets so far. There's one for each rule and reason, however many packets there are.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    all: Total,
    /// By the codes of reason and verdict.
    reasons: BTreeMap<(u8, u8), Total>,
    credited: BTreeMap<Slot, Credited>,
}

/// What is credited to a rule or to the default.
#[derive(Clone, Copy, Debug, Default)]
struct Credited {
    /// The number of the rule; `None` of what is no rule.
    number: Option<usize>,
    total: Total,
    trailing: Total,
}

/// A summary to be printed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// All packets that were judged.
    #[serde(flatten)]
    pub all: Total,
    /// By reason and verdict; each packet is in exactly one of these. Those that never occurred are left out.
    pub reasons: Vec<ReasonStats>,
    /// By rule, in order; also those that never matched.
    pub rules: Vec<RuleTotal>,
    /// By the default.
    pub default: DefaultTotal,
}

/// The packets credited to one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleTotal {
    /// Its number in the list, from 1.
    pub number: usize,
    /// The rule.
    pub rule: String,
    /// All of them.
    #[serde(flatten)]
    pub total: Total,
    /// The trailing fragments among them, credited to the rule that their first fragment matched.
    pub trailing: Total,
}

/// The packets that no rule matched.
#[derive(Clone, Debug, Serialize)]
pub struct DefaultTotal {
    /// The default.
    pub action: &'static str,
    /// All of them.
    #[serde(flatten)]
    pub total: Total,
    /// The trailing fragments among them.
    pub trailing: Total,
}

impl Summary {
    /// Counts a packet, whose frame has so many bytes.
    pub fn add(&mut self, explanation: &Explanation, bytes: usize) {
        let Explanation { verdict, reason, rule, class, slot, .. } = *explanation;
        let credited = self.credited.entry(slot).or_default();
        credited.number = rule;
        let reasons = self.reasons.entry((reason.code(), verdict.code())).or_default();
        let trailing = (class == Class::Trailing).then_some(&mut credited.trailing);
        for count in [&mut self.all, reasons, &mut credited.total].into_iter().chain(trailing) {
            count.packets += 1;
            count.bytes += bytes as u64;
        }
    }

    /// What there is to print, of packets that were judged by this configuration.
    pub fn report(&self, config: &Config) -> Report {
        let reason = |(&(reason, verdict), &total): (&(u8, u8), &Total)| {
            let (reason, verdict) = Reason::from_code(reason).zip(Verdict::from_code(verdict))?;
            Some(ReasonStats { reason: reason.name(), verdict: verdict.name(), total })
        };
        let by_number: BTreeMap<usize, Credited> =
            self.credited.values().filter_map(|credited| Some((credited.number?, *credited))).collect();
        let rule = |(number, rule): (usize, &crate::ruleset::Rule)| {
            let Credited { total, trailing, .. } = by_number.get(&number).copied().unwrap_or_default();
            RuleTotal { number, rule: rule.to_string(), total, trailing }
        };
        let default = self.credited.get(&Decision::default_of(config.default).slot());
        let Credited { total, trailing, .. } = default.copied().unwrap_or_default();
        Report {
            all: self.all,
            reasons: self.reasons.iter().filter_map(reason).collect(),
            rules: (1..).zip(&config.rules).map(rule).collect(),
            default: DefaultTotal { action: action::word(config.default), total, trailing },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{Names, Rule};

    fn explanation(verdict: Verdict, reason: Reason, slot: Slot, class: Class) -> Explanation {
        let rule = slot.as_rule().map(|place| place + 1);
        Explanation { packet: 1, verdict, reason, rule, class, fragment: None, slot }
    }

    #[test]
    fn each_packet_is_counted_once_in_each_part() {
        let rules = ["allow @ike", "deny udp"];
        let rules = rules.iter().map(|text| Rule::parse(text, &Names::parse("", "")).unwrap()).collect();
        let config = Config { rules, ..Config::default() };
        let ike = Slot::rule(0).unwrap();
        let mut summary = Summary::default();
        for (verdict, reason, slot, class, bytes) in [
            (Verdict::Pass, Reason::Rule, ike, Class::First, 1294),
            (Verdict::Pass, Reason::Inherited, ike, Class::Trailing, 438),
            (Verdict::Drop, Reason::Default, Slot::DEFAULT_DROP, Class::Whole, 60),
            (Verdict::Drop, Reason::Inherited, Slot::DEFAULT_DROP, Class::Trailing, 70),
            (Verdict::Pass, Reason::Inherited, Slot::REPLY, Class::Trailing, 1),
            (Verdict::Pass, Reason::Arp, Slot::NONE, Class::Other, 42),
        ] {
            summary.add(&explanation(verdict, reason, slot, class), bytes);
        }
        let report = summary.report(&config);
        let total = |packets, bytes| Total { packets, bytes, rate: None };
        assert_eq!(report.all, total(6, 1905));
        let reasons: Vec<_> = report.reasons.iter().map(|of| (of.reason, of.verdict, of.total)).collect();
        assert_eq!(
            reasons,
            [
                ("arp", "pass", total(1, 42)),
                ("rule", "pass", total(1, 1294)),
                ("default", "drop", total(1, 60)),
                ("inherited", "drop", total(1, 70)),
                ("inherited", "pass", total(2, 439)),
            ]
        );
        let rules: Vec<_> = report.rules.iter().map(|of| (of.number, of.total, of.trailing)).collect();
        assert_eq!(rules, [(1, total(2, 1732), total(1, 438)), (2, total(0, 0), total(0, 0))]);
        assert_eq!((report.default.total, report.default.trailing), (total(2, 130), total(1, 70)));
    }
}
