//! Addresses and prefixes of addresses.

use std::{fmt, net::IpAddr};

use firewall_common::packet::Family;
use ipnet::IpNet;

/// Addresses in some prefixes, or outside of them. Its [`Display`](fmt::Display) form is its canonical text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Addresses {
    not: bool,
    /// Sorted, none of them within another, without host bits.
    prefixes: Vec<IpNet>,
}

impl Addresses {
    /// The addresses in any of these prefixes, or with `not` the addresses in none of them, of the IP versions among them.
    ///
    /// `None` if there's no prefix, or one that holds every address of its version, which is no address but a family.
    pub fn new(not: bool, prefixes: Vec<IpNet>) -> Option<Self> {
        let mut prefixes: Vec<IpNet> = prefixes.iter().map(IpNet::trunc).collect();
        // A prefix comes right before those within it.
        prefixes.sort_unstable();
        prefixes.dedup_by(|prefix, before| before.contains(&*prefix));
        let is_family = |prefix: &IpNet| prefix.prefix_len() == 0;
        (!prefixes.is_empty() && !prefixes.iter().any(is_family)).then_some(Self { not, prefixes })
    }

    /// Whether those outside of the prefixes are meant.
    pub const fn is_not(&self) -> bool {
        self.not
    }

    /// The prefixes, sorted, without host bits, none of them within another.
    pub fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// Whether these are the addresses of a packet of that address's IP version.
    pub fn contain(&self, address: IpAddr) -> bool {
        let mut same =
            self.prefixes.iter().filter(|prefix| prefix.addr().is_ipv4() == address.is_ipv4()).peekable();
        same.peek().is_some() && same.any(|prefix| prefix.contains(&address)) != self.not
    }

    /// Whether addresses of that IP version are among them.
    pub fn are_of(&self, family: Family) -> bool {
        self.prefixes.iter().any(|prefix| prefix.addr().is_ipv4() == (family == Family::V4))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { not, prefixes } = self;
        let prefixes: Vec<String> = prefixes.iter().copied().map(written).collect();
        write!(f, "{}{}", if *not { "not " } else { "" }, prefixes.join(","))
    }
}

/// The prefix as a rule writes it: one address without a length.
pub(super) fn written(prefix: IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(not: bool, prefixes: &[&str]) -> Option<Addresses> {
        Addresses::new(not, prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect())
    }

    #[test]
    fn lists_of_the_same_prefixes_are_equal() {
        let list = ["2001:db8::/32", "192.0.2.1/32", "192.0.2.9/24", "192.0.2.0/24", "10.0.0.1/32", "::/1"];
        let list = addresses(false, &list).unwrap();
        assert_eq!(list.to_string(), "10.0.0.1,192.0.2.0/24,::/1");
        assert_eq!(list, addresses(false, &["::/1", "10.0.0.1/32", "192.0.2.0/24"]).unwrap());
        assert_eq!(addresses(true, &["::1/128"]).unwrap().to_string(), "not ::1");
    }

    #[test]
    fn a_whole_family_is_no_address() {
        assert_eq!(addresses(false, &[]), None);
        assert_eq!(addresses(false, &["10.0.0.0/8", "0.0.0.0/0"]), None);
        assert_eq!(addresses(true, &["::/0"]), None);
    }

    #[test]
    fn not_is_about_the_versions_that_are_named() {
        let not = addresses(true, &["192.0.2.0/24", "198.51.100.0/24"]).unwrap();
        for (address, contained) in
            [("192.0.2.1", false), ("198.51.100.1", false), ("10.0.0.1", true), ("2001:db8::1", false)]
        {
            assert_eq!(not.contain(address.parse().unwrap()), contained, "{address}");
        }
        assert!(not.are_of(Family::V4) && !not.are_of(Family::V6));
    }
}
