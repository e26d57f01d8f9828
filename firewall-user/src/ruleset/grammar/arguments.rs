//! Rules as a shell hands them over.

use crate::ruleset::quoted::quoted;

/// The text of a rule, or a part of one, that a command got as several arguments.
///
/// A shell takes the quotes off a comment; they are put back around the argument behind the argument `comment`.
pub fn from_arguments(arguments: &[impl AsRef<str>]) -> String {
    let mut before = "";
    let mut parts = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let argument = argument.as_ref();
        let is_bare = before.eq_ignore_ascii_case("comment") && !argument.starts_with('"');
        parts.push(if is_bare { quoted(argument).to_string() } else { argument.to_owned() });
        before = if is_bare { "" } else { argument };
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_gets_its_quotes_back() {
        for (arguments, text) in [
            (&["udp", "500,", "4500"][..], "udp 500, 4500"),
            (&["tcp 22", "comment", "for \"us\" \\o/"], r#"tcp 22 comment "for \"us\" \\o/""#),
            (&["tcp 22 comment \"a b\""], "tcp 22 comment \"a b\""),
            (&["tcp", "comment", "\"a b\"", "log"], "tcp comment \"a b\" log"),
            (&["tcp", "comment"], "tcp comment"),
            (&["tcp", "Comment", "comment", "log"], "tcp Comment \"comment\" log"),
            (&[], ""),
        ] {
            assert_eq!(from_arguments(arguments), text);
        }
    }
}
