//! What became of the packets of each interface.
//!
//! A tally counts the packets of one interface that got one verdict, and bears the interface's index. The loader gives tallies to each
//! interface before it attaches to it; the program looks for them in a few rows that the index says, so that it takes one look
//! in nearly all cases. What arrives on an interface without any, which is rare, goes to those of all others: no packet is left out.

use crate::{stance::Stance, verdict::Verdict};

/// How many interfaces have tallies of their own at most.
const OWN: u32 = 256;

/// The row of all interfaces that have none of their own. It bears the index of none, 0.
pub const OTHERS: u32 = OWN;

/// In how many rows an interface's tallies may be.
pub const CHOICES: u32 = 4;

/// How many tallies a row has.
const ROW: u32 = 8;
const _: () = assert!(Stance::ALL.len() * Verdict::ALL.len() <= ROW as usize);

/// How many tallies there are.
pub const TALLIES: usize = ((OWN + 1) * ROW) as usize;

/// What one CPU has counted of one interface. Integers only, no padding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Tally {
    /// The interface's index; 0 if it's none's.
    pub interface: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes of their frames, without preamble and checksum.
    pub bytes: u64,
}

impl Tally {
    /// An empty one of the interface of that index.
    pub const fn new(interface: u32) -> Self {
        Self { interface: interface as u64, packets: 0, bytes: 0 }
    }
}

/// The rows that may be an interface's, in the order in which they're looked at.
///
/// Indexes are handed out one after another: so there's no collision until there are more than fit.
#[inline(always)]
pub fn rows(interface: u32) -> impl Iterator<Item = u32> {
    (0..CHOICES).map(move |n| interface.wrapping_add(n * (OWN / CHOICES + 1)) % OWN)
}

/// The place of a row's tally of the packets that got the verdict of a number ([`Verdict::code`]), among [`TALLIES`].
#[inline(always)]
pub const fn place(row: u32, stance: Stance, verdict: u32) -> u32 {
    row * ROW + stance.index() as u32 * Verdict::ALL.len() as u32 + verdict
}

/// The places of a row's tallies.
pub fn places(row: u32) -> impl Iterator<Item = u32> {
    Stance::ALL.into_iter().flat_map(move |stance| {
        Verdict::ALL.into_iter().map(move |verdict| place(row, stance, verdict.code().into()))
    })
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: 64-bit integers only: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Tally {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_an_interface_differ() {
        for interface in [1, 2, 255, 256, 257, 100_000, u32::MAX] {
            for (n, row) in rows(interface).enumerate() {
                assert!(row < OTHERS);
                assert!(rows(interface).skip(n + 1).all(|other| other != row), "{interface}");
            }
            assert_eq!(rows(interface).count(), CHOICES as usize);
        }
    }

    #[test]
    fn every_tally_has_a_place_of_its_own() {
        let mut seen = [false; TALLIES];
        for place in (0..=OTHERS).flat_map(places) {
            assert!(!core::mem::replace(&mut seen[place as usize], true), "{place}");
        }
    }
}
