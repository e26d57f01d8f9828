//! Sets of numbers, as ranges: ports, addresses, protocols, types of messages.

use std::net::IpAddr;

use firewall_common::packet::Family;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

/// Some of the numbers from 0 to a largest one: sorted ranges, both ends included, none of them touching the next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ranges {
    ranges: Vec<(u128, u128)>,
    largest: u128,
}

impl Ranges {
    /// The numbers in any of these ranges. One that runs backwards holds none.
    pub(crate) fn new(mut ranges: Vec<(u128, u128)>, largest: u128) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            let last = last.min(largest);
            match joined.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
                _ if first <= largest => joined.push((first, last)),
                _ => {}
            }
        }
        Self { ranges: joined, largest }
    }

    /// All of them.
    pub(crate) fn all(largest: u128) -> Self {
        Self { ranges: vec![(0, largest)], largest }
    }

    /// Some 16-bit numbers, such as ports.
    pub(crate) fn of_u16(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let ranges = ranges.into_iter().map(|(first, last)| (first.into(), last.into()));
        Self::new(ranges.collect(), u16::MAX.into())
    }

    /// Some 8-bit numbers, such as protocols.
    pub(crate) fn of_u8(numbers: impl IntoIterator<Item = u8>) -> Self {
        let ranges = numbers.into_iter().map(|number| (number.into(), number.into()));
        Self::new(ranges.collect(), u8::MAX.into())
    }

    /// Some addresses of an IP version.
    pub(crate) fn of_addresses(family: Family, ranges: Vec<(u128, u128)>) -> Self {
        Self::new(ranges, largest_address(family))
    }

    /// The ranges.
    pub(crate) fn ranges(&self) -> &[(u128, u128)] {
        &self.ranges
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether there are all.
    pub(crate) fn is_all(&self) -> bool {
        self.ranges == [(0, self.largest)]
    }

    /// How many there are; too many to count are [`u128::MAX`].
    pub(crate) fn count(&self) -> u128 {
        let counts = self.ranges.iter().map(|(first, last)| (last - first).saturating_add(1));
        counts.fold(0, u128::saturating_add)
    }

    /// Whether `number` is one of them.
    pub(crate) fn contain(&self, number: u128) -> bool {
        self.ranges.iter().any(|&(first, last)| first <= number && number <= last)
    }

    /// The others.
    pub(crate) fn complement(&self) -> Self {
        let mut others = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = Some(0);
        for &(first, last) in &self.ranges {
            if let Some(next) = next.filter(|&next| next < first) {
                others.push((next, first - 1));
            }
            next = last.checked_add(1);
        }
        if let Some(next) = next.filter(|&next| next <= self.largest) {
            others.push((next, self.largest));
        }
        Self { ranges: others, largest: self.largest }
    }

    /// Those in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let ranges = self.ranges.iter().chain(&other.ranges).copied();
        Self::new(ranges.collect(), self.largest)
    }

    /// Those in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut mine, mut others) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(&&a), Some(&&b)) = (mine.peek(), others.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                mine.next()
            } else {
                others.next()
            };
        }
        Self { ranges: both, largest: self.largest }
    }

    /// Each of them, where they are few.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u128> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    /// The fewest prefixes that hold these addresses of an IP version, and no others.
    pub(crate) fn prefixes(&self, family: Family) -> Vec<IpNet> {
        let subnets = |&(first, last): &(u128, u128)| -> Vec<IpNet> {
            match (address(family, first), address(family, last)) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
                }
                _ => Vec::new(),
            }
        };
        self.ranges.iter().flat_map(subnets).collect()
    }
}

/// The number of the last address of an IP version.
pub(crate) const fn largest_address(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

/// The number of an address.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of a number; of IPv4 the lowest 32 bits count.
fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4((number as u32).into()),
        Family::V6 => IpAddr::V6(number.into()),
    }
}

/// The IP version of an address.
pub(crate) const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// The addresses of a prefix, as a range.
pub(crate) fn of_prefix(prefix: IpNet) -> (u128, u128) {
    (number(prefix.network()), number(prefix.broadcast()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0..40_u128, 0..40_u128), 0..6).prop_map(|ranges| Ranges::new(ranges, 31))
    }

    proptest! {
        #[test]
        fn sets_are_what_their_members_say(a in set(), b in set()) {
            let (both, others, either) = (a.intersection(&b), a.complement(), a.union(&b));
            for number in 0..32 {
                prop_assert_eq!(both.contain(number), a.contain(number) && b.contain(number));
                prop_assert_eq!(either.contain(number), a.contain(number) || b.contain(number));
                prop_assert_eq!(others.contain(number), !a.contain(number));
            }
            prop_assert_eq!(others.complement(), a.clone());
            prop_assert_eq!(a.count(), a.iter().count() as u128);
            prop_assert_eq!(a.is_empty(), a.count() == 0);
            prop_assert_eq!(a.is_all(), a.count() == 32);
        }
    }

    #[test]
    fn addresses_come_back_as_prefixes() {
        let range = |first: &str, last: &str| {
            let [first, last] = [first, last].map(|text| text.parse::<IpAddr>().unwrap());
            Ranges::of_addresses(family(first), vec![(number(first), number(last))]).prefixes(family(first))
        };
        let text = |prefixes: Vec<IpNet>| prefixes.iter().map(IpNet::to_string).collect::<Vec<_>>();
        assert_eq!(
            text(range("192.0.2.9", "192.0.2.16")),
            ["192.0.2.9/32", "192.0.2.10/31", "192.0.2.12/30", "192.0.2.16/32"]
        );
        assert_eq!(text(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), ["::/0"]);
        assert_eq!(text(range("0.0.0.0", "255.255.255.255")), ["0.0.0.0/0"]);
        assert_eq!(text(range("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), ["fe80::/10"]);
    }

    #[test]
    fn what_is_beside_the_edges() {
        let edges = Ranges::of_u16([(0, 0), (65535, 65535)]);
        assert_eq!(edges.complement(), Ranges::of_u16([(1, 65534)]));
        assert_eq!(Ranges::all(u128::MAX).complement(), Ranges::new(Vec::new(), u128::MAX));
        assert_eq!(Ranges::all(u128::MAX).count(), u128::MAX);
    }
}
