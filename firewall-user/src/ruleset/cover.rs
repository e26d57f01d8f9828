//! Whether all that one rule matches is matched by another, field by field.

use firewall_common::packet::Family;
use ipnet::IpNet;

use super::{Addresses, Match, PortRange, Ports, icmp::IcmpTypes, tcp_flags::TcpFlags, term::Term};

/// Whether each packet that is of the kind `narrow`, one of its match's terms, is of the kind `wide`.
///
/// `true` is certain. `false` may be said where the packets of several prefixes together would be another's.
pub(super) fn covers((wide_match, wide): (&Match, &Term), (narrow_match, narrow): (&Match, &Term)) -> bool {
    let Term { family, protocol, ports, source_ports, icmp, flags } = wide;
    (protocol.is_none() || *protocol == narrow.protocol)
        && is_within(narrow.ports.as_ref(), ports.as_ref(), ports_within)
        && is_within(narrow.source_ports.as_ref(), source_ports.as_ref(), ports_within)
        && is_within(narrow.icmp.as_ref(), icmp.as_ref(), types_within)
        && is_within(narrow.flags.as_ref(), flags.as_ref(), flags_within)
        && is_within(narrow_match.interface(), wide_match.interface(), |narrow, wide| narrow == wide)
        && narrow_match.families(narrow).all(|version| {
            let within = |narrow: &Addresses, wide: &Addresses| addresses_within(narrow, wide, version);
            family.is_none_or(|family| family == version)
                && is_within(narrow_match.from(), wide_match.from(), within)
                && is_within(narrow_match.to(), wide_match.to(), within)
        })
}

/// Whether a field is within another, where `None` is anything.
fn is_within<T: ?Sized>(narrow: Option<&T>, wide: Option<&T>, within: impl Fn(&T, &T) -> bool) -> bool {
    wide.is_none_or(|wide| narrow.is_some_and(|narrow| within(narrow, wide)))
}

fn ports_within(narrow: &Ports, wide: &Ports) -> bool {
    let is_in =
        |range: &PortRange, other: &PortRange| other.first() <= range.first() && range.last() <= other.last();
    // Neighbouring ranges of a set are joined, so a range is within one of them or not within the set.
    narrow.ranges().iter().all(|range| wide.ranges().iter().any(|other| is_in(range, other)))
}

fn types_within(narrow: &IcmpTypes, wide: &IcmpTypes) -> bool {
    narrow.types().iter().all(|&messages| wide.types().iter().any(|other| other.covers(messages)))
}

fn flags_within(narrow: &TcpFlags, wide: &TcpFlags) -> bool {
    wide.mask() & !narrow.mask() == 0 && narrow.set() & wide.mask() == wide.set()
}

/// Whether the addresses of an IP version among `narrow`, where there are some, are among `wide`.
fn addresses_within(narrow: &Addresses, wide: &Addresses, version: Family) -> bool {
    if !wide.are_of(version) {
        return false;
    }
    let of = |addresses: &Addresses| -> Vec<IpNet> {
        let own = |prefix: &&IpNet| prefix.addr().is_ipv4() == (version == Family::V4);
        addresses.prefixes().iter().filter(own).copied().collect()
    };
    let each_in = |inner: &[IpNet], outer: &[IpNet]| {
        inner.iter().all(|prefix| outer.iter().any(|other| other.contains(prefix)))
    };
    let (inside, outside) = (of(narrow), of(wide));
    match (narrow.is_not(), wide.is_not()) {
        (false, false) => each_in(&inside, &outside),
        (true, true) => each_in(&outside, &inside),
        (false, true) => {
            let meet = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
            !inside.iter().any(|prefix| outside.iter().any(|other| meet(prefix, other)))
        }
        (true, false) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::ruleset::{Names, Rule};

    fn covers(wide: &str, narrow: &str) -> bool {
        let rule = |text: &str| Rule::parse(&format!("allow {text}"), &Names::parse("", "")).unwrap();
        let (wide, narrow) = (rule(wide).matching, rule(narrow).matching);
        super::covers((&wide, &wide.terms()[0]), (&narrow, &narrow.terms()[0]))
    }

    /// Asserts that the first covers the second, but not the other way round.
    #[track_caller]
    fn wider(wide: &str, narrow: &str) {
        assert!(covers(wide, wide) && covers(narrow, narrow));
        assert!(covers(wide, narrow), "{wide} covers {narrow}");
        assert!(!covers(narrow, wide), "{narrow} doesn't cover {wide}");
    }

    #[test]
    fn less_said_is_more_covered() {
        wider("any", "ip4");
        wider("any on eth0", "esp on eth0");
        wider("udp", "udp 53");
        wider("udp", "ip6 udp");
        wider("udp 50-60,70", "udp 53,70");
        wider("udp from port 50-60", "udp from port 53");
        wider("udp 53", "udp 53 from port 53");
        wider("tcp 22", "tcp 22 syn");
        wider("tcp flags syn", "tcp syn");
        wider("icmp", "icmp 8");
        wider("icmp 3,8", "icmp 3/4");
        wider("ip4", "any from 192.0.2.1");
        wider("any from 192.0.2.0/24,::/1", "any from 192.0.2.1");
        wider("any from 192.0.2.0/24 to ::/1,192.0.2.0/24", "any from 192.0.2.1 to 192.0.2.1");
        wider("any from not 192.0.2.1", "any from not 192.0.2.0/24");
        wider("any from not 192.0.2.1", "any from 198.51.100.0/24");
    }

    #[test]
    fn what_only_overlaps_is_not_covered() {
        for (a, b) in [
            ("ip4", "ip6"),
            ("ip4 udp", "udp 53"),
            ("udp 53", "tcp 53"),
            ("udp 50-60", "udp 60-61"),
            ("icmp 3/4", "icmp 3/5"),
            ("icmp 8", "icmpv6 8"),
            ("tcp flags syn/syn,ack", "tcp flags syn/syn,fin"),
            ("tcp flags syn", "tcp flags none/syn"),
            ("any on eth0", "any on eth1"),
            ("any from 192.0.2.1", "any to 192.0.2.1"),
            ("any from not 192.0.2.1", "any from 192.0.2.0/24"),
            // What `not` names of one version says nothing of the other.
            ("any from not 192.0.2.1", "any from 2001:db8::/32"),
            ("ip6", "any from not 192.0.2.1"),
            ("any from not 192.0.2.1", "any from not 2001:db8::1"),
        ] {
            assert!(!covers(a, b), "{a} covers {b}");
            assert!(!covers(b, a), "{b} covers {a}");
        }
    }
}
