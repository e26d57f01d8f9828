//! What is a rule and what isn't, and where the finger points.

mod canonical;
mod errors;
mod habits;
mod properties;

use crate::ruleset::{Names, Rule};

fn names() -> Names {
    Names::parse("", "alt-http 8080/tcp\n")
}

fn canonical(text: &str) -> String {
    Rule::parse(text, &names()).unwrap_or_else(|error| panic!("{error}\n{}", error.render(text))).to_string()
}

/// The error's text, and what of the rule it points at.
fn error(text: &str) -> (String, &str) {
    let error = Rule::parse(text, &names()).expect_err(text);
    (error.to_string(), &text[error.span()])
}

/// Asserts that `text` is refused, that the error points at `at`, and that it says `says`.
#[track_caller]
fn refused(text: &str, at: &str, says: &str) {
    let (message, pointed) = error(text);
    assert_eq!(pointed, at, "{text}: {message}");
    assert!(message.contains(says), "{text}: {message}");
}
