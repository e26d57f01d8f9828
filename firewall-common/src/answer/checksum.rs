//! The Internet checksum, RFC 1071.

use crate::packet::{Bytes, Wire};

/// The ones' complement sum of 16-bit words, not folded yet. Words are added as they lie in memory, which gives the sum
/// as it lies there too (RFC 1071 2 (B)).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Sum(pub u64);

/// The most bytes that are summed up: what an ICMPv6 error quotes.
pub const MAX_LENGTH: usize = 1232;

/// How many bytes are read at once as long as there are so many.
const STEP: usize = 32;

/// Bytes whose parts can be summed up.
pub trait Sums: Bytes {
    /// The sum of `length` bytes from `offset` on, at most [`MAX_LENGTH`]; an odd last one counts as if a zero followed. `None`
    /// if they aren't there.
    #[inline(always)]
    fn sum(&self, offset: usize, length: usize) -> Option<Sum> {
        Sum::of(self, offset, length)
    }
}

impl Sums for [u8] {}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Words<const N: usize>([u32; N]);

// SAFETY: packed, and made of integers only.
unsafe impl<const N: usize> Wire for Words<N> {}

impl<const N: usize> Words<N> {
    #[inline(always)]
    fn sum(self) -> u64 {
        let Self(words) = self;
        words.iter().fold(0, |sum, &word| sum + u64::from(word))
    }
}

impl Sum {
    /// See [`Sums::sum`].
    #[inline(always)]
    pub fn of<B: Bytes + ?Sized>(bytes: &B, offset: usize, length: usize) -> Option<Self> {
        let mut sum = 0;
        let (mut at, mut left) = (offset, length);
        for _ in 0..MAX_LENGTH / STEP {
            if left < STEP {
                break;
            }
            sum += bytes.read::<Words<{ STEP / 4 }>>(at)?.sum();
            at += STEP;
            left -= STEP;
        }
        if left & 16 != 0 {
            sum += bytes.read::<Words<4>>(at)?.sum();
            at += 16;
        }
        if left & 8 != 0 {
            sum += bytes.read::<Words<2>>(at)?.sum();
            at += 8;
        }
        if left & 4 != 0 {
            sum += bytes.read::<Words<1>>(at)?.sum();
            at += 4;
        }
        if left & 2 != 0 {
            sum += u64::from(u16::from_ne_bytes(bytes.read(at)?));
            at += 2;
        }
        if left & 1 != 0 {
            sum += u64::from(u16::from_ne_bytes([bytes.read(at)?, 0]));
        }
        Some(Self(sum))
    }

    /// The sum of a header, of an even length.
    #[inline(always)]
    pub fn of_header<T: Wire>(header: &T) -> Self {
        const { assert!(size_of::<T>().is_multiple_of(2)) };
        let words = core::ptr::from_ref(header).cast::<u16>();
        let mut sum = 0;
        for n in 0..size_of::<T>() / 2 {
            // SAFETY: the word lies within the header, whose bytes are all written (the contract of Wire).
            sum += u64::from(unsafe { words.add(n).read_unaligned() });
        }
        Self(sum)
    }

    /// With a word added, which is in host byte order.
    #[inline(always)]
    pub const fn with(self, word: u16) -> Self {
        Self(self.0 + word.to_be() as u64)
    }

    /// With another sum added.
    #[inline(always)]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The sum in 16 bits.
    #[inline(always)]
    const fn folded(self) -> u16 {
        let mut sum = self.0;
        // What 2^48 bytes can amount to is below 2^16 after the fourth.
        sum = (sum >> 32) + (sum & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum as u16
    }

    /// The checksum, as it goes onto the wire, of what has this sum with zero in the checksum's place.
    #[inline(always)]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.folded()).to_ne_bytes()
    }

    /// Whether this is the sum of something whose checksum is right.
    #[inline(always)]
    pub const fn is_sound(self) -> bool {
        self.folded() == u16::MAX
    }
}
