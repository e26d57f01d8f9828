//! Malformed config files, in `tests/malformed`. The first line of each says how the error begins behind the file's name.

use std::{collections::BTreeMap, fs, path::Path};

use crate::ruleset::{Config, Names};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/malformed");

/// The files' texts by name.
pub fn texts() -> BTreeMap<String, String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap())
    });
    texts.collect()
}

#[test]
fn a_malformed_file_is_refused_at_the_place_with_the_reason() {
    let texts = texts();
    assert!(texts.len() >= 40, "{} files", texts.len());
    for (name, text) in texts {
        let first = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let wanted =
            format!("{name}:{}", first.unwrap_or_else(|| panic!("{name} says what is wrong with it")));
        match Config::parse(&text, Path::new(&name), &Names::parse("", "")) {
            Ok(config) => panic!("{name} is taken for\n{config}"),
            Err(error) => assert!(error.to_string().starts_with(&wanted), "{wanted}\n{}", error.render()),
        }
    }
}
