//! Rulesets: how a rule is written, the config file that holds rules, and what becomes of them.
//!
//! Nothing here calls the kernel. A rule's text is parsed into a [`Rule`] by [`grammar`]; a [`Ruleset`] is an ordered
//! list of them; [`slots`] gives each rule the slot that its counters live in, and [`compile`] makes the tables the
//! kernel program reads.

pub mod action;
pub mod addresses;
pub mod answer;
mod candidates;
mod caret;
pub mod compile;
pub mod config;
pub mod config_error;
pub mod contradiction;
mod cover;
pub mod diff;
#[cfg(test)]
#[path = "docs_tests.rs"]
mod docs;
pub mod duration;
pub mod edit;
pub mod error;
pub mod family;
pub mod field;
pub mod grammar;
pub mod icmp;
mod interface;
pub mod limit;
pub mod meaning;
pub mod names;
pub mod own_services;
pub mod ports;
pub mod protocol;
pub(crate) mod quoted;
pub mod replies;
pub mod rule;
pub mod selector;
pub mod services;
pub mod shadow;
pub mod slots;
mod spelling;
#[cfg(test)]
mod strategies;
pub mod tcp_flags;
pub mod term;
mod unclaimed;

pub use addresses::Addresses;
pub use compile::Compiled;
pub use config::{Config, Early, Fragments};
pub use config_error::ConfigError;
pub use contradiction::Contradiction;
pub use edit::{AddError, Addition, Deleted, Placed, Ruleset};
pub use error::{ParseError, Problem};
pub use field::Field;
pub use limit::Limit;
pub use names::Names;
pub use ports::{PortRange, Ports};
pub use protocol::Protocol;
pub use replies::Replies;
pub use rule::{Match, Rule, What};
pub use selector::{DeleteError, Selector};
pub use services::Service;
pub use slots::Assignment;
pub use term::Term;

/// There are more rules than a ruleset may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{rules} rules are too many: a ruleset has at most {}; one rule can have many ports, as in `allow udp 500,4500`",
    firewall_common::rules::MAX_RULES
)]
pub struct TooManyRules {
    /// How many there would be.
    pub rules: usize,
}
