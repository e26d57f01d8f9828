//! A ruleset that can be changed a rule at a time.

use firewall_common::rules::{Action, MAX_RULES};

use super::{DeleteError, Rule, Selector, TooManyRules, shadow::shadowed_by};

/// The rules, in the order in which they are tried, and what becomes of a packet that none of them matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ruleset {
    /// What is done with a packet that no rule matches.
    pub default: Action,
    /// The rules; the first that matches a packet decides.
    pub rules: Vec<Rule>,
}

/// What adding a rule did. Numbers count from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Addition {
    /// It is in force, as the last rule.
    Added {
        /// Its number.
        number: usize,
    },
    /// It was there before; nothing has changed.
    AlreadyThere {
        /// Its number.
        number: usize,
    },
    /// It has been added as the last rule, but will never match, because earlier rules match everything it would.
    Shadowed {
        /// Its number.
        number: usize,
        /// The numbers of those rules, in order.
        by: Vec<usize>,
    },
}

/// A rule that has been deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deleted {
    /// The number it had, from 1.
    pub number: usize,
    /// The rule.
    pub rule: Rule,
}

impl Ruleset {
    /// A ruleset without rules.
    pub fn new(default: Action) -> Self {
        Self { default, rules: Vec::new() }
    }

    /// Appends `rule`, unless it is there already.
    ///
    /// # Errors
    /// If there is no room for another rule.
    pub fn add(&mut self, rule: Rule) -> Result<Addition, TooManyRules> {
        if let Some(index) = self.rules.iter().position(|known| *known == rule) {
            return Ok(Addition::AlreadyThere { number: index + 1 });
        }
        let number = self.rules.len() + 1;
        if number > MAX_RULES {
            return Err(TooManyRules { rules: number });
        }
        let shadowed = shadowed_by(&self.rules, &rule);
        self.rules.push(rule);
        Ok(match shadowed {
            None => Addition::Added { number },
            Some(by) => Addition::Shadowed { number, by },
        })
    }

    /// Deletes the rule that `selector` means.
    ///
    /// # Errors
    /// If it means no rule, or more than one.
    pub fn delete(&mut self, selector: &Selector) -> Result<Deleted, DeleteError> {
        let index = selector.find(&self.rules)?;
        Ok(Deleted { number: index + 1, rule: self.rules.remove(index) })
    }

    /// Deletes every rule, and says how many there were. The default stays.
    pub fn flush(&mut self) -> usize {
        self.rules.drain(..).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::{Names, strategies};

    fn names() -> Names {
        Names::parse("", "")
    }

    fn rule(text: &str) -> Rule {
        Rule::parse(text, &names()).unwrap()
    }

    fn ruleset(texts: &[&str]) -> Ruleset {
        Ruleset { default: Action::Deny, rules: texts.iter().map(|text| rule(text)).collect() }
    }

    fn delete(ruleset: &mut Ruleset, selector: &str) -> Result<Deleted, DeleteError> {
        ruleset.delete(&Selector::parse(selector, &names()).unwrap())
    }

    #[test]
    fn adding_twice_is_adding_once() {
        let mut ruleset = Ruleset::new(Action::Deny);
        assert_eq!(ruleset.add(rule("allow @ike")), Ok(Addition::Added { number: 1 }));
        assert_eq!(
            ruleset.add(rule("allow udp 4500,500")),
            Ok(Addition::Shadowed { number: 2, by: vec![1] })
        );
        assert_eq!(ruleset.add(rule("allow udp 500, 4500")), Ok(Addition::AlreadyThere { number: 2 }));
        assert_eq!(ruleset.rules.len(), 2);
    }

    #[test]
    fn adding_what_an_earlier_rule_denies_says_so() {
        let mut ruleset = ruleset(&["allow tcp 22", "deny udp 53"]);
        assert_eq!(ruleset.add(rule("allow udp 53")), Ok(Addition::Shadowed { number: 3, by: vec![2] }));
        assert_eq!(ruleset.rules[2], rule("allow udp 53"));
        assert_eq!(ruleset.add(rule("allow udp 53,54")), Ok(Addition::Added { number: 4 }));
    }

    #[test]
    fn there_is_an_end_to_adding() {
        let mut ruleset = Ruleset::new(Action::Allow);
        ruleset.rules = (1..=MAX_RULES).map(|port| rule(&format!("deny tcp {port}"))).collect();
        assert_eq!(ruleset.add(rule("deny tcp 7")), Ok(Addition::AlreadyThere { number: 7 }));
        assert_eq!(ruleset.add(rule("deny udp 7")), Err(TooManyRules { rules: MAX_RULES + 1 }));
        assert_eq!(ruleset.rules.len(), MAX_RULES);
        assert_eq!(ruleset.flush(), MAX_RULES);
        assert_eq!(ruleset, Ruleset::new(Action::Allow));
    }

    #[test]
    fn a_rule_is_deleted_by_number_text_or_match() {
        for selector in ["2", "deny udp 53", "udp domain", "DENY  udp 53"] {
            let mut ruleset = ruleset(&["allow tcp 22", "deny udp 53", "allow esp"]);
            assert_eq!(
                delete(&mut ruleset, selector),
                Ok(Deleted { number: 2, rule: rule("deny udp 53") }),
                "{selector}"
            );
            assert_eq!(ruleset.rules, [rule("allow tcp 22"), rule("allow esp")]);
        }
    }

    #[test]
    fn what_is_not_there_is_not_deleted() {
        let before = ruleset(&["allow tcp 22", "deny udp 53", "allow udp 53"]);
        for selector in ["0", "4", "99999999999999999999999", "allow udp 54", "udp 53", "esp"] {
            let mut after = before.clone();
            assert!(delete(&mut after, selector).is_err(), "{selector}");
            assert_eq!(after, before);
        }
    }

    proptest! {
        #[test]
        fn a_rule_that_was_added_can_be_deleted_by_its_text(
            rules in prop::collection::vec(strategies::rule(), 0..10),
            added in strategies::rule(),
        ) {
            let mut ruleset = Ruleset::new(Action::Deny);
            for rule in rules {
                ruleset.add(rule).unwrap();
            }
            let before = ruleset.clone();
            let added_text = added.to_string();
            let addition = ruleset.add(added.clone()).unwrap();
            if let Addition::Added { number } | Addition::Shadowed { number, .. } = addition {
                prop_assert_eq!(number, ruleset.rules.len());
                prop_assert_eq!(delete(&mut ruleset, &added_text), Ok(Deleted { number, rule: added }));
            }
            prop_assert_eq!(ruleset, before);
        }
    }
}
