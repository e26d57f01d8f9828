//! The ports that no rule has claimed yet: how "the first match wins" is settled before any packet comes. Other numbers of
//! 16 bits do as well.

use super::ports::PortRange;

/// A set of ports, from which rules take theirs in order.
#[derive(Clone, Debug)]
pub(super) struct Unclaimed(
    /// Sorted and disjoint.
    Vec<PortRange>,
);

impl Unclaimed {
    /// Every port.
    pub(super) fn all() -> Self {
        Self(vec![PortRange::ALL])
    }

    /// The ports of `ranges`, which are sorted and disjoint.
    pub(super) fn of(ranges: &[PortRange]) -> Self {
        debug_assert!(ranges.windows(2).all(|pair| pair[0].last() < pair[1].first()));
        Self(ranges.to_vec())
    }

    /// Takes the ports of `range` out of the set, and returns those that were still in it.
    pub(super) fn claim(&mut self, range: PortRange) -> Vec<PortRange> {
        let start = self.0.partition_point(|free| free.last() < range.first());
        let end = self.0.partition_point(|free| free.first() <= range.last());
        if start >= end {
            return Vec::new();
        }
        let met = &self.0[start..end];
        let claimed = met.iter().filter_map(|free| free.intersection(range)).collect();
        let before = met[0].before(range);
        let after = met[met.len() - 1].after(range);
        self.0.splice(start..end, before.into_iter().chain(after));
        claimed
    }

    /// Whether some port of `range` is still in the set.
    pub(super) fn has(&self, range: PortRange) -> bool {
        let start = self.0.partition_point(|free| free.last() < range.first());
        self.0.get(start).is_some_and(|free| free.first() <= range.last())
    }

    /// Whether every port of the set has been claimed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ruleset::strategies;

    proptest! {
        #[test]
        fn every_port_is_claimed_once_and_by_the_first(claims in prop::collection::vec(strategies::range(), 0..40)) {
            let mut unclaimed = Unclaimed::all();
            let mut model = vec![true; 65536];
            for claim in claims {
                let mut claimed = vec![false; 65536];
                let has = unclaimed.has(claim);
                for range in unclaimed.claim(claim) {
                    for port in range.first()..=range.last() {
                        prop_assert!(!claimed[usize::from(port)]);
                        claimed[usize::from(port)] = true;
                    }
                }
                for (port, free) in model.iter_mut().enumerate() {
                    let wanted = *free && claim.contains(port as u16);
                    prop_assert_eq!(claimed[port], wanted, "port {}", port);
                    *free &= !wanted;
                }
                prop_assert_eq!(has, claimed.contains(&true));
                prop_assert!(!unclaimed.has(claim));
                prop_assert_eq!(unclaimed.is_empty(), model.iter().all(|free| !free));
            }
        }
    }

    #[test]
    fn the_edges_of_the_port_space_can_be_claimed() {
        let mut unclaimed = Unclaimed::all();
        assert_eq!(unclaimed.claim(PortRange::new(65535, 65535).unwrap()).len(), 1);
        assert_eq!(unclaimed.claim(PortRange::new(1, 65535).unwrap()), [PortRange::new(1, 65534).unwrap()]);
        assert!(!unclaimed.is_empty(), "port 0 is left");
        assert_eq!(unclaimed.claim(PortRange::ALL).len(), 1);
        assert!(unclaimed.is_empty());
    }
}
