//! Whether rules let anyone connect to a port.

use firewall_common::{packet::Family, rules::Action};

use crate::{
    kernel::netlink::Interface,
    ruleset::{Config, Protocol, Rule, Term},
};

/// The flags of the segments that open a connection: SYN alone, and with ECE and CWR (RFC 3168 section 6.1.1).
const OPENING: [u8; 2] = [0x02, 0xc2];

/// Who denies every connection to a TCP port from anywhere: the number of the rule, from 1, or `Some(None)` for the default.
/// `None` if some rule before it allows some, or may: that is taken for enough.
pub(super) fn denier(
    config: &Config,
    family: Family,
    port: u16,
    interface: &Interface,
) -> Option<Option<usize>> {
    let connection = Connections { family, port, interface };
    for (number, rule) in (1..).zip(&config.rules) {
        match rule.action {
            Action::Allow if connection.may_match(rule) => return None,
            Action::Deny | Action::Reject if connection.all_match(rule) => return Some(Some(number)),
            _ => {}
        }
    }
    (config.default != Action::Allow).then_some(None)
}

/// All connections to one port.
struct Connections<'a> {
    family: Family,
    port: u16,
    interface: &'a Interface,
}

impl Connections<'_> {
    /// Whether some may match.
    fn may_match(&self, rule: &Rule) -> bool {
        let matching = &rule.matching;
        let of_family =
            [matching.from(), matching.to()].into_iter().flatten().all(|set| set.are_of(self.family));
        of_family
            && self.comes_in(rule)
            && matching.terms().iter().any(|term| {
                self.fits(term)
                    && term.flags.is_none_or(|flags| OPENING.iter().any(|&opening| flags.fit(opening)))
            })
    }

    /// Whether all of them surely match.
    fn all_match(&self, rule: &Rule) -> bool {
        let matching = &rule.matching;
        matching.from().is_none()
            && matching.to().is_none()
            && rule.limit.is_none()
            && self.comes_in(rule)
            && matching.terms().iter().any(|term| {
                self.fits(term)
                    && term.source_ports.is_none()
                    && term.flags.is_none_or(|flags| OPENING.iter().all(|&opening| flags.fit(opening)))
            })
    }

    fn comes_in(&self, rule: &Rule) -> bool {
        rule.matching.interface().is_none_or(|name| self.interface.is_named(name))
    }

    /// Whether a term is about the protocol and the port, whatever else it asks for.
    fn fits(&self, term: &Term) -> bool {
        term.family.is_none_or(|family| family == self.family)
            && term.protocol.is_none_or(|protocol| protocol == Protocol::TCP)
            && term.icmp.is_none()
            && term.ports.as_ref().is_none_or(|ports| ports.contains(self.port))
    }
}
