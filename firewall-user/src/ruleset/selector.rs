//! Which rule is meant: by its number, its text, or what it matches.

use super::{Match, Names, ParseError, Rule, action, grammar::BEGINNINGS, spelling::nearest};

/// Which rule is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selector {
    /// The rule with this number, from 1.
    Number(usize),
    /// This rule.
    Rule(Rule),
    /// The rule that matches this, whatever its action.
    Match(Match),
}

/// No rule can be deleted, because it isn't clear which, or there is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DeleteError {
    /// There is no rule with that number.
    #[error("there is no rule {number}: {}", count(*rules))]
    NoSuchNumber {
        /// The number.
        number: usize,
        /// How many rules there are.
        rules: usize,
    },
    /// There is no such rule.
    #[error("there is no rule `{wanted}`{}", suggestion(nearest))]
    NoSuchRule {
        /// The rule that was asked for, or what it matches.
        wanted: String,
        /// The number and the text of the rule that it resembles.
        nearest: Option<(usize, String)>,
    },
    /// There are several.
    #[error("`{wanted}` could be any of the rules {}: say which by its number", list(numbers))]
    Ambiguous {
        /// The rule that was asked for, or what it matches.
        wanted: String,
        /// The numbers of the rules that fit, from 1.
        numbers: Vec<usize>,
    },
}

fn count(rules: usize) -> String {
    match rules {
        0 => "the ruleset has no rules".to_owned(),
        1 => "the ruleset has one rule, number 1".to_owned(),
        _ => format!("the ruleset has {rules} rules, numbered from 1"),
    }
}

fn suggestion(nearest: &Option<(usize, String)>) -> String {
    nearest.iter().map(|(number, rule)| format!("; did you mean rule {number}, `{rule}`?")).collect()
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

impl Selector {
    /// Parses a number, a rule, or what comes after a rule's action, with protocols and ports named as in `names`.
    ///
    /// # Errors
    /// If the text is none of these.
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let trimmed = text.trim_ascii();
        if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number too large for the type is too large for any ruleset, too.
            return Ok(Self::Number(trimmed.parse().unwrap_or(usize::MAX)));
        }
        if is_rule(trimmed, names) {
            Rule::parse(text, names).map(Self::Rule)
        } else {
            Match::parse(text, names).map(Self::Match)
        }
    }

    /// The place in `rules`, from 0, of the rule that is meant.
    ///
    /// # Errors
    /// If none is, or more than one.
    pub fn find(&self, rules: &[Rule]) -> Result<usize, DeleteError> {
        let fits = |rule: &Rule| match self {
            Self::Number(_) => false,
            Self::Rule(wanted) => rule == wanted,
            Self::Match(wanted) => rule.matching == *wanted,
        };
        let wanted = match self {
            &Self::Number(number) => {
                let index = number.checked_sub(1).filter(|&index| index < rules.len());
                return index.ok_or(DeleteError::NoSuchNumber { number, rules: rules.len() });
            }
            Self::Rule(wanted) => wanted.to_string(),
            Self::Match(wanted) => wanted.to_string(),
        };
        let found: Vec<usize> =
            rules.iter().enumerate().filter(|(_, rule)| fits(rule)).map(|(index, _)| index).collect();
        match found[..] {
            [index] => Ok(index),
            [] => Err(DeleteError::NoSuchRule { nearest: self.nearest(&wanted, rules), wanted }),
            _ => {
                Err(DeleteError::Ambiguous { wanted, numbers: found.iter().map(|index| index + 1).collect() })
            }
        }
    }

    /// The number, from 1, and the text of the rule that `wanted` resembles.
    fn nearest(&self, wanted: &str, rules: &[Rule]) -> Option<(usize, String)> {
        let other_action = rules.iter().position(|rule| match self {
            Self::Rule(wanted) => rule.matching == wanted.matching,
            _ => false,
        });
        if let Some(index) = other_action {
            return Some((index + 1, rules[index].to_string()));
        }
        let texts: Vec<String> =
            rules
                .iter()
                .map(|rule| {
                    if matches!(self, Self::Match(_)) { rule.matching.to_string() } else { rule.to_string() }
                })
                .collect();
        let text = nearest(wanted, texts.iter().map(String::as_str))?;
        let index = texts.iter().position(|known| known == text)?;
        Some((index + 1, rules[index].to_string()))
    }
}

/// Whether `text` is, or was meant to be, a rule with its action, rather than only what a rule matches.
fn is_rule(text: &str, names: &Names) -> bool {
    let (first, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let first_matches = first.starts_with(|c: char| c == '@' || c.is_ascii_digit())
        || BEGINNINGS.iter().any(|word| word.eq_ignore_ascii_case(first))
        || names.protocol(first).is_some();
    // Where the first word is neither an action nor a protocol, what resembles an action or stands before a match was
    // meant as an action.
    let rest_matches = !rest.starts_with(|c: char| c.is_ascii_digit()) && Match::parse(rest, names).is_ok();
    let near_action = nearest(first, action::ACTIONS.map(|(word, _)| word)).is_some();
    text.is_empty() || (!first_matches && (near_action || rest_matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Selector, ParseError> {
        Selector::parse(text, &Names::parse("", ""))
    }

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::parse(text, &Names::parse("", "")).unwrap()).collect()
    }

    fn error(selector: &str, texts: &[&str]) -> String {
        parse(selector).unwrap().find(&rules(texts)).unwrap_err().to_string()
    }

    #[test]
    fn digits_alone_are_a_number_and_not_a_protocol() {
        assert_eq!(parse(" 17 "), Ok(Selector::Number(17)));
        assert!(matches!(parse("17 500"), Ok(Selector::Match(_))));
        assert!(matches!(parse("allow 17"), Ok(Selector::Rule(_))));
        for text in ["@ike", "any", "ip4", "From 192.0.2.1", "on eth0", "to ::1"] {
            assert!(matches!(parse(text), Ok(Selector::Match(_))), "{text}");
        }
    }

    #[test]
    fn the_better_guess_explains_what_is_wrong() {
        assert!(parse("").unwrap_err().to_string().contains("empty"));
        assert!(parse("alow udp").unwrap_err().to_string().contains("did you mean `allow`?"));
        assert!(parse("upd 500").unwrap_err().to_string().contains("did you mean `udp`?"));
        assert!(parse("from 192.0.2.1/24").unwrap_err().to_string().contains("192.0.2.0/24"));
        assert!(parse("udp 53 log").unwrap_err().to_string().contains("give the whole rule"));
        assert!(parse("-1").unwrap_err().to_string().contains("unknown protocol"));
        assert!(parse("udp 0").unwrap_err().to_string().contains("port 0"));
    }

    #[test]
    fn errors_say_what_there_is() {
        assert_eq!(error("1", &[]), "there is no rule 1: the ruleset has no rules");
        assert_eq!(error("2", &["allow esp"]), "there is no rule 2: the ruleset has one rule, number 1");
        assert_eq!(
            error("0", &["allow esp", "deny ah"]),
            "there is no rule 0: the ruleset has 2 rules, numbered from 1"
        );
        assert_eq!(
            error("udp 501", &["allow esp", "deny udp 500"]),
            "there is no rule `udp 501`; did you mean rule 2, `deny udp 500`?"
        );
        assert_eq!(
            error("allow udp 500", &["deny udp 500"]),
            "there is no rule `allow udp 500`; did you mean rule 1, `deny udp 500`?"
        );
        assert_eq!(
            error("allow udp 500", &["allow udp 500 comment \"IKE\""]),
            "there is no rule `allow udp 500`; did you mean rule 1, `allow udp 500 comment \"IKE\"`?"
        );
        assert_eq!(error("sctp", &["deny udp 500"]), "there is no rule `sctp`");
        assert_eq!(
            error("esp", &["allow esp", "deny ah", "deny esp"]),
            "`esp` could be any of the rules 1, 3: say which by its number"
        );
    }
}
