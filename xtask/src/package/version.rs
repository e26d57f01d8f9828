//! The version that packages bear.

use std::fmt;

use anyhow::{Result, bail};

/// A version, as both cargo and dpkg take it.
pub(super) struct Version(String);

impl Version {
    /// Takes what both take: digits, letters, dots, `+` and `~`, and a digit first. A hyphen would be the Debian revision's.
    ///
    /// # Errors
    /// It's something else.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(is_part) {
            bail!("version {text:?}: expected digits, letters, `.`, `+` and `~`, and a digit first");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_would_take_for_something_else_is_refused() {
        for text in ["0.1.0", "1.2.3~rc1", "1.2.3+git5"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "v1", "1.0-1", "1:2", "1.0 ", "1/2", "1.0\n"] {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
    }
}
