//! The records that cross from the kernel to the user's side.

use crate::{fragment::Fragment, verdict::Judgement};

/// A counter: what one CPU has counted in one [`crate::verdict::Cell`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of their frames, without preamble and checksum.
    pub bytes: u64,
    /// When the last of them came, in the kernel's own jiffies (`jiffies_64`), which never are 0; 0 if none has come.
    pub last: u64,
}

impl core::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            last: self.last.max(other.last),
        }
    }
}

/// How one packet was judged, as the program tells it when it explains itself. Integers only, so that any bytes are a
/// record; no padding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Trace {
    /// [`crate::verdict::Reason::code`].
    pub reason: u8,
    /// [`crate::verdict::Verdict::code`].
    pub verdict: u8,
    /// [`crate::fragment::Class::code`].
    pub class: u8,
    /// 1 if more fragments follow.
    pub more: u8,
    /// [`crate::rules::Slot::index`].
    pub slot: u16,
    /// The fragment's offset in bytes.
    pub offset: u16,
    /// The fragment's identification, host byte order.
    pub id: u32,
    /// How many packets were judged so far, so that a reader knows a new record from an old one.
    pub serial: u32,
}

impl Trace {
    /// The record of a judgement.
    #[inline(always)]
    pub fn new(judgement: Judgement, fragment: Fragment, serial: u32) -> Self {
        let Fragment { class, id, offset, more, length: _ } = fragment;
        Self {
            reason: judgement.reason().code(),
            verdict: judgement.verdict().code(),
            class: class.code(),
            more: more as u8,
            slot: judgement.slot().index() as u16,
            offset: offset as u16,
            id,
            serial,
        }
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: three 64-bit integers: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Count {}
    // SAFETY: integers only, laid out without padding (4 * 1 + 2 * 2 + 2 * 4 = 16 bytes): any bits are a value.
    unsafe impl aya::Pod for super::Trace {}

    const _: () = assert!(size_of::<super::Trace>() == 16);
}
