//! What can't be done here, and the exit code that says so.

use std::fmt;

/// Why nothing was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// What was asked for can't be: another option, interface or address is needed.
    Invalid(String),
    /// The kernel or the driver lacks what is needed.
    Lacking(String),
    /// Somebody else is using it.
    Held(String),
}

impl Refusal {
    /// The exit code, as `fragwall` has them.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Invalid(_) => 2,
            Self::Lacking(_) => 3,
            Self::Held(_) => 4,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Invalid(why) | Self::Lacking(why) | Self::Held(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Refusal {}
