//! From the bytes of a frame to what the rules and the fragment table ask of it.
//!
//! A layer a file: [`ethernet`], then [`ipv4`] or [`ipv6`] with its [`extension`] headers, then [`transport`]; or all at once where a packet is as [`plain`] as most. They read no
//! more than they need: addresses are read later, and only where something asks for them.

pub mod ethernet;
pub mod extension;
pub mod ipv4;
pub mod ipv6;
pub mod plain;
pub mod transport;

use crate::{fragment::Fragment, opaque::opaque};

/// A header as it lies in a packet.
///
/// # Safety
/// Every bit pattern of the type's size is a valid value, it has no padding, and its alignment is 1.
pub unsafe trait Wire: Copy {}

/// A 16-bit big-endian field.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct Be16(u16);

impl Be16 {
    /// The field of a value in host byte order.
    #[inline(always)]
    pub const fn new(value: u16) -> Self {
        Self(value.to_be())
    }

    /// The value in host byte order.
    #[inline(always)]
    pub const fn value(self) -> u16 {
        u16::from_be(self.0)
    }
}

/// A 32-bit big-endian field.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct Be32(u32);

impl Be32 {
    /// The field of a value in host byte order.
    #[inline(always)]
    pub const fn new(value: u32) -> Self {
        Self(value.to_be())
    }

    /// The value in host byte order.
    #[inline(always)]
    pub const fn value(self) -> u32 {
        u32::from_be(self.0)
    }
}

/// A 64-bit big-endian field.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Be64(u64);

impl Be64 {
    /// The value in host byte order.
    #[inline(always)]
    pub const fn value(self) -> u64 {
        u64::from_be(self.0)
    }
}

// SAFETY: a packed integer: any bits are a value, no padding, alignment 1.
unsafe impl Wire for Be16 {}
// SAFETY: as above.
unsafe impl Wire for Be32 {}
// SAFETY: as above.
unsafe impl Wire for Be64 {}
// SAFETY: a byte is a value whatever its bits.
unsafe impl Wire for u8 {}
// SAFETY: an array of what has no padding and an alignment of 1 has none either, and the same.
unsafe impl<T: Wire, const N: usize> Wire for [T; N] {}

/// The bytes of a frame, from its first link-layer byte.
pub trait Bytes {
    /// How many bytes there are.
    fn len(&self) -> usize;

    /// Reads a header at `offset`, or `None` if it isn't there as a whole.
    fn read<T: Wire>(&self, offset: usize) -> Option<T>;

    /// Looks at a header in its place, which spares reading all of it before any of it is needed; `None` if it isn't there as a
    /// whole.
    #[inline(always)]
    fn look<T: Wire, R>(&self, offset: usize, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.read(offset).map(|header| look(&header))
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Bytes for [u8] {
    fn len(&self) -> usize {
        self.len()
    }

    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        let bytes = self.get(offset..)?.get(..size_of::<T>())?;
        // SAFETY: the slice is as long as T, and any bytes make a T (its contract).
        Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }
}

/// An IP version.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// IPv4, RFC 791.
    V4,
    /// IPv6, RFC 8200.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// Its place among [`Family::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Ip {
    /// Which IP.
    pub family: Family,
    /// Where its header begins in the frame, in bytes.
    pub offset: usize,
    /// Where it ends in the frame, in bytes.
    pub end: usize,
    /// Where what comes after its IP headers begins in the frame, in bytes: its transport header, if it has one.
    pub payload: usize,
    /// The VLAN identifiers stepped over on the way, 16 bits each, the innermost in the lowest; zero without a tag.
    pub vlans: u32,
    /// Its place in a fragmented datagram.
    pub fragment: Fragment,
    /// The upper-layer protocol. Of a trailing fragment it's only what its own header says comes next.
    pub protocol: u8,
    /// What its transport header says; nothing for a trailing fragment.
    pub transport: transport::Transport,
}

impl Ip {
    /// Where its header begins, for who reads of it once more: the compiler knows that it's there and would leave out the comparison with
    /// the packet's end, which the verifier asks for each time where the place is none that it knows.
    #[inline(always)]
    pub fn offset_again(&self) -> usize {
        opaque(self.offset as u64) as usize
    }
}
