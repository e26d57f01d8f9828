//! Who finds room in a set that is full: what is worth least gives way, but never to what is worth less than itself.

use crate::rules::Decision;

/// Where a datagram that was put into the table found room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Room {
    /// In an entry that was free, or was its own before.
    Free,
    /// In one that had run out.
    Expired,
    /// In one that hadn't, and was worth no more.
    Taken,
    /// Nowhere: all that are there are worth more.
    Nowhere,
}

impl Room {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Free, Self::Expired, Self::Taken, Self::Nowhere];
}

/// What an entry holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Holding {
    /// Nothing.
    Nothing,
    /// A datagram that has run out, and gives way to any other.
    Expired,
    /// One whose first fragment was denied.
    Denied,
    /// One whose first fragment hasn't come yet.
    Early,
    /// One whose first fragment was accepted.
    Accepted,
}

/// What an entry is worth keeping for: its class, and the more the younger it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Worth(pub(super) u64);

/// Where its class lies, above its youth.
const CLASS_SHIFT: u32 = 32;
const EXPIRED: u64 = 1;
const DENIED: u64 = 2;
const EARLY: u64 = 3;
const ACCEPTED: u64 = 4;

impl Worth {
    /// More than any entry's.
    pub(super) const MAX: Self = Self(u64::MAX);

    /// Of a datagram's entry, from its age and the most that may be, in ticks.
    #[inline(always)]
    pub(super) const fn new(decision: Decision, age: u32, oldest: u32) -> Self {
        if age > oldest {
            return Self(EXPIRED << CLASS_SHIFT);
        }
        Self(class(decision) << CLASS_SHIFT | (u32::MAX - age) as u64)
    }

    #[inline(always)]
    const fn class(self) -> u64 {
        self.0 >> CLASS_SHIFT
    }

    /// Where a datagram finds room if this is what is worth least.
    #[inline(always)]
    pub(super) const fn room_for(self, decision: Decision) -> Room {
        if self.class() > class(decision) {
            Room::Nowhere
        } else if self.class() == EXPIRED {
            Room::Expired
        } else {
            Room::Taken
        }
    }

    /// What the entry holds.
    pub(super) const fn holding(self) -> Holding {
        match self.class() {
            EXPIRED => Holding::Expired,
            DENIED => Holding::Denied,
            EARLY => Holding::Early,
            _ => Holding::Accepted,
        }
    }
}

#[inline(always)]
const fn class(decision: Decision) -> u64 {
    if decision.is_allow() {
        ACCEPTED
    } else if decision.is_undecided() {
        EARLY
    } else {
        DENIED
    }
}
