//! What is counted.

use super::{Reason, Verdict};
use crate::{
    fragment::room::Room,
    rules::{SLOTS, Slot},
};

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
const REASON_CELLS: u32 = 64;

/// How many counters a slot has: three verdicts of its own, two that are inherited, and one for late denials.
const SLOT_CELLS: usize = 6;

/// Where the inherited ones and the one for late denials lie among a slot's.
const INHERITED: u32 = 3;
const LATE: u32 = 5;

/// How many counters there are.
pub const CELLS: usize = ROOM_CELLS as usize + Room::ALL.len();

/// Where those of the fragment table begin.
const ROOM_CELLS: u32 = REASON_CELLS + (SLOTS * SLOT_CELLS) as u32;

const _: () = assert!(Reason::ALL.len() * 2 <= REASON_CELLS as usize);

impl Cell {
    /// The counter of a packet that got this verdict for this reason.
    pub fn of(verdict: Verdict, reason: Reason, slot: Slot) -> Self {
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
        match self {
            Self::Reason(reason, verdict) => reason.code() as u32 * 2 + verdict.code() as u32,
            Self::Direct(slot, verdict) => direct(slot) + verdict.code() as u32,
            Self::Inherited(slot, verdict) => inherited(slot) + verdict.code() as u32,
            Self::Late(slot) => direct(slot) + LATE,
            Self::Room(room) => ROOM_CELLS + room as u32,
        }
    }
}

/// Where a slot's own counters begin, in the order of [`Verdict::code`].
#[inline(always)]
pub(super) const fn direct(slot: Slot) -> u32 {
    REASON_CELLS + slot.index() as u32 * SLOT_CELLS as u32
}

/// Where those of its trailing fragments begin.
#[inline(always)]
pub(super) const fn inherited(slot: Slot) -> u32 {
    direct(slot) + INHERITED
}

/// The reason of the packets that are counted in a place.
#[inline(always)]
pub(super) fn reason(index: u32) -> Reason {
    if index < REASON_CELLS {
        // No packet is counted in a place that no reason has.
        return Reason::from_code((index / 2) as u8).unwrap_or(Reason::Default);
    }
    match (index - REASON_CELLS) % SLOT_CELLS as u32 {
        LATE => Reason::LateDenial,
        INHERITED.. => Reason::Inherited,
        _ if slot(index).as_rule().is_some() => Reason::Rule,
        _ => Reason::Default,
    }
}

/// The slot that they are credited to; [`Slot::NONE`] if it's none.
#[inline(always)]
pub(super) fn slot(index: u32) -> Slot {
    if index < REASON_CELLS {
        return Slot::NONE;
    }
    Slot::from_index((index - REASON_CELLS) as usize / SLOT_CELLS).unwrap_or(Slot::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_place_tells_whose_it_is() {
        let slots = (0..SLOTS).filter_map(Slot::from_index);
        for cell in Cell::of_reasons().chain(slots.flat_map(Cell::of_slot)) {
            let expected = match cell {
                Cell::Reason(reason, _) => (reason, Slot::NONE),
                Cell::Direct(slot, _) if slot.as_rule().is_some() => (Reason::Rule, slot),
                Cell::Direct(slot, _) => (Reason::Default, slot),
                Cell::Inherited(slot, _) => (Reason::Inherited, slot),
                Cell::Late(slot) => (Reason::LateDenial, slot),
                Cell::Room(_) => continue,
            };
            assert_eq!((reason(cell.index()), slot(cell.index())), expected, "{cell:?}");
        }
    }
}
