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

/// What the program does with judgements besides counting them: the setting that the loader writes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Mode(u32);

impl Mode {
    const OBSERVES: u32 = 1;
    const EXPLAINS: u32 = 2;

    /// It carries them out, and explains none.
    pub const USUAL: Self = Self(0);

    /// Of a filter of that stance, which explains its judgements or not.
    pub const fn new(stance: Stance, explains: bool) -> Self {
        let explains = if explains { Self::EXPLAINS } else { 0 };
        match stance {
            Stance::Enforcing => Self(explains),
            Stance::Observing => Self(explains | Self::OBSERVES),
        }
    }

    /// Whether verdicts are carried out.
    #[inline(always)]
    pub const fn stance(self) -> Stance {
        if self.0 & Self::OBSERVES == 0 { Stance::Enforcing } else { Stance::Observing }
    }

    /// Whether judgements are explained.
    #[inline(always)]
    pub const fn explains(self) -> bool {
        self.0 & Self::EXPLAINS != 0
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent 32-bit integer: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Mode {}
}

/// How many counters a filter has: each cell for each stance.
pub const COUNTERS: usize = CELLS * Stance::ALL.len();
