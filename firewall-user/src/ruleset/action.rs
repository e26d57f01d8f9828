//! The words for what a rule does.

use firewall_common::rules::Action;

use super::spelling::nearest;

/// Every action's word, in the order in which help texts list them.
pub const ACTIONS: [(&str, Action); 3] =
    [("allow", Action::Allow), ("deny", Action::Deny), ("reject", Action::Reject)];

/// The action that `word` names, in upper or lower case.
pub fn named(word: &str) -> Option<Action> {
    ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, action)| action)
}

/// The word for `action`.
pub const fn word(action: Action) -> &'static str {
    match action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::Reject => "reject",
    }
}

/// The action's word that was meant by `word`, which is none: one that it resembles, or what other tools call it.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "accept" | "pass" | "permit" => Some("allow"),
        "drop" | "block" | "discard" => Some("deny"),
        _ => nearest(word, ACTIONS.map(|(name, _)| name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_actions_agree() {
        for (name, action) in ACTIONS {
            assert_eq!(word(action), name);
            assert_eq!(named(name), Some(action));
            assert_eq!(named(&name.to_uppercase()), Some(action));
        }
        assert_eq!(named("refuse"), None);
        assert_eq!(named(""), None);
    }

    #[test]
    fn other_tools_actions_are_known() {
        assert_eq!(meant("ACCEPT"), Some("allow"));
        assert_eq!(meant("drop"), Some("deny"));
        assert_eq!(meant("rejct"), Some("reject"));
        assert_eq!(meant("refuse"), None);
    }
}
