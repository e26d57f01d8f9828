//! What becomes of fragments: of first ones besides what the rules say, and of trailing ones.

use crate::{
    rules::Decision,
    verdict::{Judgement, Reason},
};

/// Whether a first fragment gets what the rules say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It does.
    AsDecided = 0,
    /// It is denied, after trailing ones of its datagram had passed.
    Late = 1,
    /// It is accepted, but there's no room for it in its source's budget.
    Refused = 2,
}

impl Admission {
    /// Its number.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The one of that number; whatever isn't known is refused.
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            0 => Self::AsDecided,
            1 => Self::Late,
            _ => Self::Refused,
        }
    }

    /// What becomes of the judgement that goes with that decision.
    #[inline(always)]
    pub const fn of(self, judgement: Judgement, decision: Decision) -> Judgement {
        match self {
            Self::AsDecided => judgement,
            Self::Late => Judgement::late(decision),
            Self::Refused => Judgement::drop(Reason::FragmentBudget),
        }
    }
}

/// What becomes of a trailing fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// What became of its first one.
    Inherited(Decision),
    /// It begins inside its first one.
    Overlap,
    /// Its first one hasn't been seen; it passes.
    Early,
    /// Its first one hasn't been seen; it's dropped.
    Strict,
    /// There's no room for it in its source's budget.
    Refused,
    /// Its first one hasn't been seen: the budget of its source is to be asked.
    Undecided,
    /// There's no room for it, and its first one has been seen meanwhile.
    RefusedLate,
}

impl Fate {
    /// Of a fragment whose first one got that.
    #[inline(always)]
    pub(super) const fn of(decision: Decision) -> Self {
        if decision.to_bits() == Decision::REFUSED.to_bits() {
            Self::Refused
        } else {
            Self::Inherited(decision)
        }
    }

    /// Where the numbers of fates other than an inherited one begin.
    const OTHERS: u32 = 1 << 16;

    /// Its number.
    #[inline(always)]
    pub const fn code(self) -> u32 {
        match self {
            Self::Inherited(decision) => decision.to_bits() as u32,
            Self::Overlap => Self::OTHERS,
            Self::Early => Self::OTHERS + 1,
            Self::Strict => Self::OTHERS + 2,
            Self::Refused => Self::OTHERS + 3,
            Self::Undecided => Self::OTHERS + 4,
            Self::RefusedLate => Self::OTHERS + 5,
        }
    }

    /// The one of that number; whatever isn't known is refused.
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            0..Self::OTHERS => Self::Inherited(Decision::from_bits(code as u16)),
            Self::OTHERS => Self::Overlap,
            0x1_0001 => Self::Early,
            0x1_0002 => Self::Strict,
            0x1_0004 => Self::Undecided,
            0x1_0005 => Self::RefusedLate,
            _ => Self::Refused,
        }
    }

    /// The judgement.
    #[inline(always)]
    pub const fn judgement(self) -> Judgement {
        match self {
            Self::Inherited(decision) => Judgement::inherited(decision),
            Self::Overlap => Judgement::drop(Reason::FragmentOverlap),
            Self::Early => Judgement::pass(Reason::Early),
            Self::Strict => Judgement::drop(Reason::Early),
            Self::Refused | Self::Undecided | Self::RefusedLate => Judgement::drop(Reason::FragmentBudget),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_numbers_comes_back() {
        for admission in [Admission::AsDecided, Admission::Late, Admission::Refused] {
            assert_eq!(Admission::from_code(admission.code()), admission);
        }
        assert_eq!(Admission::from_code(3), Admission::Refused);
        let others =
            [Fate::Overlap, Fate::Early, Fate::Strict, Fate::Refused, Fate::Undecided, Fate::RefusedLate];
        let inherited = [0, 1, 1 << 14, u16::MAX].map(|bits| Fate::Inherited(Decision::from_bits(bits)));
        for fate in others.into_iter().chain(inherited) {
            assert_eq!(Fate::from_code(fate.code()), fate);
        }
        assert_eq!(Fate::from_code(u32::MAX), Fate::Refused);
    }
}
