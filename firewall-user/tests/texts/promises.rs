//! What holds of every text. The fuzz targets check the same.

use std::{path::Path, sync::LazyLock};

use crate::ruleset::{Config, Match, Names, ParseError, Rule, Selector, Term, shadow::shadows};

/// Names that no machine's files change.
static BUILT_IN: LazyLock<Names> = LazyLock::new(|| Names::parse("", "alt-http 8080/tcp\n"));

/// And a service of one's own.
static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let config = Config::parse("services.myapp = ['tcp 8000-8100', 'ip6 udp 53']", Path::new(""), &BUILT_IN);
    config.expect("a sound config").names(&BUILT_IN)
});

/// A rule is read back from its canonical text; what is wrong with another text is pointed at inside of it.
pub fn rule(text: &str) {
    let names = &NAMES;
    match Rule::parse(text, names) {
        Ok(rule) => {
            let canonical = rule.to_string();
            assert_eq!(Rule::parse(&canonical, names).as_ref(), Ok(&rule), "{canonical}");
            let matching = rule.matching.to_string();
            assert_eq!(Match::parse(&matching, names), Ok(rule.matching), "{matching}");
        }
        Err(error) => is_inside(text, &error),
    }
    match Term::parse(text, names) {
        Ok(term) => assert_eq!(Term::parse(&term.to_string(), names).as_ref(), Ok(&term), "{term}"),
        Err(error) => is_inside(text, &error),
    }
    if let Err(error) = Selector::parse(text, names) {
        is_inside(text, &error);
    }
}

fn is_inside(text: &str, error: &ParseError) {
    assert!(text.get(error.span()).is_some(), "{error} at {:?} of {text:?}", error.span());
    let shown = format!("{error}\n{}", error.render(text));
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
    assert!(shown.lines().last().is_some_and(|line| line.trim_start().starts_with('^')), "{shown}");
}

/// A config is read back from what it's written as; what is wrong with another is shown.
pub fn config(text: &str) {
    let read = |text: &str| Config::parse(text, Path::new("f"), &BUILT_IN);
    match read(text) {
        Ok(config) => {
            let written = config.to_string();
            let back = read(&written).unwrap_or_else(|error| panic!("{}\n{written}", error.render()));
            assert_eq!(back, config, "{written}");
            assert_eq!(back.to_string(), written);
            // Services of the same name are one.
            let names = back.names(&BUILT_IN);
            assert!(back.services.iter().all(|own| names.service(own.name()).as_ref() == Some(own)));
            assert!(
                shadows(&config.rules).iter().all(|shadow| shadow.by.iter().all(|&by| by < shadow.number))
            );
        }
        Err(error) => {
            let shown = error.render();
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
            let place: Vec<_> = shown.splitn(4, ':').collect();
            let line: usize = place[1].parse().expect("a line");
            let column: usize = place[2].parse().expect("a column");
            let length = text.split('\n').nth(line - 1).expect("a line of the text").chars().count();
            assert!((1..=length + 1).contains(&column), "{shown}");
        }
    }
}
