//! The corpus.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use crate::promises::{imported, is_a_config};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import/corpus");
const CONFIG: &str = "fragwall.toml";
const WARNINGS: &str = "warnings.txt";

/// The rulesets' folders.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// The files in a folder that are imported, by name.
fn sources(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeMap<String, Vec<u8>> = files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .filter(|(name, _)| name != CONFIG && name != WARNINGS)
        .collect();
    files.into_iter().collect()
}

#[test]
fn each_becomes_the_config_beside_it() {
    let write = env::var_os("FRAGWALL_WRITE_IMPORTS").is_some();
    let mut differ = Vec::new();
    for folder in folders() {
        let import =
            imported(&sources(&folder), None).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        is_a_config(&import);
        let warnings: String = import.warnings.iter().map(|warning| format!("{warning}\n")).collect();
        for (name, text) in [(CONFIG, &import.config), (WARNINGS, &warnings)] {
            let path = folder.join(name);
            if write {
                fs::write(&path, text).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != *text {
                differ.push(format!("{}:\n{text}", path.display()));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{}\nFRAGWALL_WRITE_IMPORTS=1 cargo test -p firewall-user --test import writes them",
        differ.join("\n")
    );
}

#[test]
fn no_rule_is_left_out_in_silence() {
    for folder in folders() {
        let sources = sources(&folder);
        let import = imported(&sources, None).unwrap();
        for (name, bytes) in sources.iter().filter(|(name, _)| name.starts_with("rules")) {
            let told = told(&import.config, name);
            for (number, line) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
                let is_rule = line.starts_with("-A ");
                assert!(!is_rule || told.contains(&number), "{}: {name}:{number}: {line}", folder.display());
            }
        }
    }
}

/// The numbers of the lines of a file that a config says something of.
fn told(config: &str, file: &str) -> BTreeSet<usize> {
    let mut told = BTreeSet::new();
    for line in config.lines().map(str::trim).filter(|line| line.starts_with('#')) {
        // Where there's one file alone, it isn't named in every line.
        let rest = line.strip_prefix(&format!("# {file}:")).or_else(|| line.strip_prefix("# "));
        if let Some(number) = rest.and_then(|rest| rest.split(':').next()?.parse().ok()) {
            told.insert(number);
        }
        for rest in line.split(&format!("{file}: line")).skip(1) {
            let list = rest.trim_start_matches('s').split(['(', ';']).next().unwrap_or_default();
            for span in list.split(',').map(str::trim) {
                let (first, last) = span.split_once('-').unwrap_or((span, span));
                if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
                    told.extend(first..=last);
                }
            }
        }
    }
    told
}

/// The classic case: a ruleset whose IKE stops at the second fragment.
#[test]
fn the_classic_case_needs_not_a_word_more() {
    for name in [
        "classic-state",
        "classic-state-new",
        "classic-conntrack",
        "classic-conntrack-new",
        "nft-classic",
        "nft-classic-json",
    ] {
        let config = imported(&sources(&Path::new(FOLDER).join(name)), None).unwrap();
        let rules: Vec<String> = config.rules.iter().map(ToString::to_string).collect();
        let ports: &[&str] = match name {
            "classic-conntrack-new" => &["allow ip6 udp 500,4500", "reject ip6"],
            _ => &["allow ip6 udp 500", "allow ip6 udp 4500", "reject ip6"],
        };
        assert_eq!(rules, ports, "{name}");
        assert!(config.config.contains("\nreplies = true\n"), "{name}");
        assert!(
            config.warnings.iter().all(|warning| warning.place.is_none()),
            "{name}: {:?}",
            config.warnings
        );
    }
    let both = imported(&sources(&Path::new(FOLDER).join("classic-both")), None).unwrap();
    let rules: Vec<String> = both.rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["allow udp 500", "allow udp 4500", "reject any"]);
    assert!(both.warnings.is_empty(), "{:?}", both.warnings);
}

#[test]
fn the_second_fragment_of_ike_is_a_trap_that_is_named() {
    let import = imported(&sources(&Path::new(FOLDER).join("classic-stateless")), None).unwrap();
    let said: Vec<String> = import.warnings.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|said| said
                .contains("this ruleset rejects the second fragment of every large IKE_AUTH: line 11")),
        "{said:?}"
    );
    assert!(import.config.contains("\nreplies = false\n"));
}
