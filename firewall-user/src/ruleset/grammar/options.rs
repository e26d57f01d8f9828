//! `OPTION`: `log`, `limit` and `comment`.

use super::{CLAUSES, OPTIONS, Parser, Token, tokens::Kind};
use crate::ruleset::{
    Limit, ParseError, Problem, Rule,
    limit::{BURST, MAX_MEMORY, MAX_PACKETS, UNITS, Unit},
    rule::MAX_COMMENT,
    spelling::{Suggestion, nearest},
};

/// What is wrong with an option of a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OptionProblem {
    /// No rate.
    #[error("`{0}` is no limit: expected how many packets in what time, as in `10/s`, `100/m` or `5/h`")]
    Rate(String),
    /// A unit that isn't one.
    #[error("unknown unit `{word}`: expected s, m or h{}", Suggestion(*nearest))]
    Unit {
        /// The word.
        word: String,
        /// The unit that it resembles.
        nearest: Option<&'static str>,
    },
    /// A number of packets that can't be had.
    #[error("a limit of `{0}` packets can't be had: expected a number from 1 to {MAX_PACKETS}")]
    Packets(String),
    /// A burst that is remembered for longer than can be told.
    #[error(
        "a burst of {burst} packets is forgotten after {} seconds at this rate, and {MAX_MEMORY} can be told: expected at most {}",
        .0.memory(), .0.longest(), burst = .0.burst
    )]
    Burst(Limit),
    /// `per` without `source`.
    #[error("expected `source` behind `per`: a limit is for all sources together, or `per source`")]
    Per,
    /// A comment that isn't quoted.
    #[error(
        "expected a text in double quotes, as in `comment \"for backups\"`; in a shell, put single quotes around the \
         whole rule"
    )]
    Comment,
    /// A comment that says nothing.
    #[error("the comment is empty: expected some text, or no `comment`")]
    EmptyComment,
    /// A comment that is too long.
    #[error("the comment has {0} bytes: expected {MAX_COMMENT} at most")]
    LongComment(usize),
    /// A backslash before a character that needs none.
    #[error("a backslash stands before `\"` and `\\` alone: expected `\\\\` where one is meant")]
    Escape,
}

impl<'a> Parser<'a> {
    /// Reads options up to the end into `rule`.
    pub(super) fn options(&mut self, rule: &mut Rule) -> Result<(), ParseError> {
        let mut seen = Vec::new();
        while let Some(word) = self.tokens.next() {
            let option = OPTIONS.into_iter().find(|option| word.is(option));
            let Some(option) = option else {
                return Err(match CLAUSES.into_iter().find(|clause| word.is(clause)) {
                    Some(clause) => word.wrong(Problem::ClauseBehindOption(clause)),
                    None => self.unexpected_option(word, rule),
                });
            };
            if seen.contains(&option) {
                return Err(word.wrong(Problem::Twice(option)));
            }
            seen.push(option);
            self.open = None;
            match option {
                "log" => rule.log = true,
                "limit" => rule.limit = Some(self.limit()?),
                _ => rule.comment = Some(self.comment()?),
            }
        }
        Ok(())
    }

    fn limit(&mut self) -> Result<Limit, ParseError> {
        let missing = Problem::Missing("how many packets in what time, as in `10/s`");
        let Some(rate) = self.tokens.next() else { return Err(self.tokens.at_end(missing)) };
        let parts = rate.text.find('/').map(|at| rate.split(at));
        let wrong = || rate.wrong(OptionProblem::Rate(rate.text.to_owned()));
        let (number, unit) = parts.filter(|(number, _)| number.is_number()).ok_or_else(wrong)?;
        let packets = packets(number)?;
        let per = Unit::named(unit.text).ok_or_else(|| {
            if unit.text.is_empty() {
                return wrong();
            }
            let nearest = nearest(unit.text, UNITS.map(|(name, _)| name));
            unit.wrong(OptionProblem::Unit { word: unit.text.to_owned(), nearest })
        })?;
        let mut limit = Limit { packets, per, burst: BURST, per_source: false };
        if self.tokens.take("burst").is_some() {
            let missing = Problem::Missing("how many packets may come at once, as in `burst 20`");
            let Some(number) = self.tokens.next() else { return Err(self.tokens.at_end(missing)) };
            limit.burst = self::packets(number)?;
            if limit.memory() > MAX_MEMORY {
                return Err(number.wrong(OptionProblem::Burst(limit)));
            }
        }
        if let Some(per) = self.tokens.take("per") {
            self.tokens.take("source").ok_or_else(|| per.wrong(OptionProblem::Per))?;
            limit.per_source = true;
        }
        Ok(limit)
    }

    fn comment(&mut self) -> Result<String, ParseError> {
        let Some(token) = self.tokens.next() else { return Err(self.tokens.at_end(OptionProblem::Comment)) };
        if token.kind != Kind::Quoted {
            return Err(token.wrong(OptionProblem::Comment));
        }
        let comment = unquoted(token)?;
        match comment.len() {
            0 => Err(token.wrong(OptionProblem::EmptyComment)),
            1..=MAX_COMMENT => Ok(comment),
            length => Err(token.wrong(OptionProblem::LongComment(length))),
        }
    }

    /// A token that begins no option.
    fn unexpected_option(&self, token: Token<'a>, rule: &Rule) -> ParseError {
        let limited: &[&str] = if rule.limit.is_some() { &["burst", "per"] } else { &[] };
        self.unexpected(token, &[&OPTIONS, limited].concat())
    }
}

fn packets(token: Token<'_>) -> Result<u32, ParseError> {
    let number = token.text.parse().ok().filter(|number| (1..=MAX_PACKETS).contains(number));
    let wrong = || token.wrong(OptionProblem::Packets(token.text.to_owned()));
    number.filter(|_| token.is_number()).ok_or_else(wrong)
}

/// The text in a quoted token.
///
/// # Errors
/// A backslash stands where it means nothing.
pub(super) fn unquoted(token: Token<'_>) -> Result<String, ParseError> {
    let inside = &token.text[1..token.text.len() - 1];
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
            _ => {
                let start = token.start + 1 + at;
                return Err(ParseError::new(OptionProblem::Escape, start..start + 1));
            }
        }
    }
    Ok(text)
}
