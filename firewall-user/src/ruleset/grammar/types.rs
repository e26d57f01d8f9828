//! `TYPES`: ICMP and ICMPv6 messages.

use super::{Parser, Token, habits};
use crate::ruleset::{
    ParseError, Problem, Protocol,
    icmp::{self, IcmpType, IcmpTypes},
    spelling::{Suggestion, nearest},
};

/// What is wrong with a type of ICMP messages.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TypeProblem {
    /// A number that is no type's.
    #[error("{0} is no {1} type: they go from 0 to 255")]
    Number(String, Protocol),
    /// A code that is none.
    #[error("`{0}` is no code: expected a number from 0 to 255 behind the `/`, as in `{1}/0`")]
    Code(String, String),
    /// A code behind a name that is of one code alone.
    #[error("`{name}` is of one code alone: expected no `/` behind it")]
    OneCode {
        /// The name.
        name: String,
    },
    /// No message has that name.
    #[error(
        "unknown {protocol} type `{word}`: expected a name such as `echo-request`, or a number from 0 to 255, with or \
         without a code, as in `{example}`{}{}",
        elsewhere.map(|other| format!("; {other} has it")).unwrap_or_default(),
        Suggestion(*nearest),
        example = if *protocol == Protocol::ICMP { "3/4" } else { "1/4" }
    )]
    Unknown {
        /// The word.
        word: String,
        /// Whose type it should be.
        protocol: Protocol,
        /// The other protocol, if it has a type of that name.
        elsewhere: Option<Protocol>,
        /// The name that it resembles.
        nearest: Option<&'static str>,
    },
}

impl<'a> Parser<'a> {
    /// The types of `protocol`, of which `first` is the first.
    pub(super) fn types(&mut self, protocol: Protocol, first: Token<'a>) -> Result<IcmpTypes, ParseError> {
        let types = self.list(first, "type", |_, item| icmp_type(protocol, item))?;
        Ok(IcmpTypes::new(types).expect("the list has an item"))
    }
}

fn icmp_type(protocol: Protocol, item: Token<'_>) -> Result<IcmpType, ParseError> {
    let (kind, code) = match item.text.find('/').map(|at| item.split(at)) {
        Some((kind, code)) => (kind, Some(code)),
        None => (item, None),
    };
    let messages = if kind.is_number() {
        let number = kind.text.parse();
        let number = number.map_err(|_| kind.wrong(TypeProblem::Number(kind.text.to_owned(), protocol)))?;
        IcmpType { kind: number, code: None }
    } else {
        IcmpType::named(protocol, kind.text).ok_or_else(|| unknown(protocol, kind, item))?
    };
    let Some(code) = code else { return Ok(messages) };
    if messages.code.is_some() {
        return Err(item.wrong(TypeProblem::OneCode { name: kind.text.to_ascii_lowercase() }));
    }
    let number = code.text.parse().ok().filter(|_| code.is_number());
    match number {
        Some(number) => Ok(IcmpType { code: Some(number), ..messages }),
        None => {
            let at = if code.text.is_empty() { item } else { code };
            Err(at.wrong(TypeProblem::Code(code.text.to_owned(), kind.text.to_owned())))
        }
    }
}

fn unknown(protocol: Protocol, kind: Token<'_>, item: Token<'_>) -> ParseError {
    if let Some(hint) = habits::hint(kind.text) {
        return kind.wrong(Problem::Habit { word: kind.text.to_owned(), hint });
    }
    let other = if protocol == Protocol::ICMP { Protocol::ICMPV6 } else { Protocol::ICMP };
    let at = if kind.text.is_empty() { item } else { kind };
    at.wrong(TypeProblem::Unknown {
        word: at.text.to_owned(),
        protocol,
        elsewhere: IcmpType::named(other, kind.text).map(|_| other),
        nearest: nearest(kind.text, icmp::names(protocol).iter().map(|&(name, _)| name)),
    })
}
