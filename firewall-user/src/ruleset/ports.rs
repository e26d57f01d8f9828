//! Ports and ranges of ports. All in host byte order.

use std::fmt;

/// The ports from one to another, both included.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Every port there can be in a header, 0 included.
    pub(super) const ALL: Self = Self { first: 0, last: u16::MAX };

    /// The ports from `first` to `last`; `None` if that runs backwards or begins at port 0, which is reserved (RFC 6335
    /// section 6).
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first == 0 || first > last { None } else { Some(Self { first, last }) }
    }

    /// The 16-bit numbers from `first` to `last`, which need be no ports but mustn't run backwards.
    pub(super) const fn of_numbers(first: u16, last: u16) -> Self {
        Self { first, last }
    }

    /// The lowest port.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` is one of these.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// The ports in both.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// The ports of this range below all of `other`.
    pub(super) fn before(self, other: Self) -> Option<Self> {
        (self.first < other.first).then(|| Self { first: self.first, last: self.last.min(other.first - 1) })
    }

    /// The ports of this range above all of `other`.
    pub(super) fn after(self, other: Self) -> Option<Self> {
        (self.last > other.last).then(|| Self { first: self.first.max(other.last + 1), last: self.last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

/// A set of at least one port.
///
/// It is kept sorted, without overlaps, and with neighbours joined, so two lists that name the same ports are equal
/// however they were written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Ports(Vec<PortRange>);

impl Ports {
    /// Whether `port` is one of these.
    pub fn contains(&self, port: u16) -> bool {
        self.ranges().iter().any(|range| range.contains(port))
    }

    /// The ports of all `ranges` together; `None` if there are none.
    pub fn new(mut ranges: Vec<PortRange>) -> Option<Self> {
        ranges.sort_unstable();
        let mut joined: Vec<PortRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(previous) if range.first <= previous.last.saturating_add(1) => {
                    previous.last = previous.last.max(range.last);
                }
                _ => joined.push(range),
            }
        }
        (!joined.is_empty()).then_some(Self(joined))
    }

    /// The ranges: sorted, disjoint, none of them touching the next.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }
}

impl fmt::Display for Ports {
    /// The ports as a rule names them: `500,4500,8000-8100`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, range) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::strategies;

    fn ports(ranges: &[(u16, u16)]) -> Ports {
        Ports::new(ranges.iter().map(|&(first, last)| PortRange::new(first, last).unwrap()).collect())
            .unwrap()
    }

    #[test]
    fn no_range_is_backwards_or_begins_at_port_0() {
        assert_eq!(PortRange::new(9, 3), None);
        assert_eq!(PortRange::new(0, 3), None);
        assert!(PortRange::new(65535, 65535).is_some());
        assert_eq!(Ports::new(Vec::new()), None);
    }

    #[test]
    fn order_overlap_and_repetition_make_no_difference() {
        assert_eq!(ports(&[(4500, 4500), (500, 500), (500, 500)]).to_string(), "500,4500");
        assert_eq!(ports(&[(1, 5), (3, 9), (4, 4)]).to_string(), "1-9");
        assert_eq!(ports(&[(6, 10), (1, 5)]).to_string(), "1-10");
        assert_eq!(ports(&[(65535, 65535), (65535, 65535), (1, 65535)]).to_string(), "1-65535");
    }

    proptest! {
        #[test]
        fn a_set_holds_what_its_ranges_hold(
            ranges in prop::collection::vec(strategies::range(), 1..12),
            probes in prop::collection::vec(strategies::port(), 32),
        ) {
            let set = Ports::new(ranges.clone()).unwrap();
            for pair in set.ranges().windows(2) {
                prop_assert!(u32::from(pair[0].last()) + 1 < u32::from(pair[1].first()));
            }
            let edges = ranges.iter().flat_map(|r| {
                [r.first(), r.last(), r.first().wrapping_sub(1), r.last().wrapping_add(1)]
            });
            for port in probes.into_iter().chain(edges) {
                prop_assert_eq!(
                    set.ranges().iter().any(|range| range.contains(port)),
                    ranges.iter().any(|range| range.contains(port))
                );
            }
        }
    }
}
