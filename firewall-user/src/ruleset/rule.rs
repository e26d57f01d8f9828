//! A rule: what it does, and what it does that to.

use std::fmt;

use firewall_common::rules::Action;

use super::{
    action,
    ports::{PortRange, Ports},
    protocol::Protocol,
    services::Service,
};

/// A rule. Its [`Display`](fmt::Display) form is its canonical text: rules whose canonical texts are equal are the same
/// rule.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Rule {
    /// What is done with a packet.
    pub action: Action,
    /// Which packets that is done with.
    pub matching: Match,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, matching } = self;
        write!(f, "{} {matching}", action::word(*action))
    }
}

/// Which packets a rule is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Match(Kind);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Service(&'static Service),
    Protocol(Protocol),
    Ports(Protocol, Ports),
}

impl Match {
    /// Everything the service called `name` (without the `@`) needs; `None` if there is no such service.
    pub fn service(name: &str) -> Option<Self> {
        Service::named(name).map(|service| Self(Kind::Service(service)))
    }

    /// Every packet of `protocol`.
    pub fn protocol(protocol: Protocol) -> Self {
        Self(Kind::Protocol(protocol))
    }

    /// The packets of `protocol` to any of `ports`; `None` if the protocol has no ports.
    pub fn ports(protocol: Protocol, ports: Ports) -> Option<Self> {
        protocol.has_ports().then_some(Self(Kind::Ports(protocol, ports)))
    }

    /// What is matched: packets that fit any of these.
    pub fn terms(&self) -> Vec<Term<'_>> {
        match &self.0 {
            Kind::Service(service) => service.terms().to_vec(),
            &Kind::Protocol(protocol) => vec![Term { protocol, ports: None }],
            Kind::Ports(protocol, ports) => vec![Term { protocol: *protocol, ports: Some(ports.ranges()) }],
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Service(service) => write!(f, "@{}", service.name),
            Kind::Protocol(protocol) => protocol.fmt(f),
            Kind::Ports(protocol, ports) => write!(f, "{protocol} {ports}"),
        }
    }
}

/// One protocol and, perhaps, some of its destination ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Term<'a> {
    /// The protocol.
    pub protocol: Protocol,
    /// Its ports, sorted and disjoint; `None` where every packet of the protocol is meant.
    pub ports: Option<&'a [PortRange]>,
}

impl<'a> Term<'a> {
    /// The ports as ranges: all of them, where no port is named.
    pub fn spans(&self) -> &'a [PortRange] {
        self.ports.unwrap_or(&[PortRange::ALL])
    }
}

impl fmt::Display for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)?;
        for (n, range) in self.ports.into_iter().flatten().enumerate() {
            write!(f, "{}{range}", if n == 0 { " " } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_protocol_with_ports_is_matched_by_ports() {
        let ports = Ports::new(vec![PortRange::new(1, 2).unwrap()]).unwrap();
        assert!(Match::ports(Protocol(50), ports.clone()).is_none());
        assert_eq!(Match::ports(Protocol::UDP, ports).unwrap().to_string(), "udp 1-2");
        assert!(Match::service("nonesuch").is_none());
    }

    #[test]
    fn a_service_is_one_match_of_several_terms() {
        let ike = Match::service("IKE").unwrap();
        assert_eq!(ike.to_string(), "@ike");
        assert_eq!(ike.terms().len(), 2);
        assert_eq!(Match::protocol(Protocol::UDP).terms()[0].spans(), [PortRange::ALL]);
    }
}
