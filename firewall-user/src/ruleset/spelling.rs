//! What a mistyped word was probably meant to be.

use std::fmt;

/// The candidate nearest to `word`, if one is near enough to be worth suggesting: about one slip in three letters.
/// Of two as near as each other, the earlier.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    let slips = (length / 3).max(1);
    candidates
        .into_iter()
        // Each letter more or less is a slip; counting them is what costs nothing.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= slips)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= slips && distance < candidate.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// "; did you mean …?" behind an error's message, if there is something to suggest.
pub(super) struct Suggestion<'a>(pub(super) Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |word| write!(f, "; did you mean `{word}`?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_a_stranger_is_not() {
        assert_eq!(nearest("alow", ["deny", "allow"]), Some("allow"));
        assert_eq!(nearest("DNEY", ["deny", "allow"]), Some("deny"));
        assert_eq!(nearest("isakpm", ["ssh", "isakmp"]), Some("isakmp"));
        assert_eq!(nearest("reject", ["deny", "allow"]), None);
        assert_eq!(nearest("", ["a"]), None);
        assert_eq!(nearest("x", ["y"]), None, "replacing the whole word is no correction");
        assert_eq!(nearest("abc", []), None);
    }
}
