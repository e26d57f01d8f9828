//! `fragwall delete`

use clap::Args;
use serde::Serialize;

use super::{Global, change::Safety, exit::Invalid, output, takeover};
use crate::{
    kernel::filter::Filter,
    ruleset::{Config, Names, Ruleset, Selector, grammar},
};

/// Delete a rule.
///
/// The rules after it move up by one number. It takes effect at once; datagrams whose first fragment has been judged keep
/// their verdict.
#[derive(Args, Debug)]
pub(super) struct Delete {
    /// The rule, with or without its action, or its number in `fragwall list`.
    #[arg(value_name = "RULE|NUMBER", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    safety: Safety,
}

#[derive(Serialize)]
struct Report {
    number: usize,
    rule: String,
    taken_over: Option<takeover::Report>,
}

impl Delete {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let text = grammar::from_arguments(&self.words);
        let mut filter = Filter::open_to_change(&global.bpffs)?;
        let stance = filter.document().stance;
        let config = filter.document().config.clone();
        let selector = Selector::parse(&text, &config.names(Names::system()))
            .map_err(|error| Invalid(format!("{error}\n{}", error.render(&text))))?;
        let mut ruleset = Ruleset { default: config.default, rules: config.rules.clone() };
        let deleted = ruleset.delete(&selector)?;
        let config = Config { rules: ruleset.rules, ..config };
        let taken_over = filter.change(config, stance, &self.safety.precautions())?;
        self.safety.remind();
        takeover::say(taken_over.as_ref());
        let taken_over = takeover::report(taken_over.as_ref());
        let report = Report { number: deleted.number, rule: deleted.rule.to_string(), taken_over };
        if global.json {
            return output::json(&report);
        }
        output::say(format_args!("deleted rule {}: {}", report.number, report.rule));
        Ok(())
    }
}
