//! Why serving doesn't begin, or ends.

use std::io;

use crate::kernel;

/// Why serving doesn't begin, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The filter can't be attached or changed.
    #[error(transparent)]
    Filter(#[from] kernel::Error),
    /// The config file can't be understood; its own words.
    #[error("{0}")]
    Config(String),
    /// It can't listen there.
    #[error("listening at {address}: {problem}")]
    Listen {
        /// The address.
        address: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Anything else that the system refuses; why is in the source.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(super) fn system(doing: impl Into<String>, source: io::Error) -> Self {
        Self::System { doing: doing.into(), source }
    }

    /// A thread ended in the middle of its work.
    pub(super) fn panicked(error: tokio::task::JoinError) -> Self {
        Self::system("working on the filter", io::Error::other(error))
    }
}
