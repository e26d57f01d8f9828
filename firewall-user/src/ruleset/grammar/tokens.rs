//! A rule's text as words, commas and quoted texts.

use std::ops::Range;

use crate::ruleset::{ParseError, Problem};

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Characters without blanks, commas and quotes.
    Word,
    /// A comma.
    Comma,
    /// A text in double quotes, which are part of it.
    Quoted,
}

/// A piece of a rule's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Where in the rule it begins, in bytes.
    pub(super) start: usize,
    pub(super) kind: Kind,
}

impl<'a> Token<'a> {
    pub(super) fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// An error that points at the token.
    pub(super) fn wrong(self, problem: impl Into<Problem>) -> ParseError {
        ParseError::new(problem, self.span())
    }

    /// The token's text before and after byte `at`, without the byte itself.
    pub(super) fn split(self, at: usize) -> (Self, Self) {
        let after = at + 1;
        (
            Self { text: &self.text[..at], ..self },
            Self { text: &self.text[after..], start: self.start + after, ..self },
        )
    }

    /// Whether it is this word, in upper or lower case.
    pub(super) fn is(self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is one of these words.
    pub(super) fn is_any(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub(super) fn is_comma(self) -> bool {
        self.kind == Kind::Comma
    }

    pub(super) fn is_number(self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// The tokens of a text, and how far they have been read.
pub(super) struct Tokens<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Where the text ends, in bytes.
    end: usize,
}

impl<'a> Tokens<'a> {
    /// # Errors
    /// The text has a character that no rule has, or a quote without its counterpart.
    pub(super) fn of(text: &'a str) -> Result<Self, ParseError> {
        let mut tokens = Vec::new();
        let mut start = 0;
        while let Some(first) = text[start..].chars().next() {
            let rest = &text[start..];
            let (kind, length) = match first {
                ' ' | '\t' => {
                    start += 1;
                    continue;
                }
                ',' => (Kind::Comma, 1),
                '"' => (Kind::Quoted, quoted(rest, start)?),
                _ => (Kind::Word, word(rest, start)?),
            };
            tokens.push(Token { text: &rest[..length], start, kind });
            start += length;
        }
        Ok(Self { tokens, next: 0, end: text.trim_ascii_end().len() })
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    /// The next token, if it is this word.
    pub(super) fn take(&mut self, word: &str) -> Option<Token<'a>> {
        self.peek().filter(|token| token.is(word))?;
        self.next()
    }

    /// An error that points behind the text's end.
    pub(super) fn at_end(&self, problem: impl Into<Problem>) -> ParseError {
        ParseError::new(problem, self.end..self.end)
    }
}

/// The length of the word that `rest` begins with. `start` is where that is in the text.
fn word(rest: &str, start: usize) -> Result<usize, ParseError> {
    for (at, character) in rest.char_indices() {
        match character {
            ' ' | '\t' | ',' | '"' => return Ok(at),
            '!'..='~' => {}
            _ => return Err(character_at(character, start + at)),
        }
    }
    Ok(rest.len())
}

/// The length of the quoted text that `rest` begins with, quotes included.
fn quoted(rest: &str, start: usize) -> Result<usize, ParseError> {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if character.is_control() => return Err(character_at(character, start + at)),
            '"' if !escaped => return Ok(at + 1),
            _ => escaped = character == '\\' && !escaped,
        }
    }
    Err(ParseError::new(Problem::OpenQuote, start..start + rest.trim_ascii_end().len()))
}

fn character_at(character: char, at: usize) -> ParseError {
    ParseError::new(Problem::Character(character), at..at + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        Tokens::of(text).unwrap().tokens.iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_commas_and_quoted_texts_are_told_apart() {
        assert_eq!(texts(" a,b ,\tc"), ["a", ",", "b", ",", "c"]);
        assert_eq!(texts(r#"a"b c, \" \\"d"#), ["a", r#""b c, \" \\""#, "d"]);
        assert_eq!(texts("  "), [""; 0]);
        assert_eq!(texts("\"é\""), ["\"é\""]);
    }

    #[test]
    fn what_has_no_place_is_pointed_at() {
        for (text, span) in [("aé", 1..3), ("a \"b\n\"", 4..5), ("é", 0..2), ("a\u{7f}", 1..2)] {
            let error = Tokens::of(text).err().unwrap();
            assert!(matches!(error.problem(), Problem::Character(_)), "{text}");
            assert_eq!(error.span(), span, "{text}");
        }
        for text in ["a \"b", "a \"", r#"a "\""#, "a \"b  "] {
            let error = Tokens::of(text).err().unwrap();
            assert_eq!((error.problem(), error.span()), (&Problem::OpenQuote, 2..text.trim_end().len()));
        }
    }
}
