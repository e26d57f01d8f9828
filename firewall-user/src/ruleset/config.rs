//! The config file.

use std::{
    fmt, fs,
    io::{self, Read as _},
    ops::Range,
    path::Path,
    sync::Arc,
    time::Duration,
};

use firewall_common::rules::{Action, MAX_RULES};
use serde::Deserialize;
use toml::Spanned;

use super::{
    Names, Rule, TooManyRules, action,
    config_error::{ConfigError, ConfigProblem},
    duration, interface, own_services,
    replies::{RawReplies, Replies, replies_of},
    services::Service,
    spelling::nearest,
};

/// The largest config file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;
/// The smallest fragment table, in entries.
pub const MIN_TABLE: u32 = 64;
/// The largest fragment table, in entries.
pub const MAX_TABLE: u32 = 1 << 22;
/// The largest budget of a source, in fragments.
pub const MAX_BUDGET: u32 = 1 << 24;
/// The shortest timeout of a fragment: no kernel's clock tick is longer.
pub const MIN_TIMEOUT: Duration = Duration::from_millis(10);
/// The longest timeout of a fragment. Identifications are used again long before (RFC 8900 section 3.5).
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a config file says. Its [`Display`](fmt::Display) form is a config file that says the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The names of the interfaces to filter.
    pub interfaces: Vec<String>,
    /// What is done with a packet that no rule matches.
    pub default: Action,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// Services beside the built-in ones, by name.
    pub services: Vec<Arc<Service>>,
    /// How long the host's own flows are remembered, whose replies are accepted; `None` if none are.
    pub replies: Option<Replies>,
    /// Whether ICMP errors that tell of a packet's fate (destination unreachable, time exceeded, parameter problem) pass
    /// whatever the rules say.
    pub icmp_errors: bool,
    /// How fragments are treated.
    pub fragments: Fragments,
}

/// How fragments are treated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragments {
    /// What is done with a trailing fragment that comes before its first fragment.
    pub early: Early,
    /// How many fragments of unfinished datagrams one source (an IPv6 /64, an IPv4 address) may have outstanding at the
    /// host at most, whatever room the host has.
    pub early_budget: u32,
    /// How long a first fragment's verdict is remembered, in whole milliseconds.
    pub timeout: Duration,
    /// How many datagrams' verdicts are remembered at once: a power of two.
    pub table: u32,
}

/// What is done with a trailing fragment that comes before its first fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Early {
    /// It is handed to the network stack, which can make nothing of it without its first fragment.
    Pass,
    /// It is dropped.
    Drop,
}

const EARLY: [(&str, Early); 2] = [("pass", Early::Pass), ("drop", Early::Drop)];

impl Early {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
        }
    }
}

impl Default for Config {
    /// What an empty file says.
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            default: Action::Deny,
            rules: Vec::new(),
            services: Vec::new(),
            replies: Some(Replies::default()),
            icmp_errors: true,
            fragments: Fragments::default(),
        }
    }
}

impl Default for Fragments {
    fn default() -> Self {
        Self { early: Early::Pass, early_budget: 8192, timeout: Duration::from_secs(30), table: 65536 }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawConfig {
    interfaces: Vec<Spanned<String>>,
    default: Option<Spanned<String>>,
    rules: Vec<Spanned<String>>,
    services: own_services::RawServices,
    replies: Option<RawReplies>,
    icmp_errors: Option<bool>,
    fragments: RawFragments,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case", expecting = "a table")]
struct RawFragments {
    early: Option<Spanned<String>>,
    early_budget: Option<Spanned<i64>>,
    timeout: Option<Spanned<String>>,
    table: Option<Spanned<i64>>,
}

impl Config {
    /// Reads a config file whose rules name protocols and ports as in `names`.
    ///
    /// # Errors
    /// If the file can't be read, or what it says can't be understood.
    pub fn read(path: &Path, names: &Names) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        // One byte more than allowed is enough to know, and no device or pipe is read for ever.
        let read = fs::File::open(path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                return Err(ConfigError::Directory(path.to_owned()));
            }
            Err(error) => {
                return Err(ConfigError::Unreadable { path: path.to_owned(), error });
            }
            Ok(size) if size as u64 > MAX_SIZE => return Err(ConfigError::TooLarge(path.to_owned())),
            Ok(_) => {}
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path, names),
            Err(error) => {
                let at = error.valid_up_to();
                let text = String::from_utf8_lossy(&bytes);
                Err(ConfigError::invalid(path, &text, at..at + 1, ConfigProblem::NotUtf8))
            }
        }
    }

    /// Parses a config file's text. Errors call the file `path`.
    ///
    /// # Errors
    /// If what it says can't be understood.
    pub fn parse(text: &str, path: &Path, names: &Names) -> Result<Self, ConfigError> {
        Self::understand(text, names)
            .map_err(|(span, problem)| ConfigError::invalid(path, text, span, problem))
    }

    /// Whether something rejects, so that senders are told.
    pub fn rejects(&self) -> bool {
        self.default == Action::Reject || self.rules.iter().any(|rule| rule.action == Action::Reject)
    }

    /// The names that rules added to this config may use: those of `base`, and its own services.
    pub fn names(&self, base: &Names) -> Names {
        base.with_services(&self.services)
    }

    fn understand(text: &str, names: &Names) -> Result<Self, Wrong> {
        let RawConfig { interfaces, default, rules, services, replies, icmp_errors, fragments } =
            toml::from_str(text).map_err(|error| {
                // A key may have any character in it, control characters too: none of them reaches a terminal.
                let message =
                    error.message().trim().replace('\n', "; ").replace(char::is_control, "\u{fffd}");
                (
                    error.span().unwrap_or(0..0),
                    ConfigProblem::Toml { nearest: nearest_key(&message), message },
                )
            })?;
        if let Some(excess) = rules.get(MAX_RULES) {
            return Err((excess.span(), TooManyRules { rules: rules.len() }.into()));
        }
        let preset = Self::default();
        let place = |string: &Spanned<String>, span| inside(string, text, span);
        let services = own_services::parse(services, names, place)
            .map_err(|(span, problem)| (span, ConfigProblem::Service(problem)))?;
        let names = names.with_services(&services);
        Ok(Self {
            interfaces: interfaces_of(interfaces)?,
            default: default_of(default)?.unwrap_or(preset.default),
            rules: (1..)
                .zip(rules)
                .map(|(number, rule)| rule_of(number, &rule, text, &names))
                .collect::<Result<_, _>>()?,
            services,
            replies: replies_of(replies)?,
            icmp_errors: icmp_errors.unwrap_or(preset.icmp_errors),
            fragments: fragments_of(fragments)?,
        })
    }
}

/// What is wrong, and where in the file.
pub(super) type Wrong = (Range<usize>, ConfigProblem);

fn interfaces_of(names: Vec<Spanned<String>>) -> Result<Vec<String>, Wrong> {
    let mut interfaces = Vec::with_capacity(names.len());
    for name in names {
        let (span, name) = (name.span(), name.into_inner());
        if !interface::is_name(&name) {
            return Err((span, ConfigProblem::Interface(name)));
        }
        if interfaces.contains(&name) {
            return Err((span, ConfigProblem::SameInterface(name)));
        }
        interfaces.push(name);
    }
    Ok(interfaces)
}

fn default_of(value: Option<Spanned<String>>) -> Result<Option<Action>, Wrong> {
    word_of(value, &action::ACTIONS, "`allow`, `deny` or `reject`").map_err(|(span, problem)| match problem {
        ConfigProblem::Word { word, expected, nearest: _ } => {
            (span, ConfigProblem::Word { nearest: action::meant(&word), word, expected })
        }
        other => (span, other),
    })
}

/// The key that was meant, where the message says that one is unknown and lists others.
fn nearest_key(message: &str) -> Option<String> {
    let mut quoted = message.strip_prefix("unknown field `")?.split('`').step_by(2);
    let word = quoted.next()?;
    nearest(word, quoted).map(str::to_owned)
}

fn word_of<T: Copy>(
    value: Option<Spanned<String>>,
    words: &[(&'static str, T)],
    expected: &'static str,
) -> Result<Option<T>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    let (span, word) = (value.span(), value.into_inner());
    match words.iter().find(|&&(known, _)| known == word) {
        Some(&(_, meaning)) => Ok(Some(meaning)),
        None => {
            let nearest = nearest(&word, words.iter().map(|&(known, _)| known));
            Err((span, ConfigProblem::Word { word, expected, nearest }))
        }
    }
}

fn rule_of(number: usize, rule: &Spanned<String>, text: &str, names: &Names) -> Result<Rule, Wrong> {
    Rule::parse(rule.as_ref(), names)
        .map_err(|error| (inside(rule, text, error.span()), ConfigProblem::Rule { number, error }))
}

/// The place in the file of the bytes `span` of a string in it.
fn inside(string: &Spanned<String>, text: &str, span: Range<usize>) -> Range<usize> {
    let whole = string.span();
    let written = text.get(whole.clone()).unwrap_or_default();
    // Where the string stands in the file letter by letter, the file's bytes are the string's. It doesn't where it has
    // escapes; then the whole string is pointed at.
    if written.get(1..written.len().saturating_sub(1)) == Some(string.as_ref().as_str()) {
        whole.start + 1 + span.start..whole.start + 1 + span.end
    } else {
        whole
    }
}

fn fragments_of(raw: RawFragments) -> Result<Fragments, Wrong> {
    let RawFragments { early, early_budget, timeout, table } = raw;
    let mut fragments = Fragments::default();
    if let Some(early) = word_of(early, &EARLY, "`pass` or `drop`")? {
        fragments.early = early;
    }
    if let Some(budget) = early_budget {
        let (span, budget) = (budget.span(), budget.into_inner());
        fragments.early_budget = u32::try_from(budget)
            .ok()
            .filter(|budget| (1..=MAX_BUDGET).contains(budget))
            .ok_or((span, ConfigProblem::Budget(budget)))?;
    }
    if let Some(timeout) = timeout {
        let (span, timeout) = (timeout.span(), timeout.into_inner());
        fragments.timeout = duration::parse(&timeout).map_err(|error| (span.clone(), error.into()))?;
        if !(MIN_TIMEOUT..=MAX_TIMEOUT).contains(&fragments.timeout) {
            return Err((span, ConfigProblem::Timeout { timeout }));
        }
    }
    if let Some(table) = table {
        let (span, table) = (table.span(), table.into_inner());
        fragments.table = u32::try_from(table)
            .ok()
            .filter(|entries| entries.is_power_of_two() && (MIN_TABLE..=MAX_TABLE).contains(entries))
            .ok_or((span, ConfigProblem::Table(table)))?;
    }
    Ok(fragments)
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interfaces, default, rules, services, replies, icmp_errors, fragments } = self;
        let Fragments { early, early_budget, timeout, table } = fragments;
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let names: Vec<_> = interfaces.iter().map(|name| quoted(name)).collect();
        writeln!(f, "interfaces = [{}]", names.join(", "))?;
        writeln!(f, "default = {}", quoted(action::word(*default)))?;
        if replies.is_none() {
            writeln!(f, "replies = false")?;
        }
        if !icmp_errors {
            writeln!(f, "icmp-errors = false")?;
        }
        if rules.is_empty() {
            writeln!(f, "rules = []")?;
        } else {
            writeln!(f, "rules = [")?;
            for rule in rules {
                writeln!(f, "  {},", quoted(&rule.to_string()))?;
            }
            writeln!(f, "]")?;
        }
        if !services.is_empty() {
            writeln!(f, "\n[services]")?;
        }
        for service in services {
            let terms: Vec<_> = service.terms().iter().map(|term| quoted(&term.to_string())).collect();
            writeln!(f, "{} = [{}]", service.name(), terms.join(", "))?;
        }
        if let Some(replies) = replies {
            write!(f, "\n[replies]\n{replies}")?;
        }
        writeln!(f, "\n[fragments]")?;
        writeln!(f, "early = {}", quoted(early.word()))?;
        writeln!(f, "early-budget = {early_budget}")?;
        writeln!(f, "timeout = {}", quoted(&duration::text(*timeout)))?;
        writeln!(f, "table = {table}")
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
