//! `fragwall allow` and `fragwall deny`

use clap::Args;
use firewall_common::rules::Action;
use serde::Serialize;

use super::{Global, args, exit::Invalid, output};
use crate::{
    kernel::filter::Filter,
    ruleset::{Addition, Names, Ruleset, grammar},
};

/// Add a rule that allows what it matches.
///
/// It comes after the rules that are there, and the first rule that matches a packet decides. It takes effect at once.
#[derive(Args, Debug)]
pub(super) struct Allow {
    #[command(flatten)]
    words: Words,
}

/// Add a rule that drops what it matches.
///
/// It comes after the rules that are there, and the first rule that matches a packet decides. It takes effect at once.
#[derive(Args, Debug)]
pub(super) struct Deny {
    #[command(flatten)]
    words: Words,
}

#[derive(Args, Debug)]
struct Words {
    /// What the rule says behind its action: a service or a protocol, addresses, an interface, options, as in `@ike`,
    /// `tcp 22,8000-8100 from 192.0.2.0/24`, `icmpv6 echo-request limit 10/s`. docs/rules.md has the grammar.
    #[arg(value_name = "MATCH", required = true)]
    words: Vec<String>,
}

impl Allow {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        add(Action::Allow, &self.words, global)
    }
}

impl Deny {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        add(Action::Deny, &self.words, global)
    }
}

#[derive(Serialize)]
struct Report {
    number: usize,
    rule: String,
    added: bool,
    shadowed_by: Vec<usize>,
}

fn add(action: Action, Words { words }: &Words, global: &Global) -> anyhow::Result<()> {
    let mut filter = Filter::open_to_change(&global.bpffs)?;
    let config = &filter.document().config;
    let rule = args::rule(action, &grammar::from_arguments(words), &config.names(Names::system()))?;
    let mut ruleset = Ruleset { default: config.default, rules: config.rules.clone() };
    let addition = ruleset.add(rule.clone()).map_err(|error| Invalid(error.to_string()))?;
    let (number, added, shadowed_by) = match addition {
        Addition::Added { number } => (number, true, Vec::new()),
        Addition::AlreadyThere { number } => (number, false, Vec::new()),
        Addition::Shadowed { number, by } => (number, true, by),
    };
    if added {
        filter.replace_rules(ruleset.rules)?;
    }
    if !shadowed_by.is_empty() {
        let by: Vec<String> = shadowed_by.iter().map(ToString::to_string).collect();
        output::say(format_args!(
            "rule {number} never matches: rule {} before it matches all that it would",
            by.join(", ")
        ));
    }
    let report = Report { number, rule: rule.to_string(), added, shadowed_by };
    if global.json {
        return output::json(&report);
    }
    let note = if report.added { "" } else { " (it was there already)" };
    output::say(format_args!("rule {}: {}{note}", report.number, report.rule));
    Ok(())
}
