//! The fuzzer's corpus, without the fuzzer: all that it starts from, and each input that has failed once.
//!
//! The seeds are written by `FRAGWALL_WRITE_CORPUS=1 cargo test -p firewall-common seeds_are_checked_in`. Inputs that a fuzzer found
//! lie beside them, as files whose names begin with `found-`.

use std::{
    collections::BTreeMap,
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::support::{
    invariants::judge_frames,
    parse::parse,
    parsing::parse_frame,
    seed_frames::{malformed, sound},
    seed_sequences::sequences,
    sequence::sequence,
};

/// All that the first byte of a sequence can say.
const POLICIES: Range<u8> = 0..8;

/// Corpora are kept by cargo-fuzz's convention: a folder for each target.
fn folder(target: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus")).join(target)
}

/// The files of a corpus by name.
fn files(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect()
}

/// Makes sure that a corpus is these seeds and what was found.
fn check(target: &str, seeds: Vec<(String, Vec<u8>)>) {
    if env::var_os("FRAGWALL_WRITE_CORPUS").is_some() {
        fs::create_dir_all(folder(target)).unwrap();
        for (name, bytes) in &seeds {
            fs::write(folder(target).join(name), bytes).unwrap();
        }
    }
    let mut files = files(target);
    for (name, bytes) in seeds {
        assert!(bytes.len() < 1024, "{name} has {} bytes", bytes.len());
        assert!(files.remove(&name) == Some(bytes), "{target}/{name} isn't what the generator writes");
    }
    files.retain(|name, _| !name.starts_with("found-"));
    assert!(files.is_empty(), "neither seeds nor found: {:?} in {target}", files.keys());
}

#[test]
fn the_parsers_seeds_are_checked_in() {
    let sound = sound().into_iter().map(|(name, frame)| (name.to_owned(), frame));
    let malformed =
        malformed().into_iter().map(|(reason, (name, frame))| (format!("{}.{name}", reason.name()), frame));
    check("parser", sound.chain(malformed).collect());
}

#[test]
fn the_judges_seeds_are_checked_in() {
    check("sequence", sequences().into_iter().map(|(name, frames)| (name.to_owned(), frames)).collect());
}

#[test]
fn the_parsers_seeds_are_what_their_names_say() {
    for (name, frame) in sound() {
        assert_eq!(parse(&frame[..]).err(), None, "{name}");
    }
    for (reason, (name, frame)) in malformed() {
        assert_eq!(parse(&frame[..]).err(), Some(reason), "{name}");
    }
}

#[test]
fn every_frame_of_the_corpus_keeps_the_promises() {
    for (name, frame) in files("parser") {
        // What is printed last names the frame that fails.
        println!("{name}");
        parse_frame(&frame);
        for policies in POLICIES {
            judge_frames(&sequence(policies, [frame.clone(), frame.clone()]));
        }
    }
}

#[test]
fn every_sequence_of_the_corpus_keeps_the_promises() {
    for (name, input) in files("sequence") {
        println!("{name}");
        judge_frames(&input);
        for policies in POLICIES {
            judge_frames(&[&[policies], &input[input.len().min(1)..]].concat());
        }
    }
}
