//! A line of text with carets under the part that is meant.

use std::ops::Range;

/// `line`, and below it a line of carets under the bytes `span`; an empty span gets one caret. Both lines begin with
/// `margin` characters of their own: `line`'s with `label`, the carets' with blanks.
pub(super) fn underline(label: &str, line: &str, span: Range<usize>) -> String {
    let start = floor(line, span.start);
    let end = floor(line, span.end.max(start));
    // The carets stay in step with the text above them if tabs stay tabs.
    let indent: String = line[..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let carets = "^".repeat(line[start..end].chars().count().max(1));
    // A control character would move the cursor or worse: it is shown as what it is, something unprintable.
    let shown: String = line
        .chars()
        .map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    let margin = " ".repeat(label.chars().count());
    format!("{label}{shown}\n{margin}{indent}{carets}")
}

/// The last character boundary at or before `at`, within `line`.
fn floor(line: &str, at: usize) -> usize {
    (0..=at.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_span() {
        assert_eq!(underline("", "allow udb 500", 6..9), "allow udb 500\n      ^^^");
        assert_eq!(underline("5 | ", "deny", 4..4), "5 | deny\n        ^");
        assert_eq!(underline("", "", 0..0), "\n^");
    }

    #[test]
    fn tabs_keep_the_carets_in_step() {
        assert_eq!(underline("", "a\tb", 2..3), "a\tb\n \t^");
    }

    #[test]
    fn no_span_panics_and_no_control_character_is_printed() {
        assert_eq!(underline("", "é\u{1b}x", 1..99), "é\u{fffd}x\n^^^");
    }
}
