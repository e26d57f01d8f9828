//! Parts of a rule that don't go together.

use firewall_common::packet::Family;
use ipnet::IpNet;

use super::{
    interface,
    protocol::Protocol,
    rule::{Match, What},
    term::Term,
};

/// Why no packet can be meant by the parts of a rule together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// Ports of a protocol that has none, or of no protocol.
    #[error("only tcp, udp, dccp, sctp and udplite have ports")]
    Ports,
    /// ICMP types of another protocol.
    #[error("only icmp and icmpv6 have types")]
    Types,
    /// TCP flags of another protocol.
    #[error("only tcp has flags")]
    Flags,
    /// An IPv6 extension header as a protocol.
    #[error(
        "{0} (protocol {number}) is an IPv6 extension header, and a packet is judged by the protocol behind those: name \
         that one, as in `udp` or `esp`",
        number = (.0).0
    )]
    ExtensionHeader(Protocol),
    /// ICMP of IPv6, or ICMPv6 of IPv4.
    #[error("{protocol} isn't {}'s: that has {}", family.name(), if *family == Family::V4 { "icmp" } else { "icmpv6" })]
    Protocol {
        /// The IP version.
        family: Family,
        /// The protocol.
        protocol: Protocol,
    },
    /// A source address of an IP version that isn't meant.
    #[error("{} is an {} address, and the rule is about {} alone", written(*.0), of(*.0).name(), other(of(*.0)).name())]
    From(IpNet),
    /// A destination address of an IP version that isn't meant.
    #[error("{} is an {} address, and the rule is about {} alone", written(*.0), of(*.0).name(), other(of(*.0)).name())]
    To(IpNet),
    /// Source addresses of one IP version, and destination addresses of the other.
    #[error("no packet is from an {} address to an {} one", from.name(), other(*from).name())]
    Apart {
        /// The sources' IP version.
        from: Family,
    },
    /// A name that no interface has.
    #[error("{0:?} can't be an interface's name: {expected}", expected = interface::EXPECTED)]
    Interface(String),
}

/// The IP version of a prefix.
pub(super) const fn of(prefix: IpNet) -> Family {
    match prefix {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

const fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

fn written(prefix: IpNet) -> String {
    super::addresses::written(prefix)
}

impl Contradiction {
    /// What doesn't go together in `matching`.
    pub(super) fn of(matching: &Match) -> Option<Self> {
        if let What::Term(term) = matching.what()
            && let Some(contradiction) = Self::in_term(term)
        {
            return Some(contradiction);
        }
        if let Some(name) = matching.interface().filter(|name| !interface::is_name(name)) {
            return Some(Self::Interface(name.to_owned()));
        }
        let is_meant = |family| matching.terms().iter().any(|term| term.is_of(family));
        for (addresses, wrong) in
            [(matching.from(), Self::From as fn(IpNet) -> Self), (matching.to(), Self::To as _)]
        {
            let mut prefixes = addresses.iter().flat_map(|addresses| addresses.prefixes());
            if let Some(&prefix) = prefixes.find(|&&prefix| !is_meant(of(prefix))) {
                return Some(wrong(prefix));
            }
        }
        let (Some(from), Some(to)) = (matching.from(), matching.to()) else { return None };
        let together = Family::ALL.iter().any(|&family| from.are_of(family) && to.are_of(family));
        (!together).then(|| Self::Apart { from: of(from.prefixes()[0]) })
    }

    /// What doesn't go together in `term`.
    pub(super) fn in_term(term: &Term) -> Option<Self> {
        let &Term { family, protocol, ref ports, ref source_ports, ref icmp, flags } = term;
        if (ports.is_some() || source_ports.is_some()) && !protocol.is_some_and(Protocol::has_ports) {
            Some(Self::Ports)
        } else if icmp.is_some() && !protocol.is_some_and(Protocol::has_types) {
            Some(Self::Types)
        } else if flags.is_some() && protocol != Some(Protocol::TCP) {
            Some(Self::Flags)
        } else if let Some(protocol) = protocol.filter(|protocol| protocol.is_followed()) {
            Some(Self::ExtensionHeader(protocol))
        } else {
            let (family, protocol) = family.zip(protocol)?;
            (!term.is_of(family)).then_some(Self::Protocol { family, protocol })
        }
    }
}
