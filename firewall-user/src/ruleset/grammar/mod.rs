//! The grammar of rules.
//!
//! ```text
//! RULE      = ACTION MATCH { OPTION }
//! ACTION    = "allow" | "deny" | "reject" [ "with" ANSWER ]
//! ANSWER    = "port-unreachable" | "admin-prohibited" | "host-unreachable" | "network-unreachable"
//!           | "protocol-unreachable" | "host-prohibited" | "network-prohibited" | "no-route"
//!           | "address-unreachable" | "policy-fail" | "reject-route" | "tcp-reset"
//! MATCH     = WHAT { CLAUSE } | CLAUSE { CLAUSE }
//!
//! WHAT      = "@" SERVICE | "any" | FAMILY [ TRANSPORT ] | TRANSPORT
//! FAMILY    = "ip4" | "ip6"
//! TRANSPORT = PROTOCOL [ PORTS | TYPES ] [ "syn" | "flags" FLAGS [ "/" FLAGS ] ]
//! PROTOCOL  = a name, or a number from 0 to 255
//! PORTS     = PORT [ "-" PORT ] { "," PORT [ "-" PORT ] }
//! PORT      = a name, or a number from 1 to 65535
//! TYPES     = TYPE [ "/" CODE ] { "," TYPE [ "/" CODE ] }
//! TYPE      = a name, or a number from 0 to 255
//! CODE      = a number from 0 to 255
//! FLAGS     = FLAG { "," FLAG }
//! FLAG      = "fin" | "syn" | "rst" | "psh" | "ack" | "urg" | "ece" | "cwr" | "all" | "none"
//!
//! CLAUSE    = "from" ADDRESSES [ "port" PORTS ] | "from" "port" PORTS
//!           | "to" ADDRESSES
//!           | "on" INTERFACE
//! ADDRESSES = [ "not" ] ADDRESS [ "/" LENGTH ] { "," ADDRESS [ "/" LENGTH ] }
//! INTERFACE = a word | STRING
//!
//! OPTION    = "log"
//!           | "limit" NUMBER "/" UNIT [ "burst" NUMBER ] [ "per" "source" ]
//!           | "comment" STRING
//! UNIT      = "s" | "second" | "m" | "minute" | "h" | "hour"
//! STRING    = '"' any characters but control characters; '"' and '\' have a '\' before them '"'
//! ```
//!
//! Words are separated by blanks and may be in upper or lower case, but for names of interfaces. There may be blanks around
//! a comma, but not around "/" and "-". Each clause and each option comes once at most, in any order; the options come last.

mod addresses;
mod arguments;
mod clauses;
mod flags;
mod habits;
mod options;
mod ports;
mod types;
mod what;

mod tokens;

use std::str::FromStr;

use firewall_common::{answer::Answer, rules::Action};

pub(super) use self::what::BEGINNINGS;
pub use self::{
    addresses::AddressProblem, arguments::from_arguments, flags::FlagProblem, options::OptionProblem,
    ports::PortProblem, types::TypeProblem,
};
use self::{
    clauses::Clauses,
    tokens::{Token, Tokens},
};
use super::{
    Contradiction, Match, Names, ParseError, Problem, Protocol, Rule, action, answer, spelling::nearest,
    term::Term,
};

impl Rule {
    /// Parses a rule whose protocols, ports and services are named as in `names`.
    ///
    /// # Errors
    /// If the text is no rule: says what is wrong, where, and what was expected.
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, names)?;
        let action = parser.action()?;
        parser.rule(action)
    }
}

impl FromStr for Rule {
    type Err = ParseError;

    /// Parses a rule, with this machine's names of protocols and ports, and the built-in services.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, Names::system())
    }
}

impl Match {
    /// Parses what a rule matches: what comes after its action, without options.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, names)?;
        let matching = parser.matching()?;
        match parser.tokens.next() {
            None => Ok(matching),
            Some(token) if token.is_any(&OPTIONS) => {
                Err(token.wrong(Problem::OptionOfMatch(token.text.to_ascii_lowercase())))
            }
            Some(token) => Err(parser.unexpected(token, &CLAUSES)),
        }
    }
}

impl Term {
    /// Parses one of the kinds of packets that a service needs: what a rule matches, without a service, addresses and
    /// interfaces.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, names)?;
        let first = parser.tokens.next().ok_or_else(|| parser.tokens.at_end(Problem::NoTerm))?;
        if first.text.starts_with('@') {
            return Err(first.wrong(Problem::ServiceInService(first.text.to_owned())));
        }
        let (mut term, protocol) = parser.term(first)?;
        if let Some(from) = parser.tokens.take("from") {
            let port = parser.tokens.next().filter(|token| token.is("port"));
            let port = port.ok_or_else(|| from.wrong(Problem::PlaceInService("from".to_owned())))?;
            term.source_ports = Some(parser.source_ports(port, term.protocol)?);
        }
        match parser.tokens.next() {
            Some(token) if token.is_any(&CLAUSES) || token.is_any(&OPTIONS) => {
                Err(token.wrong(Problem::PlaceInService(token.text.to_ascii_lowercase())))
            }
            Some(token) => Err(parser.unexpected(token, &["from"])),
            None => match (Contradiction::in_term(&term), protocol) {
                (None, _) => Ok(term),
                (Some(contradiction), Some(protocol)) => Err(protocol.wrong(contradiction)),
                (Some(contradiction), None) => Err(first.wrong(contradiction)),
            },
        }
    }
}

/// The words that begin a clause.
const CLAUSES: [&str; 3] = ["from", "to", "on"];
/// The words that begin an option.
const OPTIONS: [&str; 3] = ["log", "limit", "comment"];

/// Reads a rule's tokens from left to right. Each part of the grammar is a method, in the file of that part.
struct Parser<'a> {
    names: &'a Names,
    tokens: Tokens<'a>,
    /// What another item of the list that was read last would be.
    open: Option<&'static str>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, names: &'a Names) -> Result<Self, ParseError> {
        Ok(Self { names, tokens: Tokens::of(text)?, open: None })
    }

    fn action(&mut self) -> Result<Action, ParseError> {
        let word = self.tokens.next().ok_or_else(|| self.tokens.at_end(Problem::Empty))?;
        action::named(word.text).ok_or_else(|| {
            if word.text.starts_with('-') {
                return word.wrong(Problem::Habit { word: word.text.to_owned(), hint: habits::ACTION });
            }
            let begins_match = word.text.starts_with('@') || self.names.protocol(word.text).is_some();
            let meant = action::meant(word.text).map(str::to_owned);
            let nearest = meant.or_else(|| begins_match.then(|| format!("allow {}", word.text)));
            word.wrong(Problem::Action { word: word.text.to_owned(), nearest })
        })
    }

    /// What comes after an action.
    fn rule(&mut self, action: Action) -> Result<Rule, ParseError> {
        let answer = match action {
            Action::Reject => self.answer()?,
            Action::Allow | Action::Deny => None,
        };
        let mut rule = Rule::new(action, self.matching()?);
        if let Some((answer, at)) = answer {
            let is_tcp = |term: &Term| term.protocol == Some(Protocol::TCP);
            if answer == Answer::TcpReset && !rule.matching.terms().iter().all(is_tcp) {
                return Err(at.wrong(Problem::Reset));
            }
            rule.answer = answer;
        }
        self.options(&mut rule)?;
        Ok(rule)
    }

    /// `"with" ANSWER`, if it's there.
    fn answer(&mut self) -> Result<Option<(Answer, Token<'a>)>, ParseError> {
        if self.tokens.take("with").is_none() {
            return Ok(None);
        }
        let missing = Problem::Missing("what the sender is told, as in `reject with tcp-reset tcp`");
        let word = self.tokens.next().ok_or_else(|| self.tokens.at_end(missing))?;
        let answer = answer::named(word.text).ok_or_else(|| {
            word.wrong(Problem::Answer { word: word.text.to_owned(), nearest: answer::meant(word.text) })
        })?;
        Ok(Some((answer, word)))
    }

    fn matching(&mut self) -> Result<Match, ParseError> {
        let Some(first) = self.tokens.peek() else {
            return Err(self.tokens.at_end(Problem::NoMatch));
        };
        if first.is_any(&OPTIONS) {
            return Err(first.wrong(Problem::NoMatch));
        }
        let what = self.what()?;
        self.clauses(Clauses::of(what))
    }

    /// `ITEM { "," ITEM }`, of which `first` is the first, where an item is a `noun`.
    fn list<T>(
        &mut self,
        first: Token<'a>,
        noun: &'static str,
        mut item: impl FnMut(&Self, Token<'a>) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let mut items = Vec::new();
        let mut next = first;
        loop {
            if next.is_comma() {
                return Err(next.wrong(Problem::MissingBefore(noun)));
            }
            items.push(item(self, next)?);
            let Some(comma) = self.tokens.peek().filter(|token| token.is_comma()) else { break };
            self.tokens.next();
            let behind =
                self.tokens.next().filter(|token| !token.is_any(&CLAUSES) && !token.is_any(&OPTIONS));
            next = behind.ok_or_else(|| comma.wrong(Problem::MissingAfter(noun)))?;
        }
        self.open = Some(noun);
        Ok(items)
    }

    /// A token that has no place where one of `words` could follow.
    fn unexpected(&self, token: Token<'a>, words: &[&str]) -> ParseError {
        if let Some(hint) = habits::hint(token.text) {
            return token.wrong(Problem::Habit { word: token.text.to_owned(), hint });
        }
        let list = self.open.map(|noun| format!("a comma and another {noun}"));
        let words = words.iter().copied();
        let nearest = nearest(token.text, words.clone()).map(str::to_owned);
        let expected = list.into_iter().chain(words.map(|word| format!("`{word}`"))).collect::<Vec<_>>();
        token.wrong(Problem::Unexpected {
            word: token.text.to_owned(),
            expected: expected.join(", "),
            nearest,
        })
    }
}

#[cfg(test)]
mod tests;
