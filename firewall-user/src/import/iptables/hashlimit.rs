//! The match `hashlimit`.

use firewall_common::packet::Family;

use super::{
    super::netfilter::{Condition, RuleLimit, Test},
    rule::Said,
    values,
};
use crate::ruleset::limit::BURST;

/// What its options say.
#[derive(Debug, Default)]
pub(super) struct Hashlimit {
    rate: Option<(String, bool)>,
    burst: Option<String>,
    mode: Option<String>,
    source_mask: Option<String>,
    other: Option<String>,
}

impl Hashlimit {
    /// Whether a value comes behind an option.
    pub(super) fn takes_value(option: &str) -> bool {
        !matches!(option, "--hashlimit-rate-match")
    }

    /// An option and its value.
    pub(super) fn option(&mut self, option: &str, value: Option<String>) -> Result<(), String> {
        let value = value.unwrap_or_default();
        match option {
            "--hashlimit" | "--hashlimit-upto" => self.rate = Some((value, false)),
            "--hashlimit-above" => self.rate = Some((value, true)),
            "--hashlimit-burst" => self.burst = Some(value),
            "--hashlimit-mode" => self.mode = Some(value),
            "--hashlimit-srcmask" => self.source_mask = Some(value),
            // How the table is kept is nobody's business.
            "--hashlimit-name" | "--hashlimit-dstmask" => {}
            _ if option.starts_with("--hashlimit-htable-") => {}
            "--hashlimit-rate-match" | "--hashlimit-rate-interval" => self.other = Some(option.to_owned()),
            _ => return Err(format!("unknown option `{option}`")),
        }
        Ok(())
    }

    /// Adds the limit to a rule, or that it can't have it.
    pub(super) fn apply(self, family: Family, said: &mut Said) -> Result<(), String> {
        let Self { rate, burst, mode, source_mask, other } = self;
        let (rate, over) =
            rate.ok_or("hashlimit lacks its rate, `--hashlimit-upto` or `--hashlimit-above`")?;
        let number = match &burst {
            None => Ok(BURST),
            Some(text) => text.parse(),
        };
        let per_source = mode.as_deref() == Some("srcip");
        let mask = source_mask.as_deref().unwrap_or(if family == Family::V4 { "32" } else { "128" });
        let is_known_mask = match family {
            Family::V4 => mask == "32",
            Family::V6 => matches!(mask, "64" | "128"),
        };
        let known = other.is_none() && (mode.is_none() || per_source && is_known_mask);
        let limit = match number {
            Ok(burst) if known => values::rate(&rate, burst, per_source)?,
            _ => None,
        };
        match limit {
            Some(limit) => {
                if per_source && mask == "128" {
                    said.effects
                        .push("one limit for each IPv6 /64 takes the place of one for each address".into());
                }
                said.limit = Some(RuleLimit { limit, over });
            }
            None => {
                let word = if over { "above" } else { "upto" };
                let text = format!("--hashlimit-{word} {rate} by {}", mode.as_deref().unwrap_or("rate"));
                said.conditions.push(Condition::is(Test::Unknown(text)));
            }
        }
        Ok(())
    }
}
