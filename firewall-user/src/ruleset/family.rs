//! The words for IP versions.

use firewall_common::packet::Family;

/// Each IP version's word.
pub const FAMILIES: [(&str, Family); 2] = [("ip4", Family::V4), ("ip6", Family::V6)];

/// The IP version that `word` names, in upper or lower case.
pub fn named(word: &str) -> Option<Family> {
    FAMILIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, family)| family)
}

/// The word for `family`.
pub const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip4",
        Family::V6 => "ip6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_families_agree() {
        for (name, family) in FAMILIES {
            assert_eq!(word(family), name);
            assert_eq!(named(&name.to_uppercase()), Some(family));
        }
        assert_eq!(named("ipv6"), None);
    }
}
