//! Names of interfaces.

use std::borrow::Cow;

use super::quoted::quoted;

/// The longest name, in bytes: alternative names may be longer than the 15 bytes of an interface's first one.
const MAX_NAME: usize = 127;

/// What a name must be, for messages.
pub(super) const EXPECTED: &str = "expected up to 127 characters without blanks, `/` or `:`";

/// Whether an interface can have that name: the kernel's own rule (`dev_valid_name`).
pub(super) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    !name.is_empty() && name.len() <= MAX_NAME && name != "." && name != ".." && !name.contains(forbidden)
}

/// Whether the name looks like a pattern, as other tools have it. An interface may really be called that.
pub(super) fn is_pattern(name: &str) -> bool {
    name.ends_with(['+', '*'])
}

/// The name as a rule writes it: in quotes where it isn't a word.
pub(super) fn written(name: &str) -> Cow<'_, str> {
    let is_word =
        !is_pattern(name) && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b','));
    if is_word { name.into() } else { quoted(name).to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_kernel_takes() {
        for name in ["eth0", "wan.100", "é", "a,b", "\"", &"x".repeat(127)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "a:1", "a\u{1b}", &"x".repeat(128)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_no_word_is_quoted() {
        assert_eq!(written("wan.100@x"), "wan.100@x");
        assert_eq!(written("a,b"), "\"a,b\"");
        assert_eq!(written("a+"), "\"a+\"");
        assert_eq!(written("é"), "\"é\"");
        assert_eq!(written("a\"\\"), "\"a\\\"\\\\\"");
    }
}
