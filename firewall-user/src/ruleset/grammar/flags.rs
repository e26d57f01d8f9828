//! `"syn"` and `"flags" FLAGS`.

use super::{Parser, Token};
use crate::ruleset::{
    ParseError, Problem, Protocol,
    spelling::{Suggestion, nearest},
    tcp_flags::{self, FLAGS, TcpFlags},
};

/// What is wrong with TCP flags.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlagProblem {
    /// Flags of another protocol.
    #[error("only tcp has flags, as in `tcp 22 syn`")]
    NotTcp,
    /// No flag has that name.
    #[error(
        "unknown TCP flag `{word}`: expected some of fin, syn, rst, psh, ack, urg, ece, cwr, or `all` or `none`{}",
        Suggestion(*nearest)
    )]
    Unknown {
        /// The word.
        word: String,
        /// The flag that it resembles.
        nearest: Option<&'static str>,
    },
    /// A flag that must be set but isn't looked at.
    #[error("a flag that must be set is missing among those that are looked at, behind the `/`")]
    NotLookedAt,
    /// Nothing is looked at.
    #[error(
        "which flags must be clear? expected those that are looked at behind a `/`, as in `flags none/all`"
    )]
    Nothing,
    /// A second `/`.
    #[error("one `/` is enough: expected the flags that must be set, `/`, and those that are looked at")]
    SecondSlash,
}

impl<'a> Parser<'a> {
    /// The flags behind `protocol` and its ports, if there are any.
    pub(super) fn tcp_flags(&mut self, protocol: Protocol) -> Result<Option<TcpFlags>, ParseError> {
        let Some(word) = self.tokens.peek().filter(|token| token.is_any(&["syn", "flags"])) else {
            return Ok(None);
        };
        if protocol != Protocol::TCP {
            return Err(word.wrong(FlagProblem::NotTcp));
        }
        self.tokens.next();
        if word.is("syn") {
            self.open = None;
            return Ok(Some(TcpFlags::SYN));
        }
        let first = self.tokens.next().ok_or_else(|| self.tokens.at_end(Problem::Missing("a TCP flag")))?;
        let end = |token: Token<'_>| token.span().end;
        let (mut set, mut mask, mut last) = (0, None, end(first));
        self.list(first, "flag", |_, item| {
            last = end(item);
            let mut parts = item.text.split('/');
            let mut start = item.start;
            for (n, text) in parts.by_ref().enumerate() {
                let part = Token { text, start, ..item };
                start += text.len() + 1;
                if n > 0 && mask.replace(0).is_some() {
                    return Err(item.wrong(FlagProblem::SecondSlash));
                }
                *mask.as_mut().unwrap_or(&mut set) |= flag(part, item)?;
            }
            Ok(())
        })?;
        let mask = mask.unwrap_or(set);
        let wrong = if mask == 0 { FlagProblem::Nothing } else { FlagProblem::NotLookedAt };
        TcpFlags::new(set, mask).map(Some).ok_or_else(|| ParseError::new(wrong, first.start..last))
    }
}

/// The flag that `part` of `item` names.
fn flag(part: Token<'_>, item: Token<'_>) -> Result<u8, ParseError> {
    tcp_flags::named(part.text).ok_or_else(|| {
        let at = if part.text.is_empty() { item } else { part };
        let nearest = nearest(part.text, FLAGS.into_iter().chain(["all", "none"]));
        at.wrong(FlagProblem::Unknown { word: at.text.to_owned(), nearest })
    })
}
