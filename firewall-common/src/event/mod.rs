//! What whoever watches the filter is told of single packets: of those that are dropped or rejected, and of those that a rule
//! with `log` lets in.
//!
//! Nothing is told as long as nobody watches. While somebody does ([`watch`]), no more is told than was asked for, and
//! no faster; what is left out is counted.

pub mod watch;

use crate::{
    fragment::Class,
    rules::Slot,
    stance::Stance,
    verdict::{Judgement, Reason, Verdict},
};

/// How many bytes of a packet's head are told, at most: a record has 256 bytes then.
pub const HEAD: usize = 228;

/// What is told of a packet. Integers only, so that any bytes are a record; no padding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Event {
    /// When it was judged, in nanoseconds since the machine was started (`CLOCK_MONOTONIC`).
    pub time: u64,
    /// The index of the interface that it came in on.
    pub interface: u32,
    /// The length of its frame in bytes, without preamble and checksum.
    pub length: u32,
    /// How many bytes of [`Self::head`] are the packet's.
    pub captured: u32,
    /// How it was judged.
    pub kind: Kind,
    /// The frame's first bytes.
    pub head: [u8; HEAD],
}

/// How a packet was judged, as an [`Event`] tells it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Kind {
    /// [`Verdict::code`](crate::verdict::Verdict::code).
    pub verdict: u8,
    /// [`Reason::code`](crate::verdict::Reason::code).
    pub reason: u8,
    /// [`Slot::index`](crate::rules::Slot::index).
    pub slot: u16,
    /// [`Class::code`].
    pub class: u8,
    /// 1 if the verdict was only counted, since the filter observes.
    pub observed: u8,
    /// Nothing.
    pub reserved: [u8; 2],
}

impl Kind {
    /// Of a packet of that class.
    #[inline(always)]
    pub fn new(judgement: Judgement, class: Class, stance: Stance) -> Self {
        Self {
            verdict: judgement.verdict().code(),
            reason: judgement.reason().code(),
            slot: judgement.slot().index() as u16,
            class: class.code(),
            observed: matches!(stance, Stance::Observing) as u8,
            reserved: [0; 2],
        }
    }

    /// The judgement; `None` if its numbers are none of one.
    #[inline(always)]
    pub fn judgement(self) -> Option<Judgement> {
        Some(Judgement::new(
            Verdict::from_code(self.verdict)?,
            Reason::from_code(self.reason)?,
            Slot::from_index(self.slot.into())?,
        ))
    }

    /// All of it as a number, as functions of the program take it.
    #[inline(always)]
    pub const fn to_bits(self) -> u64 {
        self.verdict as u64
            | (self.reason as u64) << 8
            | (self.slot as u64) << 16
            | (self.class as u64) << 32
            | (self.observed as u64) << 40
    }

    /// From that number.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            verdict: bits as u8,
            reason: (bits >> 8) as u8,
            slot: (bits >> 16) as u16,
            class: (bits >> 32) as u8,
            observed: (bits >> 40) as u8,
            reserved: [0; 2],
        }
    }
}

/// Which slots' rules have `log`, a bit for each.
pub type Logged = [u64; LOGGED_WORDS];

/// How many words that takes.
pub const LOGGED_WORDS: usize = crate::rules::SLOTS.div_ceil(u64::BITS as usize).next_power_of_two();

const _: () = assert!(size_of::<Event>() == 256 && align_of::<Event>() == 8);

impl Event {
    /// The record that lies in these bytes, if they are one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; size_of::<Self>()] = bytes.try_into().ok()?;
        // SAFETY: there are as many bytes as a record has, and any of them are one: it's made of integers only.
        let event: Self = unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() };
        (event.captured as usize <= HEAD).then_some(event)
    }

    /// The frame's first bytes, as many as were told.
    pub fn head(&self) -> &[u8] {
        &self.head[..(self.captured as usize).min(HEAD)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_kind_comes_back_from_its_number(verdict: u8, reason: u8, slot: u16, class: u8, observed: u8) {
            let kind = Kind { verdict, reason, slot, class, observed, reserved: [0; 2] };
            prop_assert_eq!(Kind::from_bits(kind.to_bits()), kind);
        }

        #[test]
        fn only_a_whole_record_is_one(bytes in prop::collection::vec(any::<u8>(), 250..262), captured in 0_u32..300) {
            let mut bytes = bytes;
            bytes[16..20].copy_from_slice(&captured.to_ne_bytes());
            let event = Event::read(&bytes);
            prop_assert_eq!(event.is_some(), bytes.len() == 256 && captured <= HEAD as u32);
            if let Some(event) = event {
                prop_assert_eq!(event.head(), &bytes[28..28 + captured as usize]);
            }
        }
    }
}
