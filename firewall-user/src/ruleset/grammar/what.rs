//! `WHAT`: a service, a family, a protocol, and what the protocol's header says.

use super::{CLAUSES, OPTIONS, Parser, Token, habits};
use crate::ruleset::{
    Contradiction, ParseError, Problem, Protocol, What, family, names::is_every_protocol, spelling::nearest,
    term::Term,
};

/// The words that can stand where `WHAT` does, beside protocols and services.
pub(in crate::ruleset) const BEGINNINGS: [&str; 6] = ["any", "ip4", "ip6", "from", "to", "on"];

impl<'a> Parser<'a> {
    /// What kind of packets, and the token that names the protocol.
    pub(super) fn what(&mut self) -> Result<(What, Option<Token<'a>>), ParseError> {
        let Some(first) = self.tokens.peek().filter(|token| !token.is_any(&CLAUSES)) else {
            return Ok((What::Term(Term::default()), None));
        };
        self.tokens.next();
        if let Some(name) = first.text.strip_prefix('@') {
            return Ok((self.service(first, name)?, None));
        }
        let (term, protocol) = self.term(first)?;
        Ok((What::Term(term), protocol))
    }

    fn service(&mut self, word: Token<'a>, name: &str) -> Result<What, ParseError> {
        let Some(service) = self.names.service(name) else {
            let known = self.names.services().map(|service| service.name());
            let nearest = nearest(name, known).map(|name| format!("@{name}"));
            return Err(word.wrong(Problem::Service { word: word.text.to_owned(), nearest }));
        };
        match self.tokens.peek().filter(|token| self.is_item(*token)) {
            None => Ok(What::Service(service)),
            Some(more) => Err(more.wrong(Problem::AfterService {
                word: more.text.to_owned(),
                service: word.text.to_ascii_lowercase(),
            })),
        }
    }

    /// Whether the token can only have been meant as a port, a protocol or the like.
    fn is_item(&self, token: Token<'a>) -> bool {
        let starts = token.text.starts_with(|c: char| c == '@' || c.is_ascii_digit());
        token.is_comma() || starts || self.names.protocol(token.text).is_some()
    }

    /// What isn't a service: the term that begins with `first`, and the token that names the protocol.
    pub(super) fn term(&mut self, first: Token<'a>) -> Result<(Term, Option<Token<'a>>), ParseError> {
        if first.is("any") {
            return match self.tokens.peek().filter(|token| self.is_item(*token)) {
                None => Ok((Term::default(), None)),
                Some(more) => Err(more.wrong(Problem::AfterAny(more.text.to_owned()))),
            };
        }
        let Some(family) = family::named(first.text) else {
            return Ok((self.transport(first)?, Some(first)));
        };
        let ends = |token: &Token<'_>| token.is_any(&CLAUSES) || token.is_any(&OPTIONS);
        let Some(protocol) = self.tokens.peek().filter(|token| !ends(token)) else {
            return Ok((Term { family: Some(family), ..Term::default() }, None));
        };
        if protocol.text.starts_with('@') {
            return Err(protocol.wrong(Problem::ServiceOfFamily(protocol.text.to_owned())));
        }
        self.tokens.next();
        Ok((Term { family: Some(family), ..self.transport(protocol)? }, Some(protocol)))
    }

    fn transport(&mut self, word: Token<'a>) -> Result<Term, ParseError> {
        let protocol = self.protocol(word)?;
        if protocol.is_followed() {
            return Err(word.wrong(Contradiction::ExtensionHeader(protocol)));
        }
        let mut term = Term::protocol(protocol);
        let ends = |token: &Token<'_>| {
            token.is_any(&CLAUSES) || token.is_any(&OPTIONS) || token.is_any(&["syn", "flags"])
        };
        if let Some(first) = self.tokens.peek().filter(|token| !ends(token)) {
            if protocol.has_ports() {
                self.tokens.next();
                term.ports = Some(self.ports(protocol, first)?);
            } else if protocol.has_types() {
                self.tokens.next();
                term.icmp = Some(self.types(protocol, first)?);
            } else if first.is_comma() || self.is_item(first) || self.names.port_of_any(first.text).is_some()
            {
                return Err(first.wrong(Problem::NoPorts(protocol)));
            }
        }
        term.flags = self.tcp_flags(protocol)?;
        Ok(term)
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
            if let Some(hint) = habits::hint(word.text) {
                return word.wrong(Problem::Habit { word: word.text.to_owned(), hint });
            }
            let nearest = self.meant_as_match(word.text);
            word.wrong(Problem::Protocol { word: word.text.to_owned(), nearest })
        })
    }

    /// What somebody may have meant who wrote `word` where a protocol belongs.
    fn meant_as_match(&self, word: &str) -> Option<String> {
        if let Some(service) = self.names.service(word) {
            return Some(format!("@{}", service.name()));
        }
        if super::addresses::is_address(word) {
            return Some(format!("from {word}"));
        }
        // `udp/500`, `udp:500` and `500/udp` are how other tools write it.
        if let Some((before, after)) = word.split_once('/').or_else(|| word.split_once(':')) {
            let pairs = [(before, after), (after, before)];
            return pairs.iter().find_map(|(name, ports)| {
                let protocol = self.names.protocol(name).filter(|protocol| protocol.has_ports())?;
                let numbers = ports.split([':', '-']).all(|port| port.parse::<u16>().is_ok());
                numbers.then(|| format!("{protocol} {}", ports.replace(':', "-")))
            });
        }
        if let Some((protocol, _)) = self.names.port_of_any(word) {
            return Some(format!("{protocol} {}", word.to_ascii_lowercase()));
        }
        let services: Vec<String> =
            self.names.services().map(|service| format!("@{}", service.name())).collect();
        let candidates = self.names.protocols().chain(BEGINNINGS).chain(services.iter().map(String::as_str));
        nearest(word, candidates).map(str::to_owned)
    }
}
