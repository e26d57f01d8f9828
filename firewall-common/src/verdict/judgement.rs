//! A packet's verdict, with its reason and what it is credited to.

use core::fmt;

use super::{
    Reason, Verdict,
    cell::{self, Cell},
};
use crate::rules::{Decision, Slot};

/// A verdict with its reason and with what it is credited to, in one word: the number of the verdict in the upper 16 bits, the
/// place of its counter in the lower ones. The counter tells the reason and the slot, so that nothing else needs to be carried
/// along a packet's way, nor looked at before the packet is counted.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct Judgement(u32);

/// Where the verdict lies.
const VERDICT_SHIFT: u32 = 16;
const CELL_MASK: u32 = (1 << VERDICT_SHIFT) - 1;
const _: () = assert!(cell::CELLS <= CELL_MASK as usize + 1);

impl Judgement {
    #[inline(always)]
    const fn of(verdict: u32, cell: u32) -> Self {
        Self(verdict << VERDICT_SHIFT | cell)
    }

    /// Of these parts. The slot counts only for reasons that credit one.
    pub fn new(verdict: Verdict, reason: Reason, slot: Slot) -> Self {
        Self::of(verdict.code() as u32, Cell::of(verdict, reason, slot).index())
    }

    /// Drop, for a reason that no rule has a part in.
    #[inline(always)]
    pub const fn drop(reason: Reason) -> Self {
        Self::of(Verdict::Drop.code() as u32, Cell::Reason(reason, Verdict::Drop).index())
    }

    /// Pass, for a reason that no rule has a part in.
    #[inline(always)]
    pub const fn pass(reason: Reason) -> Self {
        Self::of(Verdict::Pass.code() as u32, Cell::Reason(reason, Verdict::Pass).index())
    }

    /// As a rule or the default says.
    #[inline(always)]
    pub const fn decided(decision: Decision) -> Self {
        let verdict = decision.verdict_code();
        Self::of(verdict, cell::direct(decision.slot()) + verdict)
    }

    /// The drop of a first fragment that came after trailing ones of its datagram had passed.
    #[inline(always)]
    pub const fn late(decision: Decision) -> Self {
        Self::of(Verdict::Drop.code() as u32, Cell::Late(decision.slot()).index())
    }

    /// As a first fragment was decided, for a trailing one: nobody is told of each fragment that is dropped.
    #[inline(always)]
    pub const fn inherited(decision: Decision) -> Self {
        const PASS: u32 = Judgement::of(1, 1).0;
        Self(cell::inherited(decision.slot()) + if decision.is_allow() { PASS } else { 0 })
    }

    /// What is done with the packet.
    #[inline(always)]
    pub const fn verdict(self) -> Verdict {
        const PASS: u32 = Verdict::Pass.code() as u32;
        const REJECT: u32 = Verdict::Reject.code() as u32;
        match self.verdict_code() {
            PASS => Verdict::Pass,
            REJECT => Verdict::Reject,
            _ => Verdict::Drop,
        }
    }

    /// The number of its verdict: [`Verdict::code`], but for what isn't known, which is a drop.
    #[inline(always)]
    pub const fn verdict_code(self) -> u32 {
        self.0 >> VERDICT_SHIFT
    }

    /// The place of its counter among [`CELLS`](super::CELLS).
    #[inline(always)]
    pub const fn cell(self) -> u32 {
        self.0 & CELL_MASK
    }

    /// Why.
    #[inline(always)]
    pub fn reason(self) -> Reason {
        cell::reason(self.cell())
    }

    /// The rule or default that decided; of a trailing fragment, its first fragment's. [`Slot::NONE`] if neither had a part.
    #[inline(always)]
    pub fn slot(self) -> Slot {
        cell::slot(self.cell())
    }

    /// Whether this says that the bytes at hand end too soon: with more bytes the answer could be another.
    #[inline(always)]
    pub const fn is_past_end(self) -> bool {
        self.0 == Self::drop(Reason::Truncated).0 || self.0 == Self::drop(Reason::IpLength).0
    }

    /// Its word.
    #[inline(always)]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The one of that word. A verdict that isn't known is a drop.
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judgement")
            .field("verdict", &self.verdict())
            .field("reason", &self.reason())
            .field("slot", &self.slot())
            .finish()
    }
}
