//! The tries that give each address the set of rules that it satisfies.

use std::collections::HashMap;

use firewall_common::rules::prefix::{Branch, MAX_WIDTH, Node};

use super::sets::{Bits, Interner};

/// A prefix of an address as [`firewall_common::rules::prefix::Address`] has it, in one number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Prefix {
    /// Its bits, from the uppermost; zero behind its length.
    pub(super) bits: u128,
    /// How many bits it has.
    pub(super) length: u32,
}

/// What an address that has a prefix satisfies beyond what it does without, and what it doesn't any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) added: Vec<usize>,
    pub(super) removed: Vec<usize>,
}

/// All nodes and branches.
#[derive(Debug, Default)]
pub(super) struct Tries {
    pub(super) nodes: Vec<Node>,
    pub(super) branches: Vec<Branch>,
}

/// The narrowest that a node branches which isn't the last on its way.
const MIN_WIDTH: u32 = 8;

impl Tries {
    /// Builds a trie: what each prefix changes, beginning with the set that an address without any satisfies.
    pub(super) fn build(
        &mut self,
        base: Bits,
        changes: HashMap<Prefix, Change>,
        sets: &mut Interner,
    ) -> Branch {
        let mut changes: Vec<(Prefix, Change)> = changes.into_iter().collect();
        changes.sort_unstable_by_key(|&(prefix, _)| prefix);
        let prefixes: Vec<usize> = (0..changes.len()).collect();
        let base = sets.number(&base);
        Builder { tries: self, changes: &changes, changed: HashMap::new(), sets }.branch(&prefixes, 0, base)
    }
}

struct Builder<'a> {
    tries: &'a mut Tries,
    /// Sorted by their bits, and shorter ones first.
    changes: &'a [(Prefix, Change)],
    /// What a prefix made of a set.
    changed: HashMap<(u32, usize), u32>,
    sets: &'a mut Interner,
}

impl Builder<'_> {
    fn prefix(&self, n: usize) -> Prefix {
        self.changes[n].0
    }

    /// The set that a prefix makes of another.
    fn change(&mut self, set: u32, n: usize) -> u32 {
        if let Some(&known) = self.changed.get(&(set, n)) {
            return known;
        }
        let mut bits = self.sets.bits(set);
        let Change { added, removed } = &self.changes[n].1;
        added.iter().for_each(|&rule| bits.insert(rule));
        removed.iter().for_each(|&rule| bits.remove(rule));
        let number = self.sets.number(&bits);
        self.changed.insert((set, n), number);
        number
    }

    /// The branch for addresses that agree with all of `prefixes` in the first `agreed` bits, of which an address with none of
    /// them satisfies `outside`.
    fn branch(&mut self, prefixes: &[usize], agreed: u32, outside: u32) -> Branch {
        let (Some(&first), Some(&last)) = (prefixes.first(), prefixes.last()) else {
            return Branch::set(outside);
        };
        // They are sorted, so what the first and the last have in common all have.
        let common = (self.prefix(first).bits ^ self.prefix(last).bits).leading_zeros();
        let shortest = prefixes.iter().map(|&n| self.prefix(n).length).min().unwrap_or(0);
        let common = common.min(shortest);
        let (covering, prefixes): (Vec<usize>, Vec<usize>) =
            prefixes.iter().partition(|&&n| self.prefix(n).length == common);
        let inside = covering.iter().fold(outside, |set, &n| self.change(set, n));
        if common == agreed && prefixes.is_empty() {
            return Branch::set(inside);
        }
        let longest = prefixes.iter().map(|&n| self.prefix(n).length).max().unwrap_or(common);
        // A node looks at one word of the address.
        let room = if common < 64 { 64 - common } else { 128 - common };
        let wide = (prefixes.len().max(1).ilog2() + 2).clamp(MIN_WIDTH, MAX_WIDTH);
        let width = wide.min(longest - common).min(room);
        let branches = self.branches(&prefixes, common, width, inside);

        let base = self.tries.branches.len() as u32;
        self.tries.branches.extend(branches);
        let mask = if common == 0 { 0 } else { u128::MAX << (128 - common) };
        let words = |bits: u128| [(bits >> 64) as u64, bits as u64];
        let low = common >= 64;
        self.tries.nodes.push(Node {
            mask: words(mask),
            value: words(self.prefix(first).bits & mask),
            base,
            miss: Branch::set(outside),
            // No bits at all are those above the uppermost; they are masked away.
            shift: (room - width).min(63),
            width: (1 << width) - 1,
            low: u32::from(low),
            reserved: [0; 3],
        });
        Branch::node(self.tries.nodes.len() as u32 - 1)
    }

    /// What each value of the `width` bits behind the first `common` leads to.
    fn branches(&mut self, prefixes: &[usize], common: u32, width: u32, inside: u32) -> Vec<Branch> {
        let value = |prefix: Prefix| {
            let bits = if common == 0 { prefix.bits } else { prefix.bits << common };
            if width == 0 { 0 } else { (bits >> (128 - width)) as usize }
        };
        let mut sets = vec![inside; 1 << width];
        let (mut short, long): (Vec<usize>, Vec<usize>) =
            prefixes.iter().partition(|&&n| self.prefix(n).length <= common + width);
        short.sort_by_key(|&n| self.prefix(n).length);
        for n in short {
            let prefix = self.prefix(n);
            let start = value(prefix);
            for set in &mut sets[start..start + (1 << (common + width - prefix.length))] {
                *set = self.change(*set, n);
            }
        }
        let mut branches: Vec<Branch> = sets.iter().map(|&set| Branch::set(set)).collect();
        for group in long.chunk_by(|&a, &b| value(self.changes[a].0) == value(self.changes[b].0)) {
            let place = value(self.prefix(group[0]));
            branches[place] = self.branch(group, common + width, sets[place]);
        }
        branches
    }
}

#[cfg(test)]
mod tests {
    use firewall_common::rules::prefix::{self, Address};
    use proptest::prelude::*;

    use super::*;

    impl prefix::Tries for Tries {
        fn node(&self, number: u32) -> Option<&Node> {
            self.nodes.get(number as usize)
        }
        fn branch(&self, number: u32) -> Option<Branch> {
            self.branches.get(number as usize).copied()
        }
    }

    /// Prefixes that crowd together, so that they nest and share beginnings.
    fn prefixes() -> impl Strategy<Value = Vec<Prefix>> {
        let bits = prop_oneof![
            any::<u128>(),
            any::<u16>().prop_map(|low| 0x2001_0db8 << 96 | u128::from(low)),
            (0..4_u128, 0..4_u128, 0..4_u128).prop_map(|(a, b, c)| a << 126 | b << 63 | c << 1),
            any::<u8>().prop_map(|byte| u128::from(byte) << 120),
        ];
        let prefix = (bits, 0..=128_u32).prop_map(|(bits, length)| {
            let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
            Prefix { bits: bits & mask, length }
        });
        prop::collection::vec(prefix, 0..48)
    }

    fn check(prefixes: &[Prefix], probes: impl Iterator<Item = u128>) -> Result<(), TestCaseError> {
        let (mut tries, mut sets) = (Tries::default(), Interner::new(prefixes.len() + 1));
        let mut base = Bits::none(prefixes.len() + 1);
        // Each prefix adds its own rule, and takes away the last one.
        base.insert(prefixes.len());
        let mut changes: HashMap<Prefix, Change> = HashMap::new();
        for (n, &prefix) in prefixes.iter().enumerate() {
            let change = changes.entry(prefix).or_default();
            change.added.push(n);
            change.removed = vec![prefixes.len()];
        }
        let root = tries.build(base, changes, &mut sets);
        for address in probes {
            let mut wanted = Bits::none(prefixes.len() + 1);
            for (n, prefix) in prefixes.iter().enumerate() {
                if prefix.length == 0 || (address ^ prefix.bits) >> (128 - prefix.length) == 0 {
                    wanted.insert(n);
                }
            }
            if wanted.first().is_none() {
                wanted.insert(prefixes.len());
            }
            let halves = Address { high: (address >> 64) as u64, low: address as u64 };
            let found = prefix::Tries::find(&tries, root, halves);
            prop_assert_eq!(found.map(|set| sets.bits(set)), Some(wanted), "{:x}", address);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn an_address_gets_what_its_prefixes_say(prefixes in prefixes(), random in prop::collection::vec(any::<u128>(), 8)) {
            // On both sides of the edges of every prefix.
            let edges = prefixes.iter().flat_map(|prefix| {
                let last = prefix.bits | u128::MAX.checked_shr(prefix.length).unwrap_or(0);
                [prefix.bits.wrapping_sub(1), prefix.bits, last, last.wrapping_add(1)]
            });
            check(&prefixes, edges.chain(random))?;
        }
    }

    #[test]
    fn the_deepest_trie_is_no_deeper_than_the_program_looks() {
        let all: Vec<Prefix> = (0..=128)
            .flat_map(|length| {
                let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
                // One that goes on, and one beside it, so that nothing can be skipped.
                let one = Prefix { bits: mask, length };
                let beside = Prefix { bits: (u128::MAX ^ (1 << (128 - length.max(1)))) & mask, length };
                [one, beside]
            })
            .collect();
        let probes = (0..128).map(|bit| u128::MAX ^ (1 << bit)).chain([u128::MAX, 0]);
        check(&all, probes).unwrap();
    }
}
