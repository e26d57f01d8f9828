//! What can be wrong with a capture, and where.

use std::fmt;
use std::io;

use super::MAX_PACKET;
use super::link::{self, LinkType};

/// Why a capture could not be read on. Each names the input and the place in it.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file can't be opened.
    #[error("can't open {input}")]
    Open {
        /// The path.
        input: String,
        /// What the system said.
        source: io::Error,
    },
    /// The input can't be read on.
    #[error("can't read {input} at offset {offset}")]
    Read {
        /// The path, or "standard input".
        input: String,
        /// Where reading failed, in bytes from the beginning.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// There isn't a byte in the input.
    #[error("{input} is empty: give a pcap file, a pcapng file or a hex dump")]
    Empty {
        /// The path, or "standard input".
        input: String,
    },
    /// A pcap or pcapng file breaks its format.
    #[error("{input}, offset {offset}: {fault} ({})", Before(*packets))]
    File {
        /// The path, or "standard input".
        input: String,
        /// Where the header, record or block at fault begins, in bytes from the beginning of the file.
        offset: u64,
        /// How many packets were read before it.
        packets: u64,
        /// What is wrong.
        fault: FileFault,
    },
    /// A hex dump can't be understood.
    #[error("{input}, line {line}, column {column}: {fault} ({})", Before(*packets))]
    Text {
        /// The path, or "standard input".
        input: String,
        /// The line, from 1.
        line: u64,
        /// The character in the line, from 1; a tab is one character.
        column: usize,
        /// How many packets were read before it.
        packets: u64,
        /// What is wrong.
        fault: TextFault,
    },
}

/// What can be wrong with a pcap or pcapng file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// The file is of no known format.
    #[error("{} is the beginning of no pcap file, pcapng file or hex dump{}", Bytes(bytes), hint(bytes))]
    Magic {
        /// The first four bytes, or fewer if the file has no more.
        bytes: Vec<u8>,
    },
    /// The file ends within something.
    #[error(
        "the file ends at offset {end}, {missing} bytes short of the end of {part}: the capture is truncated"
    )]
    CutShort {
        /// What is cut.
        part: Part,
        /// How many bytes of it are missing (at least, where the cut hides its length).
        missing: u64,
        /// The file's length in bytes.
        end: u64,
    },
    /// The file's version isn't supported.
    #[error("version {major}.{minor} of the format isn't supported, only {supported}")]
    Version {
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
        /// The versions that are.
        supported: &'static str,
    },
    /// The packets are of a link type that can't be turned into Ethernet frames.
    #[error("link type {}{} isn't supported, only {}", link::Named(*number), OnInterface(*interface), link::Supported)]
    LinkType {
        /// The LINKTYPE_ number.
        number: u16,
        /// The pcapng interface that has it.
        interface: Option<u32>,
    },
    /// A packet is shorter than its link header.
    #[error("packet {packet} has {captured} bytes, less than the {needed} of its link header ({link})")]
    LinkHeader {
        /// The packet's number.
        packet: u64,
        /// The link type.
        link: LinkType,
        /// How many bytes were captured.
        captured: usize,
        /// The link header's length.
        needed: usize,
    },
    /// A packet's captured length is beyond belief.
    #[error(
        "packet {packet} claims {captured} captured bytes, more than the {MAX_PACKET} a capture can hold"
    )]
    TooLong {
        /// The packet's number.
        packet: u64,
        /// The length it claims.
        captured: u32,
    },
    /// A packet's original length is beyond belief.
    #[error("packet {packet} claims to have had {original} bytes, more than the {MAX_PACKET} of the longest")]
    OriginalTooLong {
        /// The packet's number.
        packet: u64,
        /// The length it claims.
        original: u32,
    },
    /// More bytes of a packet were captured than it had.
    #[error("packet {packet} claims {captured} captured bytes of {original}")]
    MoreThanOriginal {
        /// The packet's number.
        packet: u64,
        /// The captured length it claims.
        captured: u32,
        /// The original length it claims.
        original: u32,
    },
    /// A pcapng section's byte-order magic is none.
    #[error("the section header's byte-order magic is {}, not 1a 2b 3c 4d in either order", Bytes(bytes))]
    ByteOrder {
        /// The four bytes in its place.
        bytes: [u8; 4],
    },
    /// A pcapng block's length can't be.
    #[error(
        "a block of type {kind:#010x} claims {length} bytes, but must be a multiple of 4, at least {least}"
    )]
    BlockLength {
        /// The block's type.
        kind: u32,
        /// Its total length in bytes, as claimed.
        length: u32,
        /// The least it can be, by its type and the packet in it.
        least: u64,
    },
    /// The length at a pcapng block's end isn't the one at its beginning.
    #[error("a block of type {kind:#010x} claims {head} bytes at its beginning and {tail} at its end")]
    BlockTrailer {
        /// The block's type.
        kind: u32,
        /// The length at its beginning.
        head: u32,
        /// The length at its end.
        tail: u32,
    },
    /// A pcapng packet names an interface that its section hasn't described.
    #[error("packet {packet} is of interface {interface}, but the section describes {described} so far")]
    UnknownInterface {
        /// The packet's number.
        packet: u64,
        /// The interface it names, from 0.
        interface: u32,
        /// How many interfaces are described.
        described: usize,
    },
    /// A pcapng section describes more interfaces than are kept.
    #[error("the section describes more than {most} interfaces")]
    TooManyInterfaces {
        /// How many are kept.
        most: usize,
    },
}

/// The part of a file that is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The file header (pcap) or the first section header (pcapng).
    FileHeader,
    /// The header of the packet with this number.
    PacketHeader(u64),
    /// The bytes of the packet with this number.
    PacketData(u64),
    /// The type and length that begin a pcapng block.
    BlockHeader,
    /// The pcapng block of this type.
    Block(u32),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileHeader => write!(f, "the file header"),
            Self::PacketHeader(packet) => write!(f, "packet {packet}'s header"),
            Self::PacketData(packet) => write!(f, "packet {packet}"),
            Self::BlockHeader => write!(f, "a block's header"),
            Self::Block(kind) => write!(f, "a block of type {kind:#010x}"),
        }
    }
}

/// What can be wrong with a hex dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// A character that no hex dump has here.
    #[error("{character:?} is no hex digit")]
    NotHex {
        /// The character.
        character: char,
    },
    /// A group of an odd number of digits.
    #[error(
        "{digits} digits make no whole bytes (dump with `xxd`, `hexdump -C`, `od -Ax -tx1` or `tcpdump -xx`)"
    )]
    OddDigits {
        /// How many digits the group has.
        digits: usize,
    },
    /// A group that isn't one byte in a dump that has one byte a group.
    #[error("a group of {digits} digits in a dump of single bytes")]
    NotOneByte {
        /// How many digits the group has.
        digits: usize,
    },
    /// An offset that isn't where the packet stands.
    #[error(
        "the offset is {found:#06x}, but {expected:#06x} bytes of the packet came before \
         (offsets are hexadecimal, and zero begins a packet)"
    )]
    Offset {
        /// The offset in the line.
        found: u64,
        /// The bytes the packet has so far.
        expected: u64,
    },
    /// A line without an offset within a dump with offsets.
    #[error("a line without an offset in a packet with offsets (an empty line ends a packet)")]
    NoOffset,
    /// The packet is longer than is believed.
    #[error("the packet has more than {MAX_PACKET} bytes (an empty line ends a packet)")]
    TooLong,
    /// The line is longer than any packet's.
    #[error("the line has more than {most} characters")]
    LineTooLong {
        /// The most that are read.
        most: usize,
    },
    /// A packet's heading is followed by no bytes.
    #[error("no bytes follow this packet's heading (print them with `tcpdump -xx`)")]
    HeadingAlone,
    /// A `*` is followed by no offset to say how often the row before it repeats.
    #[error("the dump ends in `*`, so the packet's length is unknown: add the line with its end offset")]
    RepeatAlone,
    /// The whole text has no packet.
    #[error("the text ends without a packet")]
    NoPacket,
}

/// How many packets came before the fault.
struct Before(u64);

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => write!(f, "no packet was read before it"),
            1 => write!(f, "the one packet before it was read"),
            packets => write!(f, "the {packets} packets before it were read"),
        }
    }
}

/// The pcapng interface a link type belongs to.
struct OnInterface(Option<u32>);

impl fmt::Display for OnInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(interface) => write!(f, " of interface {interface}"),
            None => Ok(()),
        }
    }
}

/// Bytes as two digits each.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a file that begins so is, and what to do with it.
fn hint(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x1f, 0x8b, ..] => ": it is compressed, run it through `gzip -dc`",
        [0x28, 0xb5, 0x2f, 0xfd] => ": it is compressed, run it through `zstd -dc`",
        [0xfd, b'7', b'z', b'X'] => ": it is compressed, run it through `xz -dc`",
        [0x04, 0x22, 0x4d, 0x18] => ": it is compressed, run it through `lz4 -dc`",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ": it looks like UTF-16 text, save it as UTF-8",
        [0x34, 0xcd, 0xb2, 0xa1] | [0xa1, 0xb2, 0xcd, 0x34] => {
            ": it is a modified pcap file, convert it with `editcap -F pcap`"
        }
        _ => "",
    }
}
