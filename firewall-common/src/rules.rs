//! The compiled form of a ruleset, and how a packet is matched against it.
//!
//! "The first match wins" is settled when a ruleset is compiled, not when a packet is judged: every protocol and
//! every destination port already holds the [`Decision`] of the first rule that matches it, so a packet costs one
//! or two table reads, however many rules there are.

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
}

impl Decision {
    const ACTION_SHIFT: u32 = 13;
    const SLOT_MASK: u16 = (1 << Self::ACTION_SHIFT) - 1;
    const ALLOW: u16 = 1 << Self::ACTION_SHIFT;
    const BY_PORT: u16 = 7 << Self::ACTION_SHIFT;
    const ACTION_MASK: u16 = !Self::SLOT_MASK;
    const REJECT: u16 = 3 << Self::ACTION_SHIFT;

    /// In the fragment table: the first fragment hasn't come yet. Permits nothing.
    pub const UNDECIDED: Self = Self(2 << Self::ACTION_SHIFT);

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

    /// In the protocols' table: "look the destination port up in port table number `table`".
    pub const fn by_port(table: u16) -> Self {
        Self(Self::BY_PORT | (table & Self::SLOT_MASK))
    }

    /// The number of the port table to ask, if this is [`Decision::by_port`].
    pub const fn port_table(self) -> Option<u16> {
        if self.0 & Self::ACTION_MASK == Self::BY_PORT { Some(self.0 & Self::SLOT_MASK) } else { None }
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
        self.0 & Self::ACTION_MASK == Self::UNDECIDED.0
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

/// How many protocol numbers there are.
pub const PROTOCOLS: usize = 256;

/// How many ports there are.
pub const PORTS: usize = 65536;

/// The decisions of one protocol that has ports, by destination port in host byte order.
pub type PortTable = [Decision; PORTS];

/// Every protocol whose header begins with a 16-bit source and a 16-bit destination port: TCP, UDP, DCCP (RFC 4340),
/// SCTP (RFC 9260) and UDP-Lite (RFC 3828).
pub const PROTOCOLS_WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// A compiled ruleset, as the kernel's maps or the host's memory hold it.
pub trait RuleTables {
    /// The decision for an IP protocol number.
    fn protocol(&self, protocol: u8) -> Decision;

    /// The decision for a destination port (host byte order) in port table `table`; `None` if there is no such table.
    fn port(&self, table: u16, port: u16) -> Option<Decision>;
}

/// The first rule's decision for a packet of `protocol` to `port` (host byte order; any value for a protocol that has
/// no ports).
#[inline(always)]
pub fn decide(rules: &impl RuleTables, protocol: u8, port: u16) -> Decision {
    let decision = rules.protocol(protocol);
    match decision.port_table() {
        None => decision,
        // A table that is missing is an error of the loader's: deny.
        Some(table) => rules.port(table, port).unwrap_or(Decision::default_of(Action::Deny)),
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
                assert_eq!(decision.port_table(), None);
            }
        }
        assert_eq!(Slot::rule(MAX_RULES), None);
    }

    #[test]
    fn a_pointer_to_a_port_table_is_no_permission() {
        let decision = Decision::by_port(4);
        assert_eq!(decision.port_table(), Some(4));
        assert!(!decision.is_allow() && !decision.is_undecided());
    }

    #[test]
    fn undecided_is_no_permission() {
        assert!(Decision::UNDECIDED.is_undecided());
        assert!(!Decision::UNDECIDED.is_allow());
        assert_eq!(Decision::UNDECIDED.port_table(), None);
        for action in Action::ALL {
            assert!(!Decision::default_of(action).is_undecided());
        }
    }

    struct Missing;
    impl RuleTables for Missing {
        fn protocol(&self, _: u8) -> Decision {
            Decision::by_port(0)
        }
        fn port(&self, _: u16, _: u16) -> Option<Decision> {
            None
        }
    }

    #[test]
    fn a_missing_port_table_denies() {
        assert!(!decide(&Missing, 17, 500).is_allow());
    }
}
