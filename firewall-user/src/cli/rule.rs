//! `fragwall allow`, `fragwall deny` and `fragwall reject`

use clap::Args;
use firewall_common::rules::Action;
use serde::Serialize;

use super::{Global, args, change::Safety, exit::Invalid, output, takeover};
use crate::{
    kernel::filter::Filter,
    ruleset::{Addition, Config, Names, Placed, Ruleset, grammar},
};

/// Add a rule that allows what it matches.
///
/// The first rule that matches a packet decides. It takes effect at once. Nothing happens if the rule is there already.
#[derive(Args, Debug)]
pub(super) struct Allow {
    #[command(flatten)]
    new: NewRule,
}

/// Add a rule that drops what it matches.
///
/// The first rule that matches a packet decides. It takes effect at once. Nothing happens if the rule is there already.
#[derive(Args, Debug)]
pub(super) struct Deny {
    #[command(flatten)]
    new: NewRule,
}

/// Add a rule that rejects what it matches: drops it, and lets its sender know.
///
/// Senders get an ICMP error, port-unreachable, or what comes behind `with`: `with tcp-reset tcp 23`, `with admin-prohibited
/// udp`. `fragwall status` says whether answers leave an interface.
///
/// The first rule that matches a packet decides. It takes effect at once. Nothing happens if the rule is there already.
#[derive(Args, Debug)]
pub(super) struct Reject {
    #[command(flatten)]
    new: NewRule,
}

#[derive(Args, Debug)]
struct NewRule {
    /// What the rule says behind its action: a service or a protocol, addresses, an interface, options, as in `@ike`,
    /// `tcp 22,8000-8100 from 192.0.2.0/24`, `icmpv6 echo-request limit 10/s`. docs/rules.md has the grammar.
    #[arg(value_name = "MATCH", required = true)]
    words: Vec<String>,
    /// Make it rule number N, before the one that has that number now; a rule that is there already moves. Without this it
    /// comes after all others.
    #[arg(long, value_name = "N")]
    at: Option<usize>,
    #[command(flatten)]
    safety: Safety,
}

impl Allow {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.new.add(Action::Allow, global)
    }
}

impl Deny {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.new.add(Action::Deny, global)
    }
}

impl Reject {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.new.add(Action::Reject, global)
    }
}

#[derive(Serialize)]
struct Report {
    number: usize,
    rule: String,
    added: bool,
    /// The number that it had, if it was moved.
    moved_from: Option<usize>,
    shadowed_by: Vec<usize>,
    taken_over: Option<takeover::Report>,
}

impl NewRule {
    fn add(&self, action: Action, global: &Global) -> anyhow::Result<()> {
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let stance = filter.document().stance;
        let config = filter.document().config.clone();
        let rule = args::rule(action, &grammar::from_arguments(&self.words), &config.names(Names::system()))?;
        let mut ruleset = Ruleset { default: config.default, rules: config.rules.clone() };
        let Addition { number, placed, shadowed_by } =
            ruleset.add(rule.clone(), self.at).map_err(|error| Invalid(error.to_string()))?;
        let mut taken_over = None;
        if placed != Placed::AlreadyThere {
            let config = Config { rules: ruleset.rules, ..config };
            taken_over = filter.change(config, stance, &self.safety.precautions())?;
            self.safety.remind();
        }
        takeover::say(taken_over.as_ref());
        if !shadowed_by.is_empty() {
            let by: Vec<String> = shadowed_by.iter().map(ToString::to_string).collect();
            output::say(format_args!(
                "rule {number} never matches: rule {} before it matches all that it would",
                by.join(", ")
            ));
        }
        let (note, moved_from) = match placed {
            Placed::Added => (String::new(), None),
            Placed::Moved { from } => (format!(" (it was rule {from})"), Some(from)),
            Placed::AlreadyThere => (" (it was there already)".to_owned(), None),
        };
        let report = Report {
            number,
            rule: rule.to_string(),
            added: placed == Placed::Added,
            moved_from,
            shadowed_by,
            taken_over: takeover::report(taken_over.as_ref()),
        };
        if global.json {
            return output::json(&report);
        }
        output::say(format_args!("rule {}: {}{note}", report.number, report.rule));
        Ok(())
    }
}
