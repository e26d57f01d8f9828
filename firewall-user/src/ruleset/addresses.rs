//! Addresses and prefixes of addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses in some prefixes, or outside of them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Addresses {
    not: bool,
    prefixes: Vec<IpNet>,
}

impl Addresses {
    /// The addresses in any of these prefixes, or with `not` the addresses in none of them, of the IP versions among them;
    /// `None` if there's no prefix.
    pub fn new(not: bool, prefixes: Vec<IpNet>) -> Option<Self> {
        let mut prefixes: Vec<IpNet> = prefixes.iter().map(IpNet::trunc).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        (!prefixes.is_empty()).then_some(Self { not, prefixes })
    }

    /// Whether those outside of the prefixes are meant.
    pub const fn is_not(&self) -> bool {
        self.not
    }

    /// The prefixes, sorted, without host bits.
    pub fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// Whether these are the addresses of a packet of that address's IP version.
    pub fn contain(&self, address: IpAddr) -> bool {
        let mut same =
            self.prefixes.iter().filter(|prefix| prefix.addr().is_ipv4() == address.is_ipv4()).peekable();
        same.peek().is_some() && same.any(|prefix| prefix.contains(&address)) != self.not
    }
}
