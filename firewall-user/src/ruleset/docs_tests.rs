//! The page about rules: its tables and its grammar are what the code says, and nothing else, and its examples are rules.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --lib docs` writes the tables and the grammar.

use std::{fmt::Write as _, fs, path::Path};

use firewall_common::answer::Code;

use super::{
    Config, Names, Protocol, Rule, answer::ANSWERS, icmp, protocol::PROTOCOL_NAMES, services::BUILT_IN,
};
use crate::written;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md");

/// What the page holds of the code, by name.
fn parts() -> [(&'static str, String); 6] {
    [
        ("grammar", grammar()),
        ("answers", answers()),
        ("services", services()),
        ("icmp", types(Protocol::ICMP)),
        ("icmpv6", types(Protocol::ICMPV6)),
        ("protocols", protocols()),
    ]
}

fn grammar() -> String {
    let source = include_str!("grammar/mod.rs");
    let (_, rest) = source.split_once("//! ```text\n").expect("the grammar is in the module's documentation");
    let (grammar, _) = rest.split_once("//! ```\n").expect("the grammar ends");
    let lines: Vec<_> = grammar.lines().map(|line| line.strip_prefix("//! ").unwrap_or_default()).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

fn answers() -> String {
    let mut table = "| word | ICMP | ICMPv6 |\n| --- | --- | --- |\n".to_owned();
    for (word, answer) in ANSWERS {
        let [v4, v6] = answer.codes().map(|code| (code != Code::RESET).then_some(code.0));
        match v4.zip(v6) {
            Some((v4, v6)) => writeln!(table, "| `{word}` | 3/{v4} | 1/{v6} |"),
            None => writeln!(table, "| `{word}` | a reset of the TCP connection | the same |"),
        }
        .unwrap();
    }
    table
}

fn services() -> String {
    let mut table = "| service | what it is for | what it stands for |\n| --- | --- | --- |\n".to_owned();
    for (service, purpose) in BUILT_IN.iter() {
        let terms: Vec<_> = service.terms().iter().map(|term| format!("`{term}`")).collect();
        writeln!(table, "| `@{}` | {purpose} | {} |", service.name(), terms.join(", ")).unwrap();
    }
    table
}

fn types(protocol: Protocol) -> String {
    let mut table = "| type | code | names |\n| --- | --- | --- |\n".to_owned();
    let names = icmp::names(protocol);
    for (n, &(name, messages)) in names.iter().enumerate() {
        if names[..n].iter().any(|&(_, earlier)| earlier == messages) {
            continue;
        }
        let others = names[n + 1..].iter().filter(|&&(_, other)| other == messages).map(|&(other, _)| other);
        let all: Vec<_> = std::iter::once(name).chain(others).map(|name| format!("`{name}`")).collect();
        let code = messages.code.map_or_else(|| "any".to_owned(), |code| code.to_string());
        writeln!(table, "| {} | {code} | {} |", messages.kind, all.join(", ")).unwrap();
    }
    table
}

fn protocols() -> String {
    let mut table = "| number | names |\n| --- | --- |\n".to_owned();
    for number in (0..=u8::MAX).filter(|&number| !Protocol(number).is_followed()) {
        let names = PROTOCOL_NAMES.iter().filter(|&&(_, known)| known == number);
        let names: Vec<_> = names.map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() {
            writeln!(table, "| {number} | {} |", names.join(", ")).unwrap();
        }
    }
    table
}

#[test]
fn what_the_page_holds_of_the_code_is_what_the_code_says() {
    written::check(PAGE, &parts());
}

#[test]
fn the_examples_are_rules_in_canonical_text_and_configs() {
    let page = fs::read_to_string(PAGE).unwrap();
    let names = Names::parse("", "");
    let mut rules = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        if ["allow ", "deny ", "reject "].iter().any(|action| line.starts_with(action)) {
            let text = line.split("  #").next().unwrap_or_default().trim_end();
            let rule =
                Rule::parse(text, &names).unwrap_or_else(|error| panic!("{error}\n{}", error.render(text)));
            assert_eq!(rule.to_string(), text);
            rules += 1;
        }
    }
    let configs: Vec<_> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    for text in &configs {
        Config::parse(text, Path::new("docs/rules.md"), &names)
            .unwrap_or_else(|error| panic!("{}", error.render()));
    }
    assert!(rules >= 20 && !configs.is_empty(), "{rules} rules, {} configs", configs.len());
}
