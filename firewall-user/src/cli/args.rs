//! Arguments that several commands share.

use std::{path::PathBuf, time::Duration};

use firewall_common::rules::Action;

use super::exit::Invalid;
use crate::ruleset::{Config, Names, Rule, action};

/// Where the config file is, if no other is named.
pub(super) const CONFIG_FILE: &str = "/etc/fragwall/fragwall.toml";

/// What a filter is made from.
#[derive(clap::Args, Debug)]
pub(super) struct FilterArgs {
    /// Take the rules and settings from this file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Allow what this matches, after the rules of the file: `@ike`, `udp 500,4500`, or all else that a rule may say behind
    /// its action.
    #[arg(long, value_name = "MATCH")]
    allow: Vec<String>,
    /// What becomes of packets that no rule matches: `allow` or `deny`. A new filter denies them.
    #[arg(long, value_name = "ACTION")]
    default: Option<String>,
}

impl FilterArgs {
    /// The configuration that they say; `None` if they say nothing.
    pub(super) fn config(&self) -> anyhow::Result<Option<Config>> {
        let Self { config, allow, default } = self;
        if config.is_none() && allow.is_empty() && default.is_none() {
            return Ok(None);
        }
        let mut result = match config {
            Some(path) => read(path)?,
            None => Config::default(),
        };
        for text in allow {
            let names = result.names(Names::system());
            result.rules.push(rule(Action::Allow, text, &names)?);
        }
        if let Some(word) = default {
            result.default = action::named(word).ok_or_else(|| {
                Invalid(format!("--default {word:?}: it's no action; expected `allow`, `deny` or `reject`"))
            })?;
        }
        Ok(Some(result))
    }
}

/// Reads a config file; an error shows the place.
pub(super) fn read(path: &std::path::Path) -> anyhow::Result<Config> {
    Ok(Config::read(path, Names::system()).map_err(|error| Invalid(error.render()))?)
}

/// Parses what comes after a rule's action; an error points at the place.
pub(super) fn rule(action: Action, text: &str, names: &Names) -> Result<Rule, Invalid> {
    let text = format!("{} {text}", action::word(action));
    Rule::parse(&text, names).map_err(|error| Invalid(format!("{error}\n{}", error.render(&text))))
}

/// How long it is from one look at the counters to the next. At least a tenth of a second: less tells nothing, and costs the host more than the filter does.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number of seconds from 0.1 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=86400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_neither_too_short_nor_endless() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "0.09", "-1", "86401", "NaN", "inf", "1s", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
