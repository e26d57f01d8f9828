use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ruleset::{Names, strategies};

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("test.toml"), &Names::parse("", "")).unwrap()
}

fn rules(texts: &[&str]) -> Config {
    config(&format!("rules = {texts:?}"))
}

fn numbered(number: usize, rule: &str) -> Numbered {
    Numbered { number, rule: rule.to_owned() }
}

#[test]
fn rules_are_added_removed_and_moved() {
    let old = rules(&["allow esp", "deny tcp 23", "allow udp 500", "deny udp"]);
    let new = rules(&["allow udp 500", "allow esp", "allow ah", "deny udp"]);
    let diff = Diff::new(&old, &new);
    assert_eq!(diff.removed, [numbered(2, "deny tcp 23")]);
    assert_eq!(diff.added, [numbered(3, "allow ah")]);
    assert_eq!(diff.moved.len(), 1, "{diff:?}");
    assert_eq!((&diff.default, &diff.fragments[..]), (&None, &[][..]));
    assert!(!diff.is_empty());
    assert!(Diff::new(&new, &new).is_empty());
}

#[test]
fn settings_are_told_by_their_names_in_the_file() {
    let new = config("default = \"allow\"\n[fragments]\nearly = \"drop\"\ntimeout = \"5s\"\n");
    let diff = Diff::new(&Config::default(), &new);
    let replaced = |from: &str, to: &str| Replaced { from: from.to_owned(), to: to.to_owned() };
    assert_eq!(diff.default, Some(replaced("deny", "allow")));
    let [early, timeout] = &diff.fragments[..] else { panic!("{diff:?}") };
    assert_eq!((early.name, &early.values), ("early", &replaced("pass", "drop")));
    assert_eq!((timeout.name, &timeout.values), ("timeout", &replaced("30s", "5s")));
}

#[test]
fn services_that_mean_something_else_are_named() {
    let config = |text: &str| config(&format!("[services]\n{text}"));
    let old = config("a = \"udp 1\"\nb = \"udp 2\"\nc = \"udp 3\"\n");
    let new = config("a = \"udp 1\"\nb = \"udp 9\"\nd = \"udp 3\"\n");
    assert_eq!(Diff::new(&old, &new).services, ["b", "c", "d"]);
    assert!(!Diff::new(&old, &new).is_empty() && Diff::new(&old, &old).is_empty());
}

#[test]
fn lines_are_written_as_diff_does() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
    let new = "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
    assert_eq!(
        unified(old, new),
        "@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -9,3 +9,4 @@\n i\n j\n k\n+l\n"
    );
    assert_eq!(unified(old, old), "");
}

proptest! {
    #[test]
    fn the_steps_lead_from_the_old_list_to_the_new(
        old in prop::collection::vec(0..6_u8, 0..24),
        new in prop::collection::vec(0..6_u8, 0..24),
    ) {
        let edits = edits(&old, &new);
        let olds: Vec<usize> = edits.iter().filter_map(Edit::old_place).collect();
        let news: Vec<usize> = edits.iter().filter_map(Edit::new_place).collect();
        prop_assert_eq!(olds, (0..old.len()).collect::<Vec<_>>());
        prop_assert_eq!(news, (0..new.len()).collect::<Vec<_>>());
        for edit in &edits {
            if let Edit::Keep(from, to) = *edit {
                prop_assert_eq!(old[from], new[to]);
            }
        }
    }

    #[test]
    fn a_diff_accounts_for_every_rule(
        old in prop::collection::vec(strategies::rule(), 0..12),
        mut new in prop::collection::vec(strategies::rule(), 0..6),
    ) {
        new.extend(old.iter().rev().step_by(2).cloned());
        let config = |rules: &[crate::ruleset::Rule]| Config { rules: rules.to_vec(), ..Config::default() };
        let diff = Diff::new(&config(&old), &config(&new));
        prop_assert_eq!(old.len() + diff.added.len(), new.len() + diff.removed.len());
        prop_assert_eq!(diff.is_empty(), old == new);
        for added in &diff.added {
            prop_assert_eq!(&new[added.number - 1].to_string(), &added.rule);
            prop_assert!(diff.removed.iter().all(|removed| removed.rule != added.rule), "that is a move");
        }
        for moved in &diff.moved {
            prop_assert_eq!(&old[moved.from - 1], &new[moved.to - 1]);
        }
    }
}
