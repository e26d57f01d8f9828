//! What became of a packet, and why.

mod cell;
mod judgement;
mod reason;

pub use cell::{CELLS, Cell};
pub use judgement::Judgement;
pub use reason::Reason;

use crate::rules::Action;

/// What is done with a packet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// Dropped without an answer.
    Drop,
    /// Handed to the network stack.
    Pass,
    /// Dropped, by a rule that lets the sender know.
    Reject,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Drop, Self::Pass, Self::Reject];

    /// The word for it, everywhere: `drop`, `pass` or `reject`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Pass => "pass",
            Self::Reject => "reject",
        }
    }

    /// Its number in records and counters.
    pub const fn code(self) -> u8 {
        match self {
            Self::Drop => 0,
            Self::Pass => 1,
            Self::Reject => 2,
        }
    }

    /// The verdict of that number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Drop),
            1 => Some(Self::Pass),
            2 => Some(Self::Reject),
            _ => None,
        }
    }
}

impl From<Action> for Verdict {
    #[inline(always)]
    fn from(action: Action) -> Self {
        match action {
            Action::Deny => Self::Drop,
            Action::Allow => Self::Pass,
            Action::Reject => Self::Reject,
        }
    }
}
