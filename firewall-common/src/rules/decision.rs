//! What is done with a packet, and what it is credited to.

/// The most rules one ruleset may have.
pub const MAX_RULES: usize = 4096;

/// Slots below this one are not rules: see [`Slot`].
const FIRST_RULE_SLOT: u16 = 16;

/// How many slots there are: the fixed ones, and one for each possible rule.
pub const SLOTS: usize = FIRST_RULE_SLOT as usize + MAX_RULES;

/// What a verdict is credited to: a rule, the default, or one of the program's own allowances.
///
/// A rule keeps its slot for as long as it is in force, whatever is added before it or deleted around it, so its
/// counters and the fragments in flight that refer to it survive a change of the ruleset. Its number in the list is
/// something else, which the user's side knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Slot(u16);

impl Slot {
    /// The default verdict, where it is to drop.
    pub const DEFAULT_DROP: Self = Self(0);
    /// The default verdict, where it is to pass.
    pub const DEFAULT_PASS: Self = Self(1);
    /// ICMP that the link or path-MTU discovery can't do without.
    pub const ESSENTIAL: Self = Self(2);

    /// Nothing, where neither a rule nor a default had a part.
    pub const NONE: Self = Self(3);

    /// Rules that are no longer in force: nothing is credited to it, but what they had counted is kept here.
    pub const RETIRED: Self = Self(4);

    /// The default verdict, where it is to reject.
    pub const DEFAULT_REJECT: Self = Self(5);

    /// Replies to what this host sent.
    pub const REPLY: Self = Self(6);

    /// The answers to rejected packets: nothing is credited to it, but the bucket of all answers is at its place.
    pub const ANSWERS: Self = Self(7);

    /// The slot of the `n`th rule, counted from 0; `None` from [`MAX_RULES`] on.
    pub const fn rule(n: usize) -> Option<Self> {
        if n < MAX_RULES { Some(Self(FIRST_RULE_SLOT + n as u16)) } else { None }
    }

    /// Which rule this is the slot of, counted from 0; `None` for the fixed slots.
    pub const fn as_rule(self) -> Option<usize> {
        if self.0 >= FIRST_RULE_SLOT { Some((self.0 - FIRST_RULE_SLOT) as usize) } else { None }
    }

    /// The slot of that place, if there is one.
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < SLOTS { Some(Self(index as u16)) } else { None }
    }

    /// The slot's place in a table of [`SLOTS`] entries.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is done with a packet, and what it is credited to, in 16 bits: the action in the upper three, the [`Slot`] in
/// the lower thirteen. All zeros is "drop, by default": memory that nobody wrote denies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Decision(u16);

/// What a rule or the default says of a packet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// Drop it.
    Deny,
    /// Hand it to the network stack.
    Allow,
    /// Drop it, and let its sender know.
    Reject,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Allow, Self::Reject];

    /// Its number in settings.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The action of that number; whatever isn't known denies.
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Allow,
            2 => Self::Reject,
            _ => Self::Deny,
        }
    }
}

impl Decision {
    const ACTION_SHIFT: u32 = 13;
    const SLOT_MASK: u16 = (1 << Self::ACTION_SHIFT) - 1;
    const ALLOW: u16 = 1 << Self::ACTION_SHIFT;
    const ACTION_MASK: u16 = !Self::SLOT_MASK;
    const REJECT: u16 = 2 << Self::ACTION_SHIFT;

    /// In the fragment table: the first fragment hasn't come yet. Permits nothing.
    pub const UNDECIDED: Self = Self(4 << Self::ACTION_SHIFT);

    /// `action`, credited to `slot`.
    pub const fn new(action: Action, slot: Slot) -> Self {
        match action {
            Action::Deny => Self(slot.0),
            Action::Allow => Self(Self::ALLOW | slot.0),
            Action::Reject => Self(Self::REJECT | slot.0),
        }
    }

    /// The decision of a default.
    pub const fn default_of(action: Action) -> Self {
        match action {
            Action::Deny => Self::new(action, Slot::DEFAULT_DROP),
            Action::Allow => Self::new(action, Slot::DEFAULT_PASS),
            Action::Reject => Self::new(action, Slot::DEFAULT_REJECT),
        }
    }

    /// Whether the packet passes. Anything but a plain "allow" doesn't.
    pub const fn is_allow(self) -> bool {
        self.0 & Self::ACTION_MASK == Self::ALLOW
    }

    /// In the fragment table: the first fragment was accepted, but dropped for want of room in its source's budget.
    pub const REFUSED: Self = Self(Slot::NONE.0);

    /// Whether the sender of a packet that doesn't pass is to know.
    pub const fn is_reject(self) -> bool {
        self.0 & Self::ACTION_MASK == Self::REJECT
    }

    /// Whether this is [`Decision::UNDECIDED`].
    pub const fn is_undecided(self) -> bool {
        self.0 & Self::UNDECIDED.0 != 0
    }

    /// The number of its verdict ([`Verdict::code`](crate::verdict::Verdict::code)), which that of an action is; what is none drops.
    #[inline(always)]
    pub const fn verdict_code(self) -> u32 {
        let action = (self.0 >> Self::ACTION_SHIFT) as u32;
        if action > Action::Reject.code() { Action::Deny.code() } else { action }
    }

    /// What the decision is credited to.
    pub const fn slot(self) -> Slot {
        Slot(self.0 & Self::SLOT_MASK)
    }

    /// The 16 bits.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The decision in those 16 bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent 16-bit integer: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Decision {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwritten_memory_denies() {
        assert!(!Decision::from_bits(0).is_allow());
        assert_eq!(Decision::from_bits(0), Decision::default_of(Action::Deny));
    }

    #[test]
    fn a_decision_keeps_its_parts() {
        for slot in
            [Slot::DEFAULT_DROP, Slot::ESSENTIAL, Slot::rule(0).unwrap(), Slot::rule(MAX_RULES - 1).unwrap()]
        {
            for action in Action::ALL {
                let decision = Decision::new(action, slot);
                assert_eq!(decision.slot(), slot);
                assert_eq!(decision.is_allow(), action == Action::Allow);
                assert_eq!(decision.is_reject(), action == Action::Reject);
            }
        }
        assert_eq!(Slot::rule(MAX_RULES), None);
    }

    #[test]
    fn undecided_is_no_permission() {
        assert!(Decision::UNDECIDED.is_undecided());
        assert!(!Decision::UNDECIDED.is_allow());
        for action in Action::ALL {
            assert!(!Decision::default_of(action).is_undecided());
        }
    }
}
