//! What became of a packet, and why.

use crate::{
    fragment::room::Room,
    rules::{Action, Decision, SLOTS, Slot},
};

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

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $($verdict:ident)|+ => $reference:literal,)+) => {
        /// Why a packet got its verdict. This is the only place that names a reason: code, text, JSON and metrics
        /// derive from it.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in the order of [`Reason::code`].
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kebab-case name that users see.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, in a sentence.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start()),+ }
            }

            /// Where it's specified: an RFC, with its section if it's one section's matter, or a place in this project's
            /// documentation.
            pub const fn reference(self) -> &'static str {
                match self { $(Self::$variant => $reference),+ }
            }

            /// The verdicts that it can come with: no other is ever seen with it.
            pub const fn verdicts(self) -> &'static [Verdict] {
                match self { $(Self::$variant => &[$(Verdict::$verdict),+]),+ }
            }
        }
    };
}

reasons! {
    /// The EtherType is neither IPv4, IPv6 nor ARP.
    NotIp = "not-ip": Pass => "ARCHITECTURE.md#a-packets-way",
    /// ARP, without which IPv4 has no link.
    Arp = "arp": Pass => "RFC 826",
    /// IPv6 neighbour discovery from this link (RFC 4861: hop limit 255).
    NeighbourDiscovery = "neighbour-discovery": Pass => "RFC 4861 6.1",
    /// A multicast listener's message on this link (RFC 2710, RFC 3810: hop limit 1, link-local source).
    MulticastListener = "multicast-listener": Pass => "RFC 3810 5",
    /// ICMPv6 packet too big, or ICMP fragmentation needed: path-MTU discovery.
    PacketTooBig = "packet-too-big": Pass => "RFC 4890 4.3.1",
    /// An ICMP error that tells of a packet's fate: destination unreachable, time exceeded, parameter problem (RFC 4890).
    IcmpError = "icmp-error": Pass => "RFC 4890 4.3.1",
    /// It belongs to a flow that this host opened.
    Reply = "reply": Pass => "docs/replies.md#what-is-accepted",
    /// An ICMP error about a packet of a flow that this host opened.
    Related = "related": Pass => "docs/replies.md#what-is-accepted",
    /// A rule matched.
    Rule = "rule": Pass | Drop | Reject => "docs/rules.md#how-a-packet-is-judged",
    /// No rule matched.
    Default = "default": Pass | Drop | Reject => "docs/rules.md#how-a-packet-is-judged",
    /// A trailing fragment of a datagram whose first fragment was judged.
    Inherited = "inherited": Pass | Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A trailing fragment whose first fragment hasn't been seen: the early policy.
    Early = "early": Pass | Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A first fragment that was denied after trailing ones of its datagram had passed as early ones.
    LateDenial = "late-denial": Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A fragment that finds no room in the reassembly budget, of its source or of all strangers.
    FragmentBudget = "fragment-budget": Drop => "docs/fragments.md#the-reassembly-budget",
    /// The frame ends inside a header.
    Truncated = "truncated": Drop => "docs/fragments.md#what-drops-by-itself",
    /// The IP version is not the one that the EtherType says.
    IpVersion = "ip-version": Drop => "RFC 8200 3",
    /// The IPv4 header length is below 20 bytes, or beyond the total length.
    IpHeaderLength = "ip-header-length": Drop => "RFC 791 3.1",
    /// The IP length is beyond the frame.
    IpLength = "ip-length": Drop => "RFC 791 3.1",
    /// More IPv6 extension headers than are followed.
    ExtensionChain = "extension-chain": Drop => "RFC 8200 4.1",
    /// A hop-by-hop header that doesn't come right after the IPv6 header (RFC 8200 4.1).
    ExtensionOrder = "extension-order": Drop => "RFC 8200 4.1",
    /// A routing header of type 0 (RFC 5095).
    RoutingHeader0 = "routing-header-0": Drop => "RFC 5095 3",
    /// More than one Fragment header.
    NestedFragment = "nested-fragment": Drop => "RFC 8200 4.1",
    /// A transport or extension header that ends outside its packet.
    TransportHeader = "transport-header": Drop => "docs/fragments.md#what-drops-by-itself",
    /// A fragment that ends past byte 65535 of its datagram.
    FragmentEnd = "fragment-end": Drop => "RFC 8200 4.5",
    /// A fragment with more to follow whose length is zero or no multiple of 8.
    FragmentLength = "fragment-length": Drop => "RFC 8200 4.5",
    /// A first fragment without the whole header chain and transport header (RFC 7112).
    FragmentHeaders = "fragment-headers": Drop => "RFC 7112 5",
    /// A trailing fragment that begins inside its first one (RFC 5722).
    FragmentOverlap = "fragment-overlap": Drop => "RFC 5722 4",
    /// A TCP fragment at an offset that could rewrite the flags (RFC 1858, RFC 3128).
    FragmentTcpFlags = "fragment-tcp-flags": Drop => "RFC 3128",
    /// Neighbour discovery behind a Fragment header (RFC 6980).
    FragmentNeighbourDiscovery = "fragment-neighbour-discovery": Drop => "RFC 6980 5",
}

impl Reason {
    /// Its number in records and counters.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether this says that the bytes at hand end too soon: with more bytes the answer could be another.
    #[inline(always)]
    pub const fn is_past_end(self) -> bool {
        matches!(self, Self::Truncated | Self::IpLength)
    }
}

/// A verdict with its reason and with what it is credited to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// What is done with the packet.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The rule or default that decided; of a trailing fragment, its first fragment's. [`Slot::NONE`] if neither had a part.
    pub slot: Slot,
}

impl Judgement {
    /// Drop, for a reason that no rule has a part in.
    #[inline(always)]
    pub const fn drop(reason: Reason) -> Self {
        Self { verdict: Verdict::Drop, reason, slot: Slot::NONE }
    }

    /// Pass, for a reason that no rule has a part in.
    #[inline(always)]
    pub const fn pass(reason: Reason) -> Self {
        Self { verdict: Verdict::Pass, reason, slot: Slot::NONE }
    }

    /// This drop of a first fragment, which came after trailing ones of its datagram had passed.
    #[inline(always)]
    pub const fn late(self) -> Self {
        Self { verdict: Verdict::Drop, reason: Reason::LateDenial, ..self }
    }

    /// As a first fragment was decided, for a trailing one: nobody is told of each fragment that is dropped.
    #[inline(always)]
    pub const fn inherited(decision: Decision) -> Self {
        let verdict = if decision.is_allow() { Verdict::Pass } else { Verdict::Drop };
        Self { verdict, reason: Reason::Inherited, slot: decision.slot() }
    }

    /// As `decision` says, for `reason`.
    #[inline(always)]
    pub const fn decided(decision: Decision, reason: Reason) -> Self {
        let verdict = if decision.is_allow() {
            Verdict::Pass
        } else if decision.is_reject() {
            Verdict::Reject
        } else {
            Verdict::Drop
        };
        Self { verdict, reason, slot: decision.slot() }
    }
}

/// What is counted. A judgement adds to exactly one of all but the last kind: so they add up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cell {
    /// A reason that no rule has a part in. Such packets are passed or dropped.
    Reason(Reason, Verdict),
    /// A slot's whole, atomic and first fragments.
    Direct(Slot, Verdict),
    /// A slot's trailing fragments. They are passed or dropped.
    Inherited(Slot, Verdict),
    /// A slot's first fragments that were denied after trailing ones had passed.
    Late(Slot),
    /// Where datagrams found room in the fragment table: no packets, and no bytes.
    Room(Room),
}

/// Room for reasons in the table of counters.
const REASON_CELLS: usize = 64;

/// How many counters a slot has: three verdicts of its own, two that are inherited, and one for late denials.
const SLOT_CELLS: usize = 6;

/// How many counters there are.
pub const CELLS: usize = ROOM_CELLS + Room::ALL.len();

/// Where those of the fragment table begin.
const ROOM_CELLS: usize = REASON_CELLS + SLOTS * SLOT_CELLS;

const _: () = assert!(Reason::ALL.len() * 2 <= REASON_CELLS);

impl Cell {
    /// The counter of a judgement.
    #[inline(always)]
    pub fn of(judgement: &Judgement) -> Self {
        let Judgement { verdict, reason, slot } = *judgement;
        match reason {
            Reason::Rule | Reason::Default => Self::Direct(slot, verdict),
            Reason::Inherited => Self::Inherited(slot, verdict),
            Reason::LateDenial => Self::Late(slot),
            _ => Self::Reason(reason, verdict),
        }
    }

    /// All counters of a slot.
    pub const fn of_slot(slot: Slot) -> [Self; SLOT_CELLS] {
        [
            Self::Direct(slot, Verdict::Drop),
            Self::Direct(slot, Verdict::Pass),
            Self::Direct(slot, Verdict::Reject),
            Self::Inherited(slot, Verdict::Drop),
            Self::Inherited(slot, Verdict::Pass),
            Self::Late(slot),
        ]
    }

    /// The counters that are nobody's.
    pub fn of_reasons() -> impl Iterator<Item = Self> {
        let of_slots = [Reason::Rule, Reason::Default, Reason::Inherited, Reason::LateDenial];
        let reasons = Reason::ALL.iter().filter(move |reason| !of_slots.contains(reason));
        reasons
            .flat_map(|&reason| reason.verdicts().iter().map(move |&verdict| Self::Reason(reason, verdict)))
    }

    /// Its place in a table of [`CELLS`] counters.
    #[inline(always)]
    pub const fn index(self) -> u32 {
        let place = match self {
            Self::Reason(reason, verdict) => reason.code() as usize * 2 + verdict.code() as usize,
            Self::Direct(slot, verdict) => REASON_CELLS + slot.index() * SLOT_CELLS + verdict.code() as usize,
            Self::Inherited(slot, verdict) => {
                REASON_CELLS + slot.index() * SLOT_CELLS + 3 + verdict.code() as usize
            }
            Self::Late(slot) => REASON_CELLS + slot.index() * SLOT_CELLS + 5,
            Self::Room(room) => ROOM_CELLS + room as usize,
        };
        place as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_their_own_code_and_name() {
        for (i, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), i);
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!(Reason::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
            assert!(reason.describe().ends_with('.') && !reason.describe().contains('|'));
            assert!(!reason.verdicts().is_empty());
        }
        assert_eq!(Reason::from_code(Reason::ALL.len() as u8), None);
    }

    #[test]
    fn every_cell_has_a_place_of_its_own() {
        let mut seen = [false; CELLS];
        let slots = (0..SLOTS).filter_map(Slot::from_index);
        let of_rooms = Room::ALL.into_iter().map(Cell::Room);
        for cell in Cell::of_reasons().chain(slots.flat_map(Cell::of_slot)).chain(of_rooms) {
            let place = &mut seen[cell.index() as usize];
            assert!(!core::mem::replace(place, true), "{cell:?}");
        }
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
    }
}
