//! `PORTS`.

use std::fmt;

use super::{Parser, Token, habits};
use crate::ruleset::{
    ParseError, PortRange, Ports, Problem, Protocol,
    spelling::{Suggestion, nearest},
};

/// What is wrong with a port or a range of ports.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PortProblem {
    /// Port 0.
    #[error("port 0 is reserved and nothing listens there: ports go from 1 to 65535")]
    Zero,
    /// A port above 65535.
    #[error("port {0} is too large: ports go from 1 to 65535")]
    TooLarge(String),
    /// A range whose first port is above its last.
    #[error("the range {first}-{last} runs backwards: the lower port comes first, as in {last}-{first}")]
    Backwards {
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
    },
    /// A range that lacks one of its ends.
    #[error("the range `{0}` lacks an end: expected its first and its last port, as in 8000-8100")]
    OpenRange(String),
    /// No port of the protocol has that name.
    #[error(
        "unknown {protocol} port `{word}`: expected a number from 1 to 65535, a range, or a service name{}{}",
        Elsewhere(elsewhere),
        Suggestion(nearest.as_deref())
    )]
    Unknown {
        /// The word.
        word: String,
        /// Whose port it should be.
        protocol: Protocol,
        /// Another protocol that has a port of that name, and the port.
        elsewhere: Option<(Protocol, u16)>,
        /// The name, range or keyword that it resembles.
        nearest: Option<String>,
    },
    /// Source ports without a protocol that has ports.
    #[error(
        "source ports go with a protocol that has ports: tcp, udp, dccp, sctp or udplite, as in `udp from port 53`"
    )]
    NoProtocol,
}

/// "; it is tcp port 22", if it is.
struct Elsewhere<'a>(&'a Option<(Protocol, u16)>);

impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(protocol, port)| write!(f, "; it is {protocol} port {port}"))
    }
}

/// Words that can follow a protocol where its first port may.
const AFTER_PROTOCOL: [&str; 8] = ["from", "to", "on", "log", "limit", "comment", "syn", "flags"];

impl<'a> Parser<'a> {
    /// The ports of `protocol`, of which `first` is the first.
    pub(super) fn ports(&mut self, protocol: Protocol, first: Token<'a>) -> Result<Ports, ParseError> {
        let ranges = self.list(first, "port", |parser, item| parser.port_item(protocol, item))?;
        Ok(Ports::new(ranges).expect("the list has an item"))
    }

    /// The ports behind the word `port`.
    pub(super) fn source_ports(
        &mut self,
        port: Token<'a>,
        protocol: Option<Protocol>,
    ) -> Result<Ports, ParseError> {
        let protocol = protocol.filter(|protocol| protocol.has_ports());
        let protocol = protocol.ok_or_else(|| port.wrong(PortProblem::NoProtocol))?;
        let first = self.tokens.next().ok_or_else(|| self.tokens.at_end(Problem::Missing("a port")))?;
        self.ports(protocol, first)
    }

    fn port_item(&self, protocol: Protocol, item: Token<'a>) -> Result<PortRange, ParseError> {
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
                None => return Err(self.no_port_item(protocol, item)),
            }
        };
        let (from, to) = (self.port(protocol, first)?, self.port(protocol, last)?);
        PortRange::new(from, to).ok_or_else(|| item.wrong(PortProblem::Backwards { first: from, last: to }))
    }

    /// Whether the token stands for a port: a number, even if one out of range, or a name.
    fn is_port(&self, protocol: Protocol, token: Token<'a>) -> bool {
        token.is_number() || self.names.port(protocol, token.text).is_some()
    }

    fn port(&self, protocol: Protocol, token: Token<'a>) -> Result<u16, ParseError> {
        if !token.is_number() {
            return self.names.port(protocol, token.text).ok_or_else(|| self.no_port_item(protocol, token));
        }
        match token.text.parse() {
            Ok(0) => Err(token.wrong(PortProblem::Zero)),
            Ok(port) => Ok(port),
            Err(_) => Err(token.wrong(PortProblem::TooLarge(token.text.to_owned()))),
        }
    }

    /// What is wrong with an item that is neither a port nor a range.
    fn no_port_item(&self, protocol: Protocol, item: Token<'a>) -> ParseError {
        if let Some(hint) = habits::hint(item.text) {
            return item.wrong(Problem::Habit { word: item.text.to_owned(), hint });
        }
        // Of `22-nonesuch` only the second half is wrong.
        for (at, _) in item.text.match_indices('-') {
            let (first, last) = item.split(at);
            match (self.is_port(protocol, first), self.is_port(protocol, last)) {
                (true, false) if !last.text.is_empty() => return self.unknown_port(protocol, last),
                (false, true) if !first.text.is_empty() => return self.unknown_port(protocol, first),
                (true, false) | (false, true) => {
                    return item.wrong(PortProblem::OpenRange(item.text.to_owned()));
                }
                _ => {}
            }
        }
        if item.text == "-" {
            return item.wrong(PortProblem::OpenRange(item.text.to_owned()));
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
            _ if super::addresses::is_address(item.text) => Some(format!("from {}", item.text)),
            _ => nearest(item.text, AFTER_PROTOCOL.into_iter().chain(self.names.ports(protocol)))
                .map(str::to_owned),
        };
        let elsewhere = self.names.port_of_any(item.text);
        item.wrong(PortProblem::Unknown { word: item.text.to_owned(), protocol, elsewhere, nearest })
    }
}
