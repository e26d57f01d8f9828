//! The words of a line, as a shell has them.

/// A word, and whether it stood in quotes.
pub(super) type Words = std::collections::VecDeque<String>;

/// The words of a line: separated by blanks, in quotes where they have blanks themselves.
///
/// # Errors
/// A quote isn't closed.
pub(super) fn words(line: &str) -> Result<Words, String> {
    let mut words = Words::new();
    let mut characters = line.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let Some(&first) = characters.peek() else { return Ok(words) };
        let mut word = String::new();
        let quote = Some(first).filter(|c| matches!(c, '"' | '\''));
        if let Some(quote) = quote {
            characters.next();
            loop {
                match characters.next() {
                    None => return Err(format!("the quote {quote} isn't closed")),
                    Some('\\') if quote == '"' => word.extend(characters.next()),
                    Some(c) if c == quote => break,
                    Some(c) => word.push(c),
                }
            }
        }
        while let Some(c) = characters.next_if(|c| !c.is_ascii_whitespace()) {
            word.push(c);
        }
        words.push_back(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let of = |line| words(line).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(
            of(r#"-A INPUT --comment "a \"b\" c" -j X"#),
            ["-A", "INPUT", "--comment", "a \"b\" c", "-j", "X"]
        );
        assert_eq!(of("  a\t'b c'  "), ["a", "b c"]);
        assert_eq!(of("\"\""), [""]);
        assert!(of("  ").is_empty());
        assert!(words("a \"b").is_err() && words("'").is_err() && words("\"\\").is_err());
    }
}
