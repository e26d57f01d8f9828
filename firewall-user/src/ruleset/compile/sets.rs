//! Sets of rules, each kept once.

use std::collections::HashMap;

use firewall_common::rules::select::MAX_WORDS;

/// A set of rules as bits.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// None of `count` rules.
    pub(super) fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64).max(1)])
    }

    /// Adds a rule.
    pub(super) fn insert(&mut self, n: usize) {
        self.0[n / 64] |= 1 << (n % 64);
    }

    /// Takes a rule out.
    pub(super) fn remove(&mut self, n: usize) {
        self.0[n / 64] &= !(1 << (n % 64));
    }

    /// The first rule.
    pub(super) fn first(&self) -> Option<usize> {
        let place = self.0.iter().position(|&word| word != 0)?;
        Some(place * 64 + self.0[place].trailing_zeros() as usize)
    }

    /// The first rule that is in both.
    pub(super) fn first_of(&self, other: &Self) -> Option<usize> {
        let place = self.0.iter().zip(&other.0).position(|(a, b)| a & b != 0)?;
        Some(place * 64 + (self.0[place] & other.0[place]).trailing_zeros() as usize)
    }

    /// Takes out all rules behind rule `n`.
    pub(super) fn truncate(&mut self, n: usize) {
        self.0[n / 64] &= u64::MAX >> (63 - n % 64);
        self.0[n / 64 + 1..].fill(0);
    }
}

/// All sets of a ruleset, numbered in the order in which they came.
#[derive(Debug)]
pub(super) struct Interner {
    numbers: HashMap<Bits, u32>,
    /// For each set its summary, then its words.
    words: Vec<u64>,
    stride: usize,
}

impl Interner {
    /// No sets of `count` rules yet.
    pub(super) fn new(count: usize) -> Self {
        let words = Bits::none(count).0.len();
        assert!(words <= MAX_WORDS, "the caller has counted the rules");
        Self { numbers: HashMap::new(), words: Vec::new(), stride: words + 1 }
    }

    /// The number of a set.
    pub(super) fn number(&mut self, bits: Bits) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(bits).or_insert_with_key(|bits| {
            let summary =
                (0..).zip(&bits.0).fold(0, |summary, (n, &word)| summary | u64::from(word != 0) << n);
            self.words.push(summary);
            self.words.extend_from_slice(&bits.0);
            next
        })
    }

    /// The set of a number.
    pub(super) fn bits(&self, number: u32) -> Bits {
        let start = number as usize * self.stride;
        Bits(self.words[start + 1..start + self.stride].to_vec())
    }

    /// How many words each has, with its summary, and the words of all.
    pub(super) fn finish(self) -> (u32, Vec<u64>) {
        (self.stride as u32, self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(count: usize, rules: &[usize]) -> Bits {
        let mut bits = Bits::none(count);
        rules.iter().for_each(|&n| bits.insert(n));
        bits
    }

    #[test]
    fn a_set_is_kept_once_with_its_summary() {
        let mut sets = Interner::new(130);
        assert_eq!(sets.number(bits(130, &[0, 129])), 0);
        assert_eq!(sets.number(bits(130, &[64])), 1);
        assert_eq!(sets.number(bits(130, &[129, 0])), 0);
        assert_eq!(sets.bits(1), bits(130, &[64]));
        assert_eq!(sets.finish(), (4, vec![0b101, 1, 0, 2, 0b10, 0, 1, 0]));
    }

    #[test]
    fn what_lies_behind_a_rule_goes() {
        for n in [0, 63, 64, 127, 128, 129] {
            let mut all = bits(130, &(0..130).collect::<Vec<_>>());
            all.truncate(n);
            assert_eq!(all, bits(130, &(0..=n).collect::<Vec<_>>()), "{n}");
        }
        assert_eq!(bits(130, &[70, 71]).first(), Some(70));
        assert_eq!(bits(130, &[70, 71]).first_of(&bits(130, &[3, 71])), Some(71));
        assert_eq!(bits(130, &[]).first(), None);
    }
}
