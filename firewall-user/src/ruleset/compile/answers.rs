//! What the senders of rejected packets are told.

use firewall_common::{
    answer::{Answer, Codes, rate::Rates},
    rules::{Action, SLOTS, Slot},
};

use super::Host;
use crate::ruleset::Rule;

/// What is told whom, and how often.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answers {
    /// Whether a rule, or the default, rejects anything.
    pub are_sent: bool,
    /// What is told for each slot; it says nothing where that doesn't reject.
    pub codes: Box<[Codes; SLOTS]>,
    /// How many answers are sent.
    pub rates: Rates,
    /// The interfaces by which they leave as they do by one end of a virtual link.
    pub veths: Vec<u32>,
}

impl Answers {
    /// Of a ruleset.
    pub(super) fn of(rules: &[(Rule, Slot)], default: Action, host: &Host) -> Self {
        let mut codes = Box::new([Answer::default().codes(); SLOTS]);
        let rejecting = rules.iter().filter(|(rule, _)| rule.action == Action::Reject);
        for (rule, slot) in rejecting.clone() {
            codes[slot.index()] = rule.answer.codes();
        }
        let are_sent = default == Action::Reject || rejecting.count() > 0;
        let veths = if are_sent { host.veths.clone() } else { Vec::new() };
        Self { are_sent, codes, rates: Rates::new(host.ticks_per_second), veths }
    }
}

#[cfg(test)]
mod tests {
    use firewall_common::answer::Code;

    use super::*;
    use crate::ruleset::Names;

    fn answers(rules: &[&str], default: Action) -> Answers {
        let rules: Vec<(Rule, Slot)> = rules
            .iter()
            .enumerate()
            .map(|(n, text)| (Rule::parse(text, &Names::parse("", "")).unwrap(), Slot::rule(n).unwrap()))
            .collect();
        Answers::of(&rules, default, &Host::default())
    }

    #[test]
    fn each_slot_tells_what_its_rule_says() {
        let answers = answers(&["reject with host-prohibited udp", "deny tcp", "reject esp"], Action::Deny);
        assert!(answers.are_sent);
        let code = |slot: Slot| answers.codes[slot.index()];
        assert_eq!(code(Slot::rule(0).unwrap()), [Code(10), Code(1)]);
        for slot in [Slot::rule(1), Slot::rule(2), Some(Slot::DEFAULT_REJECT)] {
            assert_eq!(code(slot.unwrap()), [Code(3), Code(4)]);
        }
    }

    #[test]
    fn nothing_is_sent_where_nothing_rejects() {
        assert!(!answers(&["deny udp", "allow tcp"], Action::Deny).are_sent);
        assert!(!answers(&[], Action::Allow).are_sent);
        assert!(answers(&["deny udp"], Action::Reject).are_sent);
    }
}
