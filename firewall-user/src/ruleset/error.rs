//! What can be wrong with a rule's text.

use std::ops::Range;

use super::{
    Contradiction, answer, caret,
    grammar::{AddressProblem, FlagProblem, OptionProblem, PortProblem, TypeProblem},
    protocol::Protocol,
    spelling::Suggestion,
};

/// A rule's text can't be understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    problem: Box<Problem>,
    span: Range<usize>,
}

impl ParseError {
    /// `problem`, at the bytes `span` of the text.
    pub(super) fn new(problem: impl Into<Problem>, span: Range<usize>) -> Self {
        Self { problem: Box::new(problem.into()), span }
    }

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
    /// A character that no rule has there.
    #[error(
        "the character {0:?} has no place here: rules are written in ASCII, but for what stands in double quotes, and that \
         has no control characters"
    )]
    Character(char),
    /// A text that doesn't end.
    #[error("the double quote that ends this text is missing")]
    OpenQuote,
    /// The first word is no action.
    #[error("unknown action `{word}`: expected `allow`, `deny` or `reject`{}", Suggestion(nearest.as_deref()))]
    Action {
        /// The word.
        word: String,
        /// The action, or the beginning of a rule, that it resembles.
        nearest: Option<String>,
    },
    /// What the sender is to be told is none of what it can be.
    #[error("unknown answer `{word}`: expected {}{}", answer::expected(), Suggestion(*nearest))]
    Answer {
        /// The word.
        word: String,
        /// The answer that it resembles.
        nearest: Option<&'static str>,
    },
    /// A TCP reset for packets that aren't TCP.
    #[error(
        "only a TCP connection can be reset, and the rule is about other packets too: name the protocol, as in `reject with \
         tcp-reset tcp 23`"
    )]
    Reset,
    /// Nothing says which packets are meant.
    #[error(
        "which packets? expected a protocol, an @service, an address or `any`, as in `udp 500`, `@ike` or `from 192.0.2.1`"
    )]
    NoMatch,
    /// A service's packets aren't said.
    #[error("which packets? expected a protocol with or without ports, as in `udp 500`")]
    NoTerm,
    /// Something is missing.
    #[error("expected {0}")]
    Missing(&'static str),
    /// A comma with no item before it.
    #[error("{item} is missing before this comma", item = article(.0))]
    MissingBefore(&'static str),
    /// A comma with no item after it.
    #[error("{item} is missing after this comma", item = article(.0))]
    MissingAfter(&'static str),
    /// Something that doesn't belong there.
    #[error("unexpected `{word}`: expected {expected}, or the end{}", Suggestion(nearest.as_deref()))]
    Unexpected {
        /// The word.
        word: String,
        /// What could follow.
        expected: String,
        /// The word among those that it resembles.
        nearest: Option<String>,
    },
    /// A word as other tools have it.
    #[error("unexpected `{word}`: {hint}")]
    Habit {
        /// The word.
        word: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A clause or an option for the second time.
    #[error("`{0}` comes once in a rule, and this is the second")]
    Twice(&'static str),
    /// A clause behind an option.
    #[error("`{0}` belongs before `log`, `limit` and `comment`")]
    ClauseBehindOption(&'static str),
    /// An option where only what a rule matches is wanted.
    #[error("`{0}` is no part of what a rule matches: leave it out, or give the whole rule, with its action")]
    OptionOfMatch(String),
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
    /// A service after an IP version.
    #[error(
        "unexpected `{0}`: a service brings its own IP versions; addresses narrow it down, as in `from 192.0.2.0/24`"
    )]
    ServiceOfFamily(String),
    /// A service that is to be part of another.
    #[error("unexpected `{0}`: a service is made of protocols and ports, not of services")]
    ServiceInService(String),
    /// Something in a service that belongs into rules.
    #[error(
        "unexpected `{0}`: a service says what its packets are, as in `udp 500` or `udp 546 from port 547`; addresses, \
         interfaces and options belong to the rules"
    )]
    PlaceInService(String),
    /// Something after `any`.
    #[error("unexpected `{0}`: `any` is every packet; a protocol or a service stands without it")]
    AfterAny(String),
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
    /// A word that means any protocol, or any of an IP version.
    #[error("`{0}` is no protocol: {instead}", instead = instead(.0))]
    EveryProtocol(String),
    /// Ports of a protocol that has none.
    #[error("{0} has no ports: only tcp, udp, dccp, sctp and udplite do")]
    NoPorts(Protocol),
    /// A wrong port.
    #[error(transparent)]
    Port(#[from] PortProblem),
    /// A wrong ICMP type.
    #[error(transparent)]
    Type(#[from] TypeProblem),
    /// Wrong TCP flags.
    #[error(transparent)]
    Flag(#[from] FlagProblem),
    /// A wrong address.
    #[error(transparent)]
    Address(#[from] AddressProblem),
    /// Ports behind the destination.
    #[error(
        "unexpected `port`: destination ports stand right behind their protocol, as in `tcp 22 to 192.0.2.1`"
    )]
    PortBehindTo,
    /// More than one interface.
    #[error("a rule names one interface, or any if it has no `on`")]
    SecondInterface,
    /// A pattern of interfaces' names.
    #[error(
        "`{0}` is a pattern, and interfaces are named in full; a name that ends like that stands in double quotes"
    )]
    Pattern(String),
    /// A wrong option.
    #[error(transparent)]
    Option(#[from] OptionProblem),
    /// Parts that don't go together.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// How that is written which somebody meant who wrote `word`.
fn instead(word: &str) -> &'static str {
    if word.contains('6') {
        "IPv6 packets are `ip6`, and IPv6 within IPv4 (protocol 41) is `sit`"
    } else if word.contains('4') || word.eq_ignore_ascii_case("inet") {
        "IPv4 packets are `ip4`, and IPv4 within IP (protocol 4) is `ipip`"
    } else {
        "every packet is `any`, and those of one IP version are `ip4` or `ip6`"
    }
}

/// `noun` with its article.
fn article(noun: &str) -> String {
    format!("{} {noun}", if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}
