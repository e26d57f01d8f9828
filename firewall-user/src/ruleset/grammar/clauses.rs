//! `CLAUSE`: `from`, `to` and `on`; and whether all that a rule matches goes together.

use super::{CLAUSES, OPTIONS, Parser, Token, addresses::Located, tokens::Kind};
use crate::ruleset::{Addresses, Contradiction, Match, ParseError, Problem, Protocol, What, interface};

/// What has been read of a rule, with the tokens that may turn out to contradict each other.
pub(super) struct Clauses<'a> {
    what: What,
    protocol: Option<Token<'a>>,
    from: Option<(Addresses, Vec<Located<'a>>)>,
    to: Option<(Addresses, Vec<Located<'a>>)>,
    on: Option<(String, Token<'a>)>,
}

impl<'a> Clauses<'a> {
    /// A rule that begins with that, and has no clauses yet.
    pub(super) fn of((what, protocol): (What, Option<Token<'a>>)) -> Self {
        Self { what, protocol, from: None, to: None, on: None }
    }
}

impl<'a> Parser<'a> {
    /// Reads clauses up to the options or the end.
    pub(super) fn clauses(&mut self, mut clauses: Clauses<'a>) -> Result<Match, ParseError> {
        let mut seen = Vec::new();
        while let Some(word) = self.tokens.peek().filter(|token| !token.is_any(&OPTIONS)) {
            let clause = CLAUSES.into_iter().find(|clause| word.is(clause));
            let Some(clause) = clause else { return Err(self.unexpected_clause(word, &clauses.what)) };
            if seen.contains(&clause) {
                return Err(word.wrong(Problem::Twice(clause)));
            }
            seen.push(clause);
            self.tokens.next();
            match clause {
                "from" => self.from(&mut clauses)?,
                "to" => {
                    let first = self.first_address()?;
                    if first.is("port") {
                        return Err(first.wrong(Problem::PortBehindTo));
                    }
                    clauses.to = Some(self.addresses(first)?);
                    if let Some(port) = self.tokens.take("port") {
                        return Err(port.wrong(Problem::PortBehindTo));
                    }
                }
                _ => clauses.on = Some(self.interface()?),
            }
        }
        finish(clauses)
    }

    fn from(&mut self, clauses: &mut Clauses<'a>) -> Result<(), ParseError> {
        let first = self.first_address()?;
        let port = if first.is("port") {
            Some(first)
        } else {
            clauses.from = Some(self.addresses(first)?);
            self.tokens.take("port")
        };
        let Some(port) = port else { return Ok(()) };
        match &mut clauses.what {
            What::Service(service) => Err(port.wrong(Problem::AfterService {
                word: port.text.to_owned(),
                service: format!("@{}", service.name()),
            })),
            What::Term(term) => {
                term.source_ports = Some(self.source_ports(port, term.protocol)?);
                Ok(())
            }
        }
    }

    fn first_address(&mut self) -> Result<Token<'a>, ParseError> {
        let first = self.tokens.next();
        let missing = || self.tokens.at_end(Problem::Missing("an address"));
        match first.ok_or_else(missing)? {
            word if word.is_any(&CLAUSES) || word.is_any(&OPTIONS) => {
                Err(word.wrong(Problem::Missing("an address")))
            }
            first => Ok(first),
        }
    }

    fn interface(&mut self) -> Result<(String, Token<'a>), ParseError> {
        self.open = None;
        let missing = Problem::Missing("the name of an interface");
        let Some(token) = self.tokens.next() else { return Err(self.tokens.at_end(missing)) };
        let name = match token.kind {
            Kind::Comma => return Err(token.wrong(missing)),
            Kind::Word => token.text.to_owned(),
            Kind::Quoted => super::options::unquoted(token)?,
        };
        if token.kind == Kind::Word && interface::is_pattern(&name) {
            return Err(token.wrong(Problem::Pattern(name)));
        }
        match self.tokens.peek().filter(|token| token.is_comma()) {
            Some(comma) => Err(comma.wrong(Problem::SecondInterface)),
            None => Ok((name, token)),
        }
    }

    /// A token that begins neither a clause nor an option.
    fn unexpected_clause(&self, token: Token<'a>, what: &What) -> ParseError {
        let is_tcp = matches!(what, What::Term(term) if term.protocol == Some(Protocol::TCP));
        let flags: &[&str] = if is_tcp { &["syn", "flags"] } else { &[] };
        self.unexpected(token, &[flags, &CLAUSES, &OPTIONS].concat())
    }
}

/// Puts the parts together, or says where they don't go together.
fn finish<'a>(clauses: Clauses<'a>) -> Result<Match, ParseError> {
    let Clauses { what, protocol, from, to, on } = clauses;
    let (from, from_at) = from.unzip();
    let (to, to_at) = to.unzip();
    let (on, on_at) = on.unzip();
    Match::new(what, from, to, on).map_err(|contradiction| {
        let located = |list: Option<Vec<Located<'a>>>, wanted| {
            list.into_iter().flatten().find(|&(prefix, _)| prefix == wanted).map(|(_, token)| token)
        };
        let at = match contradiction {
            Contradiction::From(prefix) => located(from_at, prefix),
            Contradiction::To(prefix) => located(to_at, prefix),
            Contradiction::Apart { .. } => to_at.and_then(|list| Some(list.first()?.1)),
            Contradiction::Interface(_) => on_at,
            _ => protocol,
        };
        at.expect("what contradicts was read").wrong(contradiction)
    })
}
