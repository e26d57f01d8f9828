//! What can be wrong with a config file, and where.

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    TooManyRules, caret,
    config::{MAX_BUDGET, MAX_SIZE, MAX_TABLE, MAX_TIMEOUT, MIN_TABLE, MIN_TIMEOUT},
    duration::{self, DurationError},
    error::ParseError,
    interface,
    own_services::ServiceProblem,
    replies::{MAX_LIFETIME, MIN_LIFETIME},
    spelling::Suggestion,
};

/// A config file can't be used. The message names the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("can't read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// It isn't a file.
    #[error("{} is a directory: name the config file in it", .0.display())]
    Directory(PathBuf),
    /// It is too large to be a config file.
    #[error("{} is too large for a config file: more than {MAX_SIZE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// What is in it is wrong.
    #[error(transparent)]
    Invalid(Box<Invalid>),
}

impl ConfigError {
    pub(super) fn invalid(path: &Path, text: &str, span: Range<usize>, problem: ConfigProblem) -> Self {
        Self::Invalid(Box::new(Invalid::new(path, text, span, problem)))
    }

    /// The message, and where the file's contents are wrong, the line with carets under what is wrong with it.
    pub fn render(&self) -> String {
        match self {
            Self::Invalid(invalid) => format!("{invalid}\n{}", invalid.snippet()),
            other => other.to_string(),
        }
    }
}

/// Something wrong in a config file's contents: `FILE:LINE:COLUMN: what`.
#[derive(Debug)]
pub struct Invalid {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub problem: ConfigProblem,
    text: String,
    span: Range<usize>,
}

impl Invalid {
    fn new(path: &Path, text: &str, span: Range<usize>, problem: ConfigProblem) -> Self {
        let at = (0..=span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
        Self {
            path: path.to_owned(),
            line: text[..begin].matches('\n').count() + 1,
            column: text[begin..at].chars().count() + 1,
            problem,
            text: text[begin..end].trim_end_matches('\r').to_owned(),
            span: at - begin..span.end.clamp(at, end) - begin,
        }
    }

    fn snippet(&self) -> String {
        caret::underline(&format!("{:>5} | ", self.line), &self.text, self.span.clone())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, problem, text: _, span: _ } = self;
        write!(f, "{}:{line}:{column}: {problem}", path.display())
    }
}

impl std::error::Error for Invalid {}

/// What is wrong in a config file's contents.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigProblem {
    /// It isn't UTF-8.
    #[error("this isn't UTF-8 text, as TOML has to be")]
    NotUtf8,
    /// It isn't TOML, or has a key that isn't known, or a value of the wrong type.
    #[error("{message}{}", Suggestion(nearest.as_deref()))]
    Toml {
        /// What is wrong with it.
        message: String,
        /// The key that it resembles.
        nearest: Option<String>,
    },
    /// A name that no interface can have.
    #[error("{0:?} can't be an interface's name: {expected}", expected = interface::EXPECTED)]
    Interface(String),
    /// An interface named twice.
    #[error("the interface {0:?} is named twice")]
    SameInterface(String),
    /// A word other than those that belong there.
    #[error("unknown word {word:?}: expected {expected}{}", Suggestion(*nearest))]
    Word {
        /// The word.
        word: String,
        /// The words that belong there.
        expected: &'static str,
        /// The one that it resembles.
        nearest: Option<&'static str>,
    },
    /// A rule that can't be understood.
    #[error("rule {number}: {error}")]
    Rule {
        /// The rule's number, from 1.
        number: usize,
        /// What is wrong with it.
        error: ParseError,
    },
    /// A service that can't be had.
    #[error("service {0}")]
    Service(ServiceProblem),
    /// Too many rules.
    #[error(transparent)]
    TooManyRules(#[from] TooManyRules),
    /// A timeout that is no length of time.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A timeout that is too short or too long.
    #[error(
        "the timeout {timeout:?} is out of bounds: expected {} to {}",
        duration::text(MIN_TIMEOUT),
        duration::text(MAX_TIMEOUT)
    )]
    Timeout {
        /// The timeout as it was written.
        timeout: String,
    },
    /// A budget that can't be had.
    #[error("a budget of {0} fragments can't be had: expected a number from 1 to {MAX_BUDGET}")]
    Budget(i64),
    /// A table size that can't be had.
    #[error(
        "a fragment table of {0} entries can't be had: expected a power of two from {MIN_TABLE} to {MAX_TABLE}"
    )]
    Table(i64),
    /// A lifetime of flows that can't be had.
    #[error(
        "flows can't be remembered for {lifetime}: expected between {} and {}",
        duration::text(MIN_LIFETIME),
        duration::text(MAX_LIFETIME)
    )]
    Lifetime {
        /// The lifetime as it was written.
        lifetime: String,
    },
    /// A table of flows that can't be had.
    #[error("a table of {0} flows can't be had: expected a power of two from {MIN_TABLE} to {MAX_TABLE}")]
    FlowTable(i64),
}
