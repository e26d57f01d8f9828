//! Text in double quotes, as rules hold it.

use std::fmt;

/// `text` in double quotes, with a backslash before each double quote and backslash in it.
pub(crate) fn quoted(text: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        f.write_str("\"")?;
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    })
}
