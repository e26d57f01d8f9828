//! Flags of a TCP header.

use std::fmt;

/// The flags' names, from the lowest bit on. CWR and ECE are RFC 3168's.
pub const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

/// Which of the flags in byte 13 of a TCP header (RFC 9293 section 3.1) must be set, and which must not. Its
/// [`Display`](fmt::Display) form is its canonical text.
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

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { set, mask } = self;
        match *self {
            Self::SYN => f.write_str("syn"),
            _ if set == mask => write!(f, "flags {}", list(set)),
            _ => write!(f, "flags {}/{}", list(set), list(mask)),
        }
    }
}

/// The flags among `bits`, as a rule writes them.
pub fn list(bits: u8) -> String {
    match bits {
        0 => "none".to_owned(),
        0xff => "all".to_owned(),
        _ => {
            let set = (0..).zip(FLAGS).filter(|(bit, _)| bits & 1 << bit != 0);
            set.map(|(_, name)| name).collect::<Vec<_>>().join(",")
        }
    }
}

/// The flags that `word` names, in upper or lower case.
pub fn named(word: &str) -> Option<u8> {
    let is = |name: &str| name.eq_ignore_ascii_case(word);
    match FLAGS.iter().position(|name| is(name)) {
        Some(bit) => Some(1 << bit),
        None if is("all") => Some(0xff),
        None if is("none") => Some(0),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_as_rules_have_them() {
        for (set, mask, text) in [
            (0x02, 0x17, "syn"),
            (0x02, 0x02, "flags syn"),
            (0x12, 0x12, "flags syn,ack"),
            (0x10, 0x17, "flags ack/fin,syn,rst,ack"),
            (0, 0xff, "flags none/all"),
            (0xff, 0xff, "flags all"),
            (0xc0, 0xc1, "flags ece,cwr/fin,ece,cwr"),
        ] {
            assert_eq!(TcpFlags::new(set, mask).unwrap().to_string(), text);
        }
        assert_eq!(named("SYN"), Some(0x02));
        assert_eq!(named("syn,ack"), None);
    }

    #[test]
    fn nothing_is_asked_in_vain() {
        assert_eq!(TcpFlags::new(0, 0), None);
        assert_eq!(TcpFlags::new(3, 1), None);
        assert!(TcpFlags::SYN.fit(0x42) && !TcpFlags::SYN.fit(0x12) && !TcpFlags::SYN.fit(0x06));
    }
}
