//! The words for what a rule does.

use firewall_common::rules::Action;

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
}
