//! A rule: what it does, and what it does that to.

use std::{fmt, sync::Arc};

use firewall_common::{answer::Answer, packet::Family, rules::Action};

use super::{
    action, addresses::Addresses, answer, contradiction::Contradiction, interface, limit::Limit,
    quoted::quoted, services::Service, term::Term,
};

/// The longest comment, in bytes.
pub const MAX_COMMENT: usize = 255;

/// A rule. Its [`Display`](fmt::Display) form is its canonical text: rules whose canonical texts are equal, and whose
/// services are, are the same rule.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Rule {
    /// What is done with a packet.
    pub action: Action,
    /// What the sender is told, if it's rejected; with other actions, the default.
    pub answer: Answer,
    /// Which packets that is done with.
    pub matching: Match,
    /// Whether packets are to be logged.
    pub log: bool,
    /// How many packets match; the next rules are tried with those that are too many.
    pub limit: Option<Limit>,
    /// What its author has to say about it: at most [`MAX_COMMENT`] bytes, without control characters, not empty.
    pub comment: Option<String>,
}

impl Rule {
    /// A rule without options.
    pub const fn new(action: Action, matching: Match) -> Self {
        Self { action, answer: Answer::PortUnreachable, matching, log: false, limit: None, comment: None }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, answer, matching, log, limit, comment } = self;
        f.write_str(action::word(*action))?;
        if *action == Action::Reject && *answer != Answer::default() {
            write!(f, " with {}", answer::word(*answer))?;
        }
        write!(f, " {matching}")?;
        if *log {
            f.write_str(" log")?;
        }
        limit.iter().try_for_each(|limit| write!(f, " limit {limit}"))?;
        comment.iter().try_for_each(|comment| write!(f, " comment {}", quoted(comment)))
    }
}

/// Which packets a rule is about: those that fit any of its terms, and its addresses and interface.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Match {
    what: What,
    from: Option<Addresses>,
    to: Option<Addresses>,
    on: Option<String>,
}

/// What kind of packets a rule is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum What {
    /// All that a service needs.
    Service(Arc<Service>),
    /// One kind.
    Term(Term),
}

impl Match {
    /// The packets of a kind from some addresses, to some addresses, that come in on an interface. What is `None` may be
    /// anything.
    ///
    /// # Errors
    /// If the parts don't go together.
    pub fn new(
        what: What,
        from: Option<Addresses>,
        to: Option<Addresses>,
        on: Option<String>,
    ) -> Result<Self, Contradiction> {
        let matching = Self { what, from, to, on };
        match Contradiction::of(&matching) {
            None => Ok(matching),
            Some(contradiction) => Err(contradiction),
        }
    }

    /// Everything that a service needs.
    pub const fn service(service: Arc<Service>) -> Self {
        Self { what: What::Service(service), from: None, to: None, on: None }
    }

    /// What kind of packets is meant.
    pub const fn what(&self) -> &What {
        &self.what
    }

    /// The kinds of packets: those that fit any of these.
    pub fn terms(&self) -> &[Term] {
        match &self.what {
            What::Service(service) => service.terms(),
            What::Term(term) => std::slice::from_ref(term),
        }
    }

    /// The source addresses; any if it's `None`.
    pub const fn from(&self) -> Option<&Addresses> {
        self.from.as_ref()
    }

    /// The destination addresses; any if it's `None`.
    pub const fn to(&self) -> Option<&Addresses> {
        self.to.as_ref()
    }

    /// The IP versions of the packets that `term`, one of the terms, is about.
    pub(super) fn families(&self, term: &Term) -> impl Iterator<Item = Family> {
        let named = term.family;
        let has = |addresses: Option<&Addresses>, family| {
            addresses.is_none_or(|addresses| addresses.are_of(family))
        };
        Family::ALL.into_iter().filter(move |&family| {
            named.is_none_or(|named| named == family) && has(self.from(), family) && has(self.to(), family)
        })
    }

    /// The name of the interface on which packets come in; any if it's `None`.
    pub fn interface(&self) -> Option<&str> {
        self.on.as_deref()
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, from, to, on } = self;
        let source_ports = match what {
            What::Service(service) => {
                write!(f, "@{}", service.name())?;
                None
            }
            What::Term(term) => {
                term.head().fmt(f)?;
                term.source_ports.as_ref()
            }
        };
        if from.is_some() || source_ports.is_some() {
            f.write_str(" from")?;
        }
        from.iter().try_for_each(|addresses| write!(f, " {addresses}"))?;
        source_ports.iter().try_for_each(|ports| write!(f, " port {ports}"))?;
        to.iter().try_for_each(|addresses| write!(f, " to {addresses}"))?;
        on.iter().try_for_each(|name| write!(f, " on {}", interface::written(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{Names, PortRange, Ports, Protocol};

    fn term(term: Term) -> Result<Match, Contradiction> {
        Match::new(What::Term(term), None, None, None)
    }

    #[test]
    fn only_a_protocol_with_ports_is_matched_by_ports() {
        let ports = Ports::new(vec![PortRange::new(1, 2).unwrap()]).unwrap();
        assert_eq!(term(Term::ports(Protocol(50), ports.clone())), Err(Contradiction::Ports));
        assert_eq!(term(Term::ports(Protocol::UDP, ports)).unwrap().to_string(), "udp 1-2");
        assert_eq!(term(Term::default()).unwrap().to_string(), "any");
    }

    #[test]
    fn a_service_is_one_match_of_several_terms() {
        let ike = Match::service(Names::parse("", "").service("IKE").unwrap());
        assert_eq!(ike.to_string(), "@ike");
        assert_eq!(ike.terms().len(), 2);
        assert_eq!(term(Term::protocol(Protocol::UDP)).unwrap().terms()[0].spans(), [PortRange::ALL]);
    }
}
