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
pub struct Addition {
    /// The rule's number.
    pub number: usize,
    /// How it came to it.
    pub placed: Placed,
    /// If it will never match, because earlier rules match everything it would, their numbers, in order.
    pub shadowed_by: Vec<usize>,
}

/// How a rule came to its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placed {
    /// It is new.
    Added,
    /// It was there, elsewhere.
    Moved {
        /// The number that it had.
        from: usize,
    },
    /// It was there before; nothing has changed.
    AlreadyThere,
}

/// A rule can't be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddError {
    /// There is no room for another rule.
    #[error(transparent)]
    TooMany(#[from] TooManyRules),
    /// No rule can have that number.
    #[error(
        "no rule can get the number {number}: expected one from 1 to {last}, the number after the last rule's"
    )]
    NoSuchNumber {
        /// The number.
        number: usize,
        /// The highest that it could get.
        last: usize,
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

    /// Puts `rule` at number `at`, before the one that has that number now; without `at`, after all others. If it's there
    /// already it moves to that number, and without `at` it stays where it is.
    ///
    /// # Errors
    /// If there is no room for another rule, or no rule can get that number.
    pub fn add(&mut self, rule: Rule, at: Option<usize>) -> Result<Addition, AddError> {
        let known = self.rules.iter().position(|known| *known == rule);
        // A rule that moves leaves its place first.
        let last = self.rules.len() + usize::from(known.is_none());
        let number = match (at, known) {
            (None, Some(index)) => index + 1,
            (None, None) => last,
            (Some(at), _) => at,
        };
        if !(1..=last).contains(&number) && at.is_some() {
            return Err(AddError::NoSuchNumber { number, last });
        }
        let placed = match known {
            Some(index) if index + 1 == number => {
                return Ok(Addition { number, placed: Placed::AlreadyThere, shadowed_by: Vec::new() });
            }
            Some(index) => {
                self.rules.remove(index);
                Placed::Moved { from: index + 1 }
            }
            None if last > MAX_RULES => return Err(TooManyRules { rules: last }.into()),
            None => Placed::Added,
        };
        let shadowed_by = shadowed_by(&self.rules[..number - 1], &rule).unwrap_or_default();
        self.rules.insert(number - 1, rule);
        Ok(Addition { number, placed, shadowed_by })
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

    fn placed(number: usize, placed: Placed) -> Result<Addition, AddError> {
        Ok(Addition { number, placed, shadowed_by: Vec::new() })
    }

    fn shadowed(number: usize, by: &[usize]) -> Result<Addition, AddError> {
        Ok(Addition { number, placed: Placed::Added, shadowed_by: by.to_vec() })
    }

    #[test]
    fn adding_twice_is_adding_once() {
        let mut ruleset = Ruleset::new(Action::Deny);
        assert_eq!(ruleset.add(rule("allow @ike"), None), placed(1, Placed::Added));
        assert_eq!(ruleset.add(rule("allow udp 4500,500"), None), shadowed(2, &[1]));
        assert_eq!(ruleset.add(rule("allow udp 500, 4500"), None), placed(2, Placed::AlreadyThere));
        assert_eq!(ruleset.rules.len(), 2);
    }

    #[test]
    fn adding_what_an_earlier_rule_denies_says_so() {
        let mut ruleset = ruleset(&["allow tcp 22", "deny udp 53"]);
        assert_eq!(ruleset.add(rule("allow udp 53"), None), shadowed(3, &[2]));
        assert_eq!(ruleset.rules[2], rule("allow udp 53"));
        assert_eq!(ruleset.add(rule("allow udp 53,54"), None), placed(4, Placed::Added));
    }

    #[test]
    fn a_rule_gets_the_number_that_is_asked_for() {
        let texts = ["allow tcp 22", "deny udp 53", "allow esp"];
        let mut ruleset = ruleset(&texts);
        let mut add = |text: &str, at| {
            let added = ruleset.add(rule(text), Some(at));
            (added, ruleset.rules.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for at in [0, 5, usize::MAX] {
            let (refused, rules) = add("allow ah", at);
            assert_eq!(refused, Err(AddError::NoSuchNumber { number: at, last: 4 }));
            assert_eq!(rules, texts);
        }
        let (first, rules) = add("allow ah", 1);
        assert_eq!(first, placed(1, Placed::Added));
        assert_eq!(rules, ["allow ah", "allow tcp 22", "deny udp 53", "allow esp"]);
        let (again, rules) = add("allow ah", 1);
        assert_eq!((again, &rules[0][..]), (placed(1, Placed::AlreadyThere), "allow ah"));
        let (moved, rules) = add("allow ah", 4);
        assert_eq!(moved, placed(4, Placed::Moved { from: 1 }));
        assert_eq!(rules, ["allow tcp 22", "deny udp 53", "allow esp", "allow ah"]);
        let (beyond, rules) = add("allow ah", 5);
        assert_eq!(beyond, Err(AddError::NoSuchNumber { number: 5, last: 4 }));
        assert_eq!(rules.len(), 4);
        let (moved, rules) = add("allow esp", 2);
        assert_eq!(moved, placed(2, Placed::Moved { from: 3 }));
        assert_eq!(rules, ["allow tcp 22", "allow esp", "deny udp 53", "allow ah"]);
        assert_eq!(add("allow udp 53", 4).0, shadowed(4, &[3]));
    }

    #[test]
    fn there_is_an_end_to_adding() {
        let mut ruleset = Ruleset::new(Action::Allow);
        ruleset.rules = (1..=MAX_RULES).map(|port| rule(&format!("deny tcp {port}"))).collect();
        assert_eq!(ruleset.add(rule("deny tcp 7"), None), placed(7, Placed::AlreadyThere));
        let too_many = Err(TooManyRules { rules: MAX_RULES + 1 }.into());
        assert_eq!(ruleset.add(rule("deny udp 7"), None), too_many);
        assert_eq!(ruleset.add(rule("deny udp 7"), Some(1)), too_many);
        assert_eq!(ruleset.add(rule("deny tcp 7"), Some(1)), placed(1, Placed::Moved { from: 7 }));
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
                ruleset.add(rule, None).unwrap();
            }
            let before = ruleset.clone();
            let added_text = added.to_string();
            let Addition { number, placed, .. } = ruleset.add(added.clone(), None).unwrap();
            if placed == Placed::Added {
                prop_assert_eq!(number, ruleset.rules.len());
                prop_assert_eq!(delete(&mut ruleset, &added_text), Ok(Deleted { number, rule: added }));
            }
            prop_assert_eq!(ruleset, before);
        }
    }
}
