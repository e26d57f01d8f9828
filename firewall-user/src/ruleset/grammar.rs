//! The grammar of rules.
//!
//! ```text
//! RULE     = ACTION MATCH
//! ACTION   = "allow" | "deny"
//! MATCH    = "@" SERVICE | PROTOCOL [ PORTS ]
//! PROTOCOL = a name, or a number from 0 to 255, but no IPv6 extension header that has another header behind it
//! PORTS    = ITEM { "," ITEM }
//! ITEM     = PORT | PORT "-" PORT
//! PORT     = a number from 1 to 65535, or a name
//! ```
//!
//! Words are separated by blanks and may be in upper or lower case; there may be blanks around a comma.

use std::{ops::Range, str::FromStr};

use super::{
    Match, Names, ParseError, PortRange, Ports, Problem, Protocol, Rule, action, names::is_every_protocol,
    rule::What, spelling::nearest, term::Term,
};

impl Rule {
    /// Parses a rule whose protocols and ports are named as in `names`.
    ///
    /// # Errors
    /// If the text is no rule: says what is wrong, where, and what was expected.
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, names)?;
        let word = parser.next().ok_or_else(|| parser.at_end(Problem::Empty))?;
        let action = action::named(word.text).ok_or_else(|| {
            let nearest = nearest(word.text, action::ACTIONS.map(|(name, _)| name)).map(str::to_owned);
            word.wrong(Problem::Action { word: word.text.to_owned(), nearest })
        })?;
        Ok(Self::new(action, parser.matching()?))
    }
}

impl FromStr for Rule {
    type Err = ParseError;

    /// Parses a rule, with this machine's names of protocols and ports.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, Names::system())
    }
}

impl Match {
    /// Parses what comes after a rule's action, with protocols and ports named as in `names`.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        Parser::new(text, names)?.matching()
    }
}

impl Term {
    /// Parses one kind of packets, with protocols and ports named as in `names`.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseError> {
        let mut parser = Parser::new(text, names)?;
        let word = parser.next().ok_or_else(|| parser.at_end(Problem::NoMatch))?;
        parser.term(word)
    }
}

/// A word, or a comma.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    /// Where in the rule it begins, in bytes.
    start: usize,
}

impl<'a> Token<'a> {
    fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    fn wrong(self, problem: Problem) -> ParseError {
        ParseError { problem, span: self.span() }
    }

    /// The token's text before and after byte `at`, without the byte itself.
    fn split(self, at: usize) -> (Self, Self) {
        let after = at + 1;
        (
            Self { text: &self.text[..at], ..self },
            Self { text: &self.text[after..], start: self.start + after },
        )
    }

    fn is_number(self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

struct Parser<'a> {
    names: &'a Names,
    tokens: std::vec::IntoIter<Token<'a>>,
    /// Where the text ends, in bytes.
    end: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, names: &'a Names) -> Result<Self, ParseError> {
        if let Some((at, character)) = text.char_indices().find(|&(_, c)| !matches!(c, ' '..='~' | '\t')) {
            let span = at..at + character.len_utf8();
            return Err(ParseError { problem: Problem::Character(character), span });
        }
        Ok(Self { names, tokens: tokens(text).into_iter(), end: text.trim_end().len() })
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.tokens.next()
    }

    fn at_end(&self, problem: Problem) -> ParseError {
        ParseError { problem, span: self.end..self.end }
    }

    fn matching(&mut self) -> Result<Match, ParseError> {
        let word = self.next().ok_or_else(|| self.at_end(Problem::NoMatch))?;
        if let Some(name) = word.text.strip_prefix('@') {
            return self.service(word, name);
        }
        let term = self.term(word)?;
        Ok(Match::new(What::Term(term), None, None, None)
            .expect("the parser takes only parts that go together"))
    }

    fn term(&mut self, word: Token<'a>) -> Result<Term, ParseError> {
        let protocol = self.protocol(word)?;
        if protocol.is_followed() {
            return Err(word.wrong(Problem::ExtensionHeader(protocol)));
        }
        let Some(first) = self.next() else {
            return Ok(Term::protocol(protocol));
        };
        if !protocol.has_ports() {
            return Err(ParseError { problem: Problem::NoPorts(protocol), span: first.start..self.end });
        }
        Ok(Term::ports(protocol, self.ports(protocol, first)?))
    }

    fn service(&mut self, word: Token<'a>, name: &str) -> Result<Match, ParseError> {
        let service = self.names.service(name).ok_or_else(|| {
            let known = self.names.services().map(|service| service.name());
            let nearest = nearest(name, known).map(|name| format!("@{name}"));
            word.wrong(Problem::Service { word: word.text.to_owned(), nearest })
        })?;
        match self.next() {
            None => Ok(Match::service(service)),
            Some(more) => Err(more.wrong(Problem::AfterService {
                word: more.text.to_owned(),
                service: word.text.to_ascii_lowercase(),
            })),
        }
    }

    fn protocol(&self, word: Token<'a>) -> Result<Protocol, ParseError> {
        if word.is_number() {
            return word.text.parse().map(Protocol).map_err(|_| {
                let example = word.text.parse().unwrap_or(500);
                word.wrong(Problem::ProtocolNumber { number: word.text.to_owned(), example })
            });
        }
        if is_every_protocol(word.text) {
            return Err(word.wrong(Problem::EveryProtocol(word.text.to_owned())));
        }
        self.names.protocol(word.text).ok_or_else(|| {
            let nearest = self.meant_as_match(word.text);
            word.wrong(Problem::Protocol { word: word.text.to_owned(), nearest })
        })
    }

    /// What somebody may have meant who wrote `word` where a protocol belongs.
    fn meant_as_match(&self, word: &str) -> Option<String> {
        if let Some(service) = self.names.service(word) {
            return Some(format!("@{}", service.name()));
        }
        // `udp/500`, `udp:500` and `500/udp` are how other tools write it.
        if let Some((before, after)) = word.split_once(['/', ':']) {
            let pairs = [(before, after), (after, before)];
            return pairs.iter().find_map(|(name, port)| {
                let protocol = self.names.protocol(name).filter(|protocol| protocol.has_ports())?;
                port.parse::<u16>().ok().map(|port| format!("{protocol} {port}"))
            });
        }
        if let Some((protocol, _)) = self.names.port_of_any(word) {
            return Some(format!("{protocol} {}", word.to_ascii_lowercase()));
        }
        let services: Vec<String> =
            self.names.services().map(|service| format!("@{}", service.name())).collect();
        let candidates = self.names.protocols().chain(services.iter().map(String::as_str));
        nearest(word, candidates).map(str::to_owned)
    }

    fn ports(&mut self, protocol: Protocol, first: Token<'a>) -> Result<Ports, ParseError> {
        let mut ranges = Vec::new();
        let mut item = first;
        loop {
            if item.text == "," {
                return Err(item.wrong(Problem::MissingPort));
            }
            ranges.push(self.item(protocol, item)?);
            let Some(comma) = self.next() else { break };
            if comma.text != "," {
                return Err(comma.wrong(Problem::AfterPort(comma.text.to_owned())));
            }
            item = self.next().ok_or_else(|| comma.wrong(Problem::TrailingComma))?;
        }
        Ok(Ports::new(ranges).expect("the list has an item"))
    }

    fn item(&self, protocol: Protocol, item: Token<'a>) -> Result<PortRange, ParseError> {
        // A name may have hyphens of its own, so it is tried before the range.
        let (first, last) = if self.is_port(protocol, item) {
            (item, item)
        } else {
            let ends = item.text.match_indices('-').map(|(at, _)| item.split(at));
            match ends
                .into_iter()
                .find(|&(first, last)| self.is_port(protocol, first) && self.is_port(protocol, last))
            {
                Some(ends) => ends,
                None => return Err(self.no_item(protocol, item)),
            }
        };
        let (from, to) = (self.port(protocol, first)?, self.port(protocol, last)?);
        PortRange::new(from, to).ok_or_else(|| item.wrong(Problem::Backwards { first: from, last: to }))
    }

    /// Whether the token stands for a port: a number, even if one out of range, or a name.
    fn is_port(&self, protocol: Protocol, token: Token<'a>) -> bool {
        token.is_number() || self.names.port(protocol, token.text).is_some()
    }

    fn port(&self, protocol: Protocol, token: Token<'a>) -> Result<u16, ParseError> {
        if !token.is_number() {
            return self.names.port(protocol, token.text).ok_or_else(|| self.no_item(protocol, token));
        }
        match token.text.parse() {
            Ok(0) => Err(token.wrong(Problem::PortZero)),
            Ok(port) => Ok(port),
            Err(_) => Err(token.wrong(Problem::PortTooLarge(token.text.to_owned()))),
        }
    }

    /// What is wrong with an item that is neither a port nor a range.
    fn no_item(&self, protocol: Protocol, item: Token<'a>) -> ParseError {
        // Of `22-nonesuch` only the second half is wrong.
        for (at, _) in item.text.match_indices('-') {
            let (first, last) = item.split(at);
            match (self.is_port(protocol, first), self.is_port(protocol, last)) {
                (true, false) if !last.text.is_empty() => return self.unknown_port(protocol, last),
                (false, true) if !first.text.is_empty() => return self.unknown_port(protocol, first),
                (true, false) | (false, true) => return item.wrong(Problem::OpenRange(item.text.to_owned())),
                _ => {}
            }
        }
        if item.text == "-" {
            return item.wrong(Problem::OpenRange(item.text.to_owned()));
        }
        self.unknown_port(protocol, item)
    }

    fn unknown_port(&self, protocol: Protocol, item: Token<'a>) -> ParseError {
        // `8000:8100` is how other tools write a range.
        let colon = item.text.find(':').map(|at| item.split(at));
        let nearest = match colon {
            Some((first, last)) if self.is_port(protocol, first) && self.is_port(protocol, last) => {
                Some(format!("{}-{}", first.text, last.text))
            }
            _ => nearest(item.text, self.names.ports(protocol)).map(str::to_owned),
        };
        let elsewhere = self.names.port_of_any(item.text);
        item.wrong(Problem::Port { word: item.text.to_owned(), protocol, elsewhere, nearest })
    }
}

/// The words and commas of `text`.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive([' ', '\t', ',']) {
        let word = piece.trim_end_matches([' ', '\t', ',']);
        if !word.is_empty() {
            tokens.push(Token { text: word, start });
        }
        if piece.ends_with(',') {
            tokens.push(Token { text: ",", start: start + piece.len() - 1 });
        }
        start += piece.len();
    }
    tokens
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
