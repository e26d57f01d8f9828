//! Fragments: what one says of itself, and what it inherits.
//!
//! The first fragment of a datagram carries the headers that rules look at. Its verdict goes into a [`table`] under
//! the datagram's [`identity`], and the trailing fragments, which carry no ports, take it from there. Until the datagram's
//! [`progress`] says that it's complete, its fragments are on its [`source`]'s [`budget`].

pub mod budget;
pub mod entry;
pub mod identity;
pub mod progress;
pub mod room;
pub mod source;
pub mod table;
pub mod tick;
pub mod word;

use crate::{packet::transport::TCP, verdict::Reason};

/// The largest datagram that fragments can make, in bytes.
const MAX_END: usize = 65535;

/// What kind of packet it is, in respect of fragmentation.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Class {
    /// Not fragmented.
    Whole,
    /// A Fragment header around a whole datagram (RFC 6946): judged as a whole packet, and nobody's fragment.
    Atomic,
    /// The fragment at offset 0.
    First,
    /// Any later fragment.
    Trailing,
    /// Not an IP packet, or malformed before that could be said.
    #[default]
    Other,
}

impl Class {
    /// All of them, in the order of [`Class::code`].
    pub const ALL: [Self; 5] = [Self::Whole, Self::Atomic, Self::First, Self::Trailing, Self::Other];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Atomic => "atomic",
            Self::First => "first",
            Self::Trailing => "trailing",
            Self::Other => "other",
        }
    }

    /// Its number in records.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The class of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// A packet's place in a fragmented datagram.
///
/// There is no `Option` around it: a value that is undefined in one branch and kept for later is what the verifier
/// refuses, and the compiler makes such values of a `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fragment {
    /// What the rest amounts to.
    pub class: Class,
    /// The identification, host byte order; 16 bits of it in IPv4.
    pub id: u32,
    /// Where its payload belongs in the datagram's fragmentable part, in bytes: a multiple of 8, below 2^16.
    pub offset: usize,
    /// Whether more fragments follow it.
    pub more: bool,
    /// The length of its payload, in bytes: below 2^16.
    pub length: usize,
}

impl Fragment {
    /// Of a packet that isn't fragmented.
    pub const WHOLE: Self = Self { class: Class::Whole, id: 0, offset: 0, more: false, length: 0 };

    /// Of a packet that isn't IP.
    pub const OTHER: Self = Self { class: Class::Other, ..Self::WHOLE };

    /// Of a packet whose header says this.
    #[inline(always)]
    pub const fn new(id: u32, offset: usize, more: bool, length: usize) -> Self {
        let class = match (offset, more) {
            (0, false) => Class::Atomic,
            (0, true) => Class::First,
            _ => Class::Trailing,
        };
        Self { class, id, offset, more, length }
    }

    /// Whether it begins its datagram and isn't all of it.
    #[inline(always)]
    pub const fn is_first(&self) -> bool {
        matches!(self.class, Class::First)
    }

    /// Whether it lies behind the first one.
    #[inline(always)]
    pub const fn is_trailing(&self) -> bool {
        matches!(self.class, Class::Trailing)
    }

    /// Whether it has a Fragment header, or an IPv4 header that says it's a fragment.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        matches!(self.class, Class::Atomic | Class::First | Class::Trailing)
    }

    /// Its place in the datagram as a number; the identification is no part of it.
    #[inline(always)]
    pub const fn to_bits(&self) -> u64 {
        self.offset as u64 | (self.length as u64) << 16 | (self.more as u64) << 32
    }

    /// The place of that number, of a datagram with no identification.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        const MASK: usize = u16::MAX as usize;
        Self::new(0, bits as usize & MASK, bits >> 32 & 1 != 0, (bits >> 16) as usize & MASK)
    }

    /// Where it ends in the datagram, in bytes.
    #[inline(always)]
    pub const fn end(&self) -> usize {
        self.offset + self.length
    }

    /// The checks that a fragment passes or fails by itself; `protocol` is what its header says it carries.
    ///
    /// # Errors
    /// Why it is malformed.
    #[inline(always)]
    pub const fn check(&self, protocol: u8) -> Result<(), Reason> {
        if self.end() > MAX_END {
            return Err(Reason::FragmentEnd);
        }
        if self.more && (self.length == 0 || !self.length.is_multiple_of(8)) {
            return Err(Reason::FragmentLength);
        }
        // RFC 3128 4.2: at offset 8 lie the data offset and the flags. Further on nothing that a rule looks at does,
        // and a first fragment must hold 20 bytes of TCP header anyway.
        if self.offset == 8 && protocol == TCP {
            return Err(Reason::FragmentTcpFlags);
        }
        Ok(())
    }
}
