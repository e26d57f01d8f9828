//! What can be wrong with a rule's text.

use std::{fmt, ops::Range};

use super::{caret, protocol::Protocol, spelling::Suggestion};

/// A rule's text can't be understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    pub(super) problem: Problem,
    pub(super) span: Range<usize>,
}

impl ParseError {
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Which bytes of the text are wrong; empty where something is missing.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// `input`, which is the text that was parsed, and a line of carets under what is wrong with it.
    pub fn render(&self, input: &str) -> String {
        caret::underline("", input, self.span())
    }
}

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// There is no text.
    #[error("the rule is empty: expected an action and what it applies to, as in `allow udp 500`")]
    Empty,
    /// A character that no rule has.
    #[error(
        "the character {0:?} has no place in a rule: rules are written in ASCII letters, digits, `@`, `-` and `,`"
    )]
    Character(char),
    /// The first word is no action.
    #[error("unknown action `{word}`: expected `allow`, `deny` or `reject`{}", Suggestion(nearest.as_deref()))]
    Action {
        /// The word.
        word: String,
        /// The action that it resembles.
        nearest: Option<String>,
    },
    /// Nothing says which packets are meant.
    #[error("which packets? expected a protocol or an @service, as in `udp 500` or `@ike`")]
    NoMatch,
    /// No service has that name.
    #[error(
        "unknown service `{word}`: expected the name of a service, as in `@ike`{}",
        Suggestion(nearest.as_deref())
    )]
    Service {
        /// The word, with its `@`.
        word: String,
        /// The service that it resembles, with its `@`.
        nearest: Option<String>,
    },
    /// Ports after a service.
    #[error("unexpected `{word}`: a service such as `{service}` brings its own ports")]
    AfterService {
        /// What follows.
        word: String,
        /// The service, with its `@`.
        service: String,
    },
    /// No protocol has that name.
    #[error(
        "unknown protocol `{word}`: expected a name such as `udp`, a number from 0 to 255, or an @service{}",
        Suggestion(nearest.as_deref())
    )]
    Protocol {
        /// The word.
        word: String,
        /// The protocol, service or beginning of a rule that it resembles.
        nearest: Option<String>,
    },
    /// A number that is no protocol's.
    #[error(
        "{number} is no protocol: they go from 0 to 255; a port comes after its protocol, as in `udp {example}`"
    )]
    ProtocolNumber {
        /// The number as it was written.
        number: String,
        /// A port to show how it is done: the number, where it can be a port.
        example: u16,
    },
    /// A word that means any protocol.
    #[error("`{0}` is no protocol: a rule names one, and what no rule matches is the default's")]
    EveryProtocol(String),
    /// An IPv6 extension header that has another header behind it.
    #[error(
        "{0} (protocol {number}) is an IPv6 extension header, and a packet is judged by the protocol behind those: name \
         that one, as in `udp` or `esp`",
        number = (.0).0
    )]
    ExtensionHeader(Protocol),
    /// Ports of a protocol that has none.
    #[error("{0} has no ports: only tcp, udp, dccp, sctp and udplite do")]
    NoPorts(Protocol),
    /// A comma with no port before it.
    #[error("a port is missing before this comma")]
    MissingPort,
    /// A comma with no port after it.
    #[error("a port is missing after this comma")]
    TrailingComma,
    /// Something other than a comma after a port.
    #[error("unexpected `{0}`: expected a comma and a port, or the end of the rule")]
    AfterPort(String),
    /// Port 0.
    #[error("port 0 is reserved and nothing listens there: ports go from 1 to 65535")]
    PortZero,
    /// A port above 65535.
    #[error("port {0} is too large: ports go from 1 to 65535")]
    PortTooLarge(String),
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
    Port {
        /// The word.
        word: String,
        /// Whose port it should be.
        protocol: Protocol,
        /// Another protocol that has a port of that name, and the port.
        elsewhere: Option<(Protocol, u16)>,
        /// The name or range that it resembles.
        nearest: Option<String>,
    },
}

/// "; it is tcp port 22", if it is.
struct Elsewhere<'a>(&'a Option<(Protocol, u16)>);

impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(protocol, port)| write!(f, "; it is {protocol} port {port}"))
    }
}
