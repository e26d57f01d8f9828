//! Rules in nft's text, read into the JSON that `nft -j` would print of them.
//!
//! It reads what nft prints, which is always written in one way; a match that isn't known is kept as it's written.

use serde_json::{Value, json};

use super::tokens::{Kind, Token};

/// What may begin a statement that isn't a match.
const STATEMENTS: [&str; 17] = [
    "accept",
    "drop",
    "continue",
    "return",
    "jump",
    "goto",
    "reject",
    "counter",
    "log",
    "limit",
    "comment",
    "notrack",
    "queue",
    "masquerade",
    "snat",
    "dnat",
    "redirect",
];
/// A place among the words of a text.
pub(super) struct Parser<'t> {
    tokens: &'t [Token],
    pub(super) at: usize,
}

impl<'t> Parser<'t> {
    pub(super) const fn new(tokens: &'t [Token]) -> Self {
        Self { tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// The line of what was read last; of the beginning, the first one.
    pub(super) fn last_line(&self) -> usize {
        let before = self.tokens[..self.at].iter().rev().find(|token| token.kind != Kind::End);
        before.map_or(1, |token| token.line)
    }

    /// The line of what comes next, or of the last word there is.
    pub(super) fn line(&self) -> usize {
        self.peek().or(self.tokens.last()).map_or(1, |token| token.line)
    }

    pub(super) fn skip_ends_of_lines(&mut self) {
        while self.peek().is_some_and(|token| token.kind == Kind::End) {
            self.at += 1;
        }
    }

    pub(super) fn skip_ends(&mut self) {
        while self.peek().is_some_and(|token| token.kind == Kind::End || token.is(';')) {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, sign: char) -> Result<(), String> {
        match self.next() {
            Some(token) if token.is(sign) => Ok(()),
            Some(token) => Err(format!("`{sign}` is expected, not {}", token.text())),
            None => Err(format!("`{sign}` is expected, and the text ends")),
        }
    }

    /// A word or a quoted text.
    pub(super) fn name(&mut self) -> Result<String, String> {
        match self.next().map(|token| &token.kind) {
            Some(Kind::Word(text) | Kind::Quoted(text)) => Ok(text.clone()),
            Some(_) | None => Err("a name is expected".to_owned()),
        }
    }

    /// Takes what is left up to the end of the statement.
    pub(super) fn tokens_of_statement(&mut self) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            if depth == 0 && token.ends() {
                break;
            }
            match token.kind {
                Kind::Sign('{') => depth += 1,
                Kind::Sign('}') => depth -= 1,
                _ => {}
            }
            tokens.push(token.clone());
            self.at += 1;
        }
        tokens
    }

    pub(super) fn skip_statement(&mut self) {
        self.tokens_of_statement();
    }

    pub(super) fn words_of_statement(&mut self) -> Vec<String> {
        self.tokens_of_statement().iter().filter_map(|token| token.word().map(str::to_owned)).collect()
    }

    /// Leaves out what is in the next braces.
    pub(super) fn skip_object(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(|token| !token.is('{') && !token.ends()) {
            self.at += 1;
        }
        if self.peek().is_some_and(|token| token.is('{')) {
            self.braces()?;
        }
        Ok(())
    }

    /// What is in braces, without them.
    fn braces(&mut self) -> Result<Vec<Token>, String> {
        self.expect('{')?;
        let mut inside = Vec::new();
        let mut depth = 1_usize;
        loop {
            let token = self.next().ok_or("`}` is expected, and the text ends")?;
            match token.kind {
                Kind::Sign('{') => depth += 1,
                Kind::Sign('}') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(inside);
            }
            inside.push(token.clone());
        }
    }

    pub(super) fn is_next(&self, word: &str) -> bool {
        self.peek().and_then(Token::word) == Some(word)
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_next = self.is_next(word);
        self.at += usize::from(is_next);
        is_next
    }

    /// A rule: its statements and its comment.
    pub(super) fn rule(&mut self) -> Result<(Vec<Value>, Option<String>), String> {
        let (mut statements, mut comment) = (Vec::new(), None);
        while self.peek().is_some_and(|token| !token.ends()) {
            if self.take("comment") {
                comment = Some(self.name()?);
            } else {
                statements.push(self.statement()?);
            }
        }
        Ok((statements, comment))
    }

    fn statement(&mut self) -> Result<Value, String> {
        let start = self.at;
        let word = self.peek().and_then(Token::word).unwrap_or_default();
        self.at += 1;
        match word {
            "accept" | "drop" | "continue" | "return" | "notrack" => Ok(json!({ word: null })),
            "jump" | "goto" => Ok(json!({ word: { "target": self.name()? } })),
            "reject" => self.reject(),
            "counter" => {
                if self.take("packets") {
                    self.at += 1;
                    self.take("bytes");
                    self.at += 1;
                } else if self.take("name") {
                    self.name()?;
                }
                Ok(json!({ "counter": null }))
            }
            "log" => {
                while ["prefix", "level", "group", "snaplen", "queue-threshold", "flags"]
                    .iter()
                    .any(|key| self.take(key))
                {
                    self.at += 1;
                }
                Ok(json!({ "log": null }))
            }
            "limit" => self.limit(start),
            "queue" | "masquerade" | "snat" | "dnat" | "redirect" | "tproxy" | "fwd" | "dup" | "synproxy" => {
                self.skip_statement();
                Ok(json!({ word: {} }))
            }
            "add" | "update" | "delete"
                if self.peek().and_then(Token::word).is_some_and(|next| next.starts_with('@')) =>
            {
                let set = self.name()?;
                let inside = self.braces()?;
                let asks = |token: &Token| matches!(token.word(), Some("limit" | "ct" | "quota"));
                let statements = if inside.iter().any(asks) { json!([{ "limit": null }]) } else { json!([]) };
                Ok(json!({ "set": { "op": word, "set": set, "stmt": statements } }))
            }
            "xt" => {
                let (kind, name) = (self.name()?, self.name()?);
                Ok(json!({ "xt": { "type": kind, "name": name } }))
            }
            _ => {
                self.at = start;
                Ok(match self.comparison() {
                    Some(comparison) => comparison,
                    None => self.unknown(start),
                })
            }
        }
    }

    fn reject(&mut self) -> Result<Value, String> {
        if !self.take("with") {
            return Ok(json!({ "reject": {} }));
        }
        let kind = self.name()?;
        self.take("type");
        let name = self.name()?;
        Ok(match (kind.as_str(), name.as_str()) {
            ("tcp", "reset") => json!({ "reject": { "type": "tcp reset" } }),
            _ => json!({ "reject": { "type": kind, "expr": name } }),
        })
    }

    /// `limit rate [over] 10/second [burst 5 packets]`
    fn limit(&mut self, start: usize) -> Result<Value, String> {
        if !self.take("rate") {
            return Ok(self.unknown(start));
        }
        let over = self.take("over");
        let rate = self.name()?;
        let (rate, unit, per) = match rate.split_once('/') {
            Some((rate, per)) => (rate.to_owned(), "packets".to_owned(), per.to_owned()),
            None => {
                let unit = self.name()?;
                let (unit, per) = unit.split_once('/').unwrap_or((&unit, "second"));
                (rate, unit.to_owned(), per.to_owned())
            }
        };
        let mut burst = Value::Null;
        if self.take("burst") {
            burst = json!(self.name()?.parse::<u64>().ok());
            self.name()?;
        }
        let rate: u64 = rate.parse().map_err(|_| format!("{rate:?} is no rate"))?;
        Ok(json!({ "limit": { "rate": rate, "rate_unit": unit, "per": per, "burst": burst, "inv": over } }))
    }

    /// A match that isn't known: up to the next statement.
    fn unknown(&mut self, start: usize) -> Value {
        self.at = start;
        let mut words = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            let is_next = token.word().is_some_and(|word| STATEMENTS.contains(&word)) && !words.is_empty();
            if depth == 0 && (token.ends() || is_next) {
                break;
            }
            match token.kind {
                Kind::Sign('{') => depth += 1,
                Kind::Sign('}') => depth -= 1,
                _ => {}
            }
            if token.kind != Kind::End {
                words.push(token.text());
            }
            self.at += 1;
        }
        json!({ "unknown": words.join(" ") })
    }
}
