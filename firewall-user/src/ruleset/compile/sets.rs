//! Sets of rules, each kept once.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher},
};

use firewall_common::rules::select::{MAX_WORDS, SetWords};

/// A set of rules as bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bits(Vec<u64>);

/// A word at a time, and none of the empty ones, which are most: the sets of one ruleset are equally long.
impl Hash for Bits {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (place, &word) in self.0.iter().enumerate().filter(|&(_, &word)| word != 0) {
            state.write_usize(place);
            state.write_u64(word);
        }
    }
}

/// Hashes by a multiplication a word. The standard library's hash, which takes several times as long, is made for keys that somebody
/// else chooses.
#[derive(Clone, Copy, Debug, Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(size_of::<u64>()) {
            let mut word = [0; size_of::<u64>()];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_ne_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        /// An odd number without a pattern: the golden ratio's digits.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        // The lower half of the product depends on the lower bits alone, and the table goes by few bits.
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

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
    /// By their hashes. One whose hash another has is found by the next hash that none had.
    numbers: HashMap<u64, u32, BuildHasherDefault<WordHasher>>,
    /// Of each set its summary, then its words.
    words: Vec<u64>,
    /// How many words each has, with its summary.
    length: usize,
}

impl Interner {
    /// No sets of `count` rules yet.
    pub(super) fn new(count: usize) -> Self {
        let words = Bits::none(count).0.len();
        assert!(words <= MAX_WORDS, "the caller has counted the rules");
        Self { numbers: HashMap::default(), words: Vec::new(), length: words + 1 }
    }

    /// The number of a set.
    pub(super) fn number(&mut self, bits: &Bits) -> u32 {
        self.number_by(self.numbers.hasher().hash_one(bits), bits)
    }

    fn number_by(&mut self, mut hash: u64, bits: &Bits) -> u32 {
        while let Some(&number) = self.numbers.get(&hash) {
            if self.words_of(number) == bits.0 {
                return number;
            }
            hash = hash.wrapping_add(1);
        }
        let summary = (0..).zip(&bits.0).fold(0, |summary, (n, &word)| summary | u64::from(word != 0) << n);
        let number = self.words.len() as u32;
        self.words.push(summary);
        self.words.extend_from_slice(&bits.0);
        self.numbers.insert(hash, number);
        number
    }

    /// The set of a number.
    pub(super) fn bits(&self, number: u32) -> Bits {
        Bits(self.words_of(number).to_vec())
    }

    fn words_of(&self, number: u32) -> &[u64] {
        &self.words[number as usize + 1..][..self.length - 1]
    }

    /// The words of all, and so many behind them that each can be taken for the longest.
    pub(super) fn finish(mut self) -> Vec<u64> {
        self.words.extend([0; size_of::<SetWords>() / size_of::<u64>()]);
        self.words
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn bits(count: usize, rules: &[usize]) -> Bits {
        let mut bits = Bits::none(count);
        rules.iter().for_each(|&n| bits.insert(n));
        bits
    }

    #[test]
    fn a_set_is_kept_once_with_its_summary() {
        let mut sets = Interner::new(130);
        assert_eq!(sets.number(&bits(130, &[0, 129])), 0);
        assert_eq!(sets.number(&bits(130, &[64])), 4);
        assert_eq!(sets.number(&bits(130, &[129, 0])), 0);
        assert_eq!(sets.bits(4), bits(130, &[64]));
        assert_eq!(sets.finish()[..9], [0b101, 1, 0, 2, 0b10, 0, 1, 0, 0]);
    }

    #[test]
    fn the_last_set_of_any_length_can_be_taken_for_the_longest() {
        for words in [1, 2, 3, 7, 31, MAX_WORDS] {
            let count = words * 64;
            let mut sets = Interner::new(count);
            let numbers: Vec<u32> = (0..count).map(|n| sets.number(&bits(count, &[n]))).collect();
            for (n, &number) in numbers.iter().enumerate() {
                assert_eq!(sets.bits(number), bits(count, &[n]));
                assert_eq!(sets.number(&bits(count, &[n])), number);
            }
            let last = numbers[count - 1] as usize;
            assert!(sets.finish()[last..].first_chunk::<{ MAX_WORDS + 1 }>().is_some());
        }
    }

    #[test]
    fn sets_with_one_hash_are_told_apart() {
        let mut sets = Interner::new(130);
        for _ in 0..2 {
            assert_eq!(sets.number_by(u64::MAX, &bits(130, &[1])), 0);
            assert_eq!(sets.number_by(u64::MAX, &bits(130, &[2])), 4);
            assert_eq!(sets.number_by(0, &bits(130, &[3])), 8);
        }
        assert_eq!(sets.bits(8), bits(130, &[3]));
    }

    #[test]
    fn sets_that_differ_in_one_rule_are_hashed_apart() {
        let hash = |rules: &[usize]| BuildHasherDefault::<WordHasher>::default().hash_one(bits(4096, rules));
        let hashes = (0..4096).flat_map(|n| [hash(&[n]), hash(&[7, n, n / 2]), hash(&[n, 4095])]);
        // A table goes by the lower bits and, among neighbours, by the uppermost.
        let places: HashSet<u64> = hashes.map(|hash| hash & 0xffff | hash >> 57 << 16).collect();
        assert!(places.len() > 3 * 4096 * 98 / 100, "{}", places.len());
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
