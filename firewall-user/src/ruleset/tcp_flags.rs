//! Flags of a TCP header.

/// Which of the flags in byte 13 of a TCP header (RFC 9293 section 3.1) must be set, and which must not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TcpFlags {
    set: u8,
    mask: u8,
}

impl TcpFlags {
    /// The flags that `set` has among those of `mask`; `None` if it has one that isn't among them, or there's none among them.
    pub const fn new(set: u8, mask: u8) -> Option<Self> {
        if mask == 0 || set & !mask != 0 { None } else { Some(Self { set, mask }) }
    }

    /// The first segment of a connection: SYN, but none of ACK, RST and FIN.
    pub const SYN: Self = Self { set: 0x02, mask: 0x17 };

    /// The flags that must be set.
    pub const fn set(self) -> u8 {
        self.set
    }

    /// The flags that are looked at.
    pub const fn mask(self) -> u8 {
        self.mask
    }

    /// Whether a header with those flags fits.
    pub const fn fit(self, flags: u8) -> bool {
        flags & self.mask == self.set
    }
}
