//! The flow table: set-associative, of fixed size, without a lock.
//!
//! A set is one cache line of eight entries, each a single word, so that none can be half-written:
//!
//! ```text
//! | proof of the flow, 40 bits | class, 3 bits | moment of its last packet, 21 bits |
//! ```
//!
//! A connection that this host has opened gives way to nothing but another one; of all others the one that has been silent
//! longest goes first. Who makes the host send to anyone he likes pushes out no connection, and others only when they have been
//! silent for as long as he takes to fill the table.

use super::{flow::Flow, segment::Step};
use crate::{fragment::word::Word, opaque::any_of};

/// Entries in a set.
pub const WAYS: usize = 8;

/// Entries that compete for room: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct FlowSet([Word; WAYS]);

/// What is known of a flow.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// A connection that this host has asked for.
    Opening = 1,
    /// A connection that has been ended, by one side at least.
    Closing = 2,
    /// An ICMP echo.
    Echo = 3,
    /// Datagrams that haven't been answered.
    Unanswered = 4,
    /// Datagrams that have been.
    Answered = 5,
    /// A connection that was there already, or that another host opened.
    PickedUp = 6,
    /// A connection that this host opened.
    Established = 7,
}

/// How many classes there are, with the zero that none has.
pub const CLASSES: usize = 8;

impl Class {
    /// The one of that number; of any other it's [`Class::Opening`].
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        match bits & (CLASSES as u64 - 1) {
            2 => Self::Closing,
            3 => Self::Echo,
            4 => Self::Unanswered,
            5 => Self::Answered,
            6 => Self::PickedUp,
            7 => Self::Established,
            _ => Self::Opening,
        }
    }
}

/// A time, in units of some jiffies, that comes around.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment(pub u32);

/// How many of its bits are kept.
const MOMENT_BITS: u32 = 21;
const MOMENTS: u32 = 1 << MOMENT_BITS;

/// By how many units an entry may be younger than the reader's own time: another CPU may just have written it.
const SKEW: u32 = 2;

/// The longest that a flow can be remembered, in units.
pub const MAX_LIFETIME: u32 = MOMENTS / 2;

impl Moment {
    /// How many units have gone by since `earlier`, of which only the bits count that are kept.
    #[inline(always)]
    const fn since(self, earlier: u32) -> u32 {
        let age = self.0.wrapping_add(SKEW).wrapping_sub(earlier) & (MOMENTS - 1);
        age.saturating_sub(SKEW)
    }
}

/// How long a flow of each class is remembered after its last packet, in units: at most [`MAX_LIFETIME`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Lifetimes(pub [u32; CLASSES]);

impl Lifetimes {
    /// Of a class. Volatile, since the compiler sees the kernel program's before the loader has written them.
    #[inline(always)]
    fn of(&self, class: Class) -> u32 {
        // SAFETY: a reference to an element is valid to read from.
        unsafe { core::ptr::from_ref(&self.0[class as usize]).read_volatile() }
    }
}

/// An entry's word.
#[derive(Clone, Copy)]
struct Entry(u64);

/// What a connection that this host opened is worth at least; nothing else is worth as much.
const ESTABLISHED_WORTH: u64 = 1 << u32::BITS;

const CLASS_SHIFT: u32 = MOMENT_BITS;
const PROOF_SHIFT: u32 = CLASS_SHIFT + 3;

impl Entry {
    #[inline(always)]
    const fn new(flow: Flow, class: Class, now: Moment) -> Self {
        let moment = now.0 & (MOMENTS - 1);
        Self(proof(flow) | (class as u64) << CLASS_SHIFT | moment as u64)
    }

    #[inline(always)]
    const fn is_of(self, flow: Flow) -> bool {
        // No entry is of class zero, and so none is zero.
        (self.0 ^ proof(flow)) >> PROOF_SHIFT == 0 && self.0 << (u64::BITS - PROOF_SHIFT) != 0
    }

    #[inline(always)]
    const fn class(self) -> Class {
        Class::from_bits(self.0 >> CLASS_SHIFT)
    }

    #[inline(always)]
    fn age(self, now: Moment) -> u32 {
        now.since(self.0 as u32)
    }

    #[inline(always)]
    fn is_alive(self, now: Moment, lifetimes: &Lifetimes) -> bool {
        self.age(now) <= lifetimes.of(self.class())
    }

    /// What it's worth keeping for.
    #[inline(always)]
    fn worth(self, now: Moment, lifetimes: &Lifetimes) -> u64 {
        if self.0 == 0 || !self.is_alive(now, lifetimes) {
            return 0;
        }
        let class = if matches!(self.class(), Class::Established) { ESTABLISHED_WORTH } else { 1 };
        class + u64::from(MOMENTS - self.age(now))
    }
}

/// What proves a flow: the bits of its hash below those that choose its set, which are 24 at most.
#[inline(always)]
const fn proof(flow: Flow) -> u64 {
    flow.0 << PROOF_SHIFT
}

impl FlowSet {
    /// Where a flow's entry is, and the entry; the number of ways if it has none.
    #[inline(always)]
    fn find(&self, flow: Flow) -> (usize, Entry) {
        let mut found = (WAYS, Entry(0));
        for (way, word) in self.0.iter().enumerate() {
            let entry = Entry(word.load());
            if entry.is_of(flow) {
                found = (way, entry);
                break;
            }
        }
        // The verifier would walk what follows once for each way.
        (any_of(found.0 as u64, flow.0) as usize, found.1)
    }

    #[inline(always)]
    fn put(&self, way: usize, entry: Entry) {
        self.0[way & (WAYS - 1)].store(entry.0);
    }

    /// Whether a packet that comes in belongs to a flow that is remembered. Then that is remembered anew.
    #[inline(always)]
    pub fn answer(&self, flow: Flow, step: Step, now: Moment, lifetimes: &Lifetimes) -> bool {
        let (way, entry) = self.find(flow);
        if way == WAYS || !entry.is_alive(now, lifetimes) {
            return false;
        }
        let class = match (entry.class(), step) {
            (_, Step::Quoted) => return true,
            // Whoever guesses the ports can send this; if the connection goes on, what this host sends says so.
            (Class::PickedUp | Class::Established, Step::End) => Class::Closing,
            (Class::Unanswered, _) => Class::Answered,
            (class, _) => class,
        };
        let renewed = Entry::new(flow, class, now);
        if renewed.0 != entry.0 {
            self.put(way, renewed);
        }
        true
    }

    /// Remembers a flow that a packet of this host's goes out on. `fresh` is the class of one that isn't known yet, unless it
    /// begins with this packet.
    #[inline(always)]
    pub fn remember(&self, flow: Flow, fresh: Class, step: Step, now: Moment, lifetimes: &Lifetimes) {
        let (way, entry) = self.find(flow);
        let is_known = way < WAYS && entry.is_alive(now, lifetimes);
        let class = match (step, is_known, entry.class()) {
            (Step::Begin, ..) => Class::Opening,
            (Step::End, true, _) => Class::Closing,
            // It answers what belongs to no connection.
            (Step::End, false, _) => return,
            (_, true, Class::Opening) => Class::Established,
            (_, true, class) => class,
            (_, false, _) => fresh,
        };
        let renewed = Entry::new(flow, class, now);
        if way < WAYS {
            if renewed.0 != entry.0 {
                self.put(way, renewed);
            }
        } else {
            self.insert(renewed, now, lifetimes);
        }
    }

    /// Puts an entry in place of the one that is worth least. A connection that this host opened gives way to nothing but
    /// another one that it opens.
    #[inline(always)]
    fn insert(&self, entry: Entry, now: Moment, lifetimes: &Lifetimes) {
        let mut victim = 0;
        let mut least = u64::MAX;
        for (way, word) in self.0.iter().enumerate() {
            let worth = Entry(word.load()).worth(now, lifetimes);
            if worth < least {
                // As above.
                (victim, least) = (any_of(way as u64, worth) as usize, worth);
            }
        }
        if least < ESTABLISHED_WORTH || matches!(entry.class(), Class::Opening) {
            self.put(victim, entry);
        }
    }
}
