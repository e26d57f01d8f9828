//! Which Fragwall something was pinned by: its version, the layout of what it pins, and its program.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// The version of the directories and of the stored document. It rises with every change that an older Fragwall would
/// misunderstand; what a single table holds has a version of its own ([`super::shared::Shared`]).
const LAYOUT: u32 = 8;

/// The oldest layout that is still understood.
const OLDEST: u32 = 7;

/// A hash of the kernel's programs as they were built, which the build script reckons.
const PROGRAM: &str = env!("FRAGWALL_PROGRAM");

/// A Fragwall. Every stored document begins with these, of whatever version it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// The version of what is pinned.
    #[serde(rename = "abi")]
    pub layout: u32,
    /// The package's version.
    pub version: String,
    /// Which build of the kernel's programs it has; empty before layout 8, which didn't tell.
    #[serde(default)]
    pub program: String,
}

impl Release {
    /// This one.
    pub fn own() -> Self {
        Self { layout: LAYOUT, version: env!("CARGO_PKG_VERSION").to_owned(), program: PROGRAM.to_owned() }
    }

    /// Whether it's this one, with the very same programs.
    pub fn is_own(&self) -> bool {
        *self == Self::own()
    }

    /// Whether it pins what this one may misunderstand.
    pub(super) fn is_beyond(&self) -> bool {
        self.layout > LAYOUT
    }

    /// Whether it pins what this one has forgotten.
    pub(super) fn is_forgotten(&self) -> bool {
        self.layout < OLDEST
    }

    /// Whether it's newer than this one.
    pub fn is_newer(&self) -> bool {
        let own = Self::own();
        self.layout.cmp(&own.layout).then_with(|| compare(&self.version, &own.version)) == Ordering::Greater
    }
}

/// As users know it.
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} (layout {})", self.version, self.layout)
    }
}

/// Compares two versions as semantic versioning does, but that words of a pre-release are compared as text.
fn compare(one: &str, other: &str) -> Ordering {
    let [(one, one_pre), (other, other_pre)] = [one, other].map(|version| {
        let version = version.split_once('+').map_or(version, |(version, _)| version);
        version.split_once('-').map_or((version, None), |(version, pre)| (version, Some(pre)))
    });
    let numbers = |version: &str| -> Vec<u64> {
        version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
    };
    // What comes before a release has a word more, and is less than it.
    let of_pre = match (one_pre, other_pre) {
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (one, other) => one.cmp(&other),
    };
    numbers(one).cmp(&numbers(other)).then(of_pre)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        let ordered = ["0.0.9", "0.1.0-alpha", "0.1.0-rc1", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0"];
        for (n, one) in ordered.iter().enumerate() {
            for (m, other) in ordered.iter().enumerate() {
                assert_eq!(compare(one, other), n.cmp(&m), "{one} and {other}");
            }
        }
        assert_eq!(compare("1.2.3+build", "1.2.3"), Ordering::Equal);
    }

    #[test]
    fn a_layout_counts_for_more_than_a_version() {
        let own = Release::own();
        assert!(own.is_own() && !own.is_newer() && !own.is_beyond() && !own.is_forgotten());
        let beyond = Release { layout: LAYOUT + 1, version: "0.0.1".to_owned(), ..Release::own() };
        assert!(beyond.is_beyond() && beyond.is_newer());
        let later = Release { version: "9999.0.0".to_owned(), ..Release::own() };
        assert!(later.is_newer() && !later.is_beyond() && !later.is_own());
        let rebuilt = Release { program: String::new(), ..Release::own() };
        assert!(!rebuilt.is_newer() && !rebuilt.is_own());
        assert!(Release { layout: OLDEST - 1, ..Release::own() }.is_forgotten());
    }
}
