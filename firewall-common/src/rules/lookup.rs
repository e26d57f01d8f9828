//! What a table of the ruleset says of one value of a field.

use super::{Action, Decision};

/// What a table says of a packet's protocol, or of its destination port: a [`Decision`], or where to look on. All zeros is
/// "drop, by default".
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct Lookup(u32);

/// What a [`Lookup`] amounts to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// This is it.
    Decided(Decision),
    /// It depends on other fields, by which of these rules the packet's others satisfy: the number of a set.
    Set(u32),
    /// It depends on the port: the number of a port table.
    Ports(u32),
}

const KIND_SHIFT: u32 = 30;
const NUMBER: u32 = (1 << KIND_SHIFT) - 1;
const SET: u32 = 1 << KIND_SHIFT;
const PORTS: u32 = 2 << KIND_SHIFT;

impl Lookup {
    /// It's decided.
    pub const fn decided(decision: Decision) -> Self {
        Self(decision.to_bits() as u32)
    }

    /// It's for a set of rules to say, below 2^30.
    pub const fn set(number: u32) -> Self {
        Self(SET | number & NUMBER)
    }

    /// It's for a table of ports to say, below 2^30.
    pub const fn ports(number: u32) -> Self {
        Self(PORTS | number & NUMBER)
    }

    /// Whether it's decided.
    #[inline(always)]
    pub const fn is_decided(self) -> bool {
        self.0 < SET
    }

    /// The decision; a plain denial if it's none.
    #[inline(always)]
    pub const fn decision(self) -> Decision {
        if self.is_decided() {
            Decision::from_bits(self.0 as u16)
        } else {
            Decision::default_of(Action::Deny)
        }
    }

    /// The number of the port table to ask, if that's it.
    #[inline(always)]
    pub const fn port_table(self) -> Option<u32> {
        if self.0 >= PORTS { Some(self.0 & NUMBER) } else { None }
    }

    /// The number of a set; of no use if it's anything else.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0 & NUMBER
    }

    /// What it amounts to.
    pub const fn found(self) -> Found {
        match self.0 >> KIND_SHIFT {
            0 => Found::Decided(Decision::from_bits(self.0 as u16)),
            1 => Found::Set(self.0 & NUMBER),
            _ => Found::Ports(self.0 & NUMBER),
        }
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent 32-bit integer: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Lookup {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Slot;

    #[test]
    fn unwritten_memory_denies() {
        assert_eq!(Lookup(0).found(), Found::Decided(Decision::default_of(Action::Deny)));
    }

    #[test]
    fn a_lookup_keeps_what_it_is_made_from() {
        let decision = Decision::new(Action::Reject, Slot::rule(4095).unwrap());
        assert_eq!(Lookup::decided(decision).found(), Found::Decided(decision));
        assert_eq!(Lookup::decided(decision).decision(), decision);
        for number in [0, 1, NUMBER] {
            assert_eq!(Lookup::set(number).found(), Found::Set(number));
            assert_eq!(Lookup::ports(number).found(), Found::Ports(number));
            assert_eq!(Lookup::ports(number).port_table(), Some(number));
            assert_eq!(Lookup::set(number).number(), number);
            assert_eq!(Lookup::set(number).port_table(), None);
            for lookup in [Lookup::set(number), Lookup::ports(number)] {
                assert!(!lookup.is_decided() && !lookup.decision().is_allow());
            }
        }
    }
}
