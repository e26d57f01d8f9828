//! The fuzzer's corpus, without the fuzzer: all that it starts from, and each input that has failed once.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    malformed, promises,
    ruleset::{Config, Names, Rule},
};

/// The texts in a target's folder below `fuzz/corpus`, by name.
fn texts(target: &str) -> BTreeMap<String, String> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus")).join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let texts = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        // What isn't UTF-8 is nothing to the targets.
        let text = String::from_utf8(fs::read(&path).unwrap()).ok()?;
        Some((path.file_name().unwrap().to_string_lossy().into_owned(), text))
    });
    texts.collect()
}

#[test]
fn every_rule_of_the_corpus_keeps_the_promises() {
    for (name, text) in texts("rule") {
        // What is printed last names the text that fails.
        println!("{name}");
        promises::rule(&text);
        promises::rule(&format!("allow {text}"));
        let sound = Rule::parse(&text, &Names::parse("", "")).is_ok();
        assert!(sound || !name.starts_with("sound-"), "{name}");
        assert!(!sound || !name.starts_with("malformed-"), "{name}");
    }
}

#[test]
fn every_config_of_the_corpus_keeps_the_promises() {
    for (name, text) in texts("config") {
        println!("{name}");
        promises::config(&text);
        let sound = Config::parse(&text, Path::new(&name), &Names::parse("", ""));
        assert!(sound.is_ok() || !name.starts_with("sound-"), "{}", sound.unwrap_err().render());
    }
    for (name, text) in malformed::texts() {
        println!("{name}");
        promises::config(&text);
    }
}
