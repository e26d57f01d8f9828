//! What holds of every text. The fuzz target checks the same.

use std::{path::Path, sync::LazyLock};

use crate::{
    import::{Format, Import, ImportError, Input, import},
    ruleset::{Config, Names, action},
};

/// Names that no machine's files change.
static NAMES: LazyLock<Names> = LazyLock::new(|| Names::parse("", ""));

/// What becomes of files, each with its name.
///
/// # Errors
/// Those of the import.
pub fn imported(files: &[(String, Vec<u8>)], from: Option<Format>) -> Result<Import, ImportError> {
    let inputs: Vec<Input> =
        files.iter().map(|(name, bytes)| Input { name: name.clone(), bytes: bytes.clone() }).collect();
    import(&inputs, from, &NAMES)
}

/// A config is made that can be read and says what the import says; or an error says where the reason is.
pub fn import_of(bytes: &[u8]) {
    for from in [None, Some(Format::Iptables), Some(Format::Ip6tables), Some(Format::Nft)] {
        match imported(&[("f".to_owned(), bytes.to_vec())], from) {
            Ok(import) => is_a_config(&import),
            Err(error) => {
                let said = error.to_string();
                assert!(!said.is_empty() && !said.contains("\n\n"), "{said:?}");
            }
        }
    }
}

/// Asserts that a config is what a config file may be, and that its rules are those that are told.
pub fn is_a_config(import: &Import) {
    let config = Config::parse(&import.config, Path::new("fragwall.toml"), &NAMES)
        .unwrap_or_else(|error| panic!("{}\n{}", error.render(), import.config));
    assert_eq!(config.rules, import.rules, "{}", import.config);
    assert_eq!(action::word(config.default), action::word(import.default));
    assert_eq!(config.replies.is_some(), import.replies, "{}", import.config);
    assert!(!config.icmp_errors, "{}", import.config);
}
