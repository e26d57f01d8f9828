//! Whether verdicts are carried out.

use crate::verdict::CELLS;

/// What a filter does with its verdicts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Stance {
    /// It carries them out.
    #[default]
    Enforcing,
    /// It only counts them, and passes every packet.
    Observing,
}

impl Stance {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Enforcing, Self::Observing];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforcing => "enforcing",
            Self::Observing => "observing",
        }
    }

    /// Its place among all.
    #[inline(always)]
    pub const fn index(self) -> usize {
        match self {
            Self::Enforcing => 0,
            Self::Observing => 1,
        }
    }

    /// Where its counters begin in the table of [`COUNTERS`]: what is only observed is counted apart.
    #[inline(always)]
    pub const fn first_counter(self) -> u32 {
        (self.index() * CELLS) as u32
    }
}

/// How many counters a filter has: each cell for each stance.
pub const COUNTERS: usize = CELLS * Stance::ALL.len();
