//! The words of nft's text.

/// A word or a sign, and the line it's in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Word(String),
    /// A text in quotes.
    Quoted(String),
    /// One of `{},;()`.
    Sign(char),
    /// The end of a line.
    End,
}

impl Token {
    /// The word, if it's one.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether a statement ends here.
    pub(super) fn ends(&self) -> bool {
        matches!(self.kind, Kind::End | Kind::Sign(';' | '}'))
    }

    /// How it's written.
    pub(super) fn text(&self) -> String {
        match &self.kind {
            Kind::Word(word) => word.clone(),
            Kind::Quoted(text) => format!("{text:?}"),
            Kind::Sign(sign) => sign.to_string(),
            Kind::End => "the end of the line".to_owned(),
        }
    }
}

/// Splits a text into its words.
///
/// # Errors
/// A quote isn't closed in its line: that line.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, usize> {
    let mut tokens = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (kind, length) = match first {
                '#' => break,
                '"' => {
                    let end = rest[1..].find('"').ok_or(line)?;
                    (Kind::Quoted(rest[1..=end].to_owned()), end + 2)
                }
                '{' | '}' | ',' | ';' | '(' | ')' => (Kind::Sign(first), 1),
                first if first.is_whitespace() => {
                    rest = &rest[first.len_utf8()..];
                    continue;
                }
                _ => {
                    let ends = |c: char| {
                        c.is_whitespace() || matches!(c, '{' | '}' | ',' | ';' | '(' | ')' | '"' | '#')
                    };
                    let end = rest.find(ends).unwrap_or(rest.len());
                    (Kind::Word(rest[..end].to_owned()), end)
                }
            };
            tokens.push(Token { kind, line });
            rest = &rest[length..];
        }
        tokens.push(Token { kind: Kind::End, line });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_and_quotes() {
        let texts: Vec<String> =
            tokens("a{b-c, \"d # e\"} # f\n;").unwrap().iter().map(Token::text).collect();
        let end = "the end of the line";
        assert_eq!(texts, ["a", "{", "b-c", ",", "\"d # e\"", "}", end, ";", end]);
        assert_eq!(tokens("a\n\"b"), Err(2));
    }
}
