//! Packets from a file: pcap, pcapng or a hex dump, told apart by their content.
//!
//! A [`Capture`] is an iterator that holds one packet at a time, so a capture of any size is read in the same memory.
//! Every packet comes out as an Ethernet frame, because that is what the XDP program is given: frames of the other
//! supported link types ([`LinkType`]) get an Ethernet header with zero addresses and the EtherType they stand for.
//!
//! The formats are read by this module's own code. A capture's faults must be told to the byte (where it is cut,
//! how much is missing, which packets before it are good) and packets cut by a snap length must be let through;
//! the general-purpose readers report neither offsets nor such packets.

mod error;
mod hex;
mod input;
mod link;
mod pcap;
mod pcapng;
mod record;
#[cfg(test)]
mod tests;
pub mod write;

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

pub use error::{CaptureError, FileFault, Part, TextFault};
pub use link::LinkType;

use hex::Hex;
use input::Input;
use pcap::Pcap;
use pcapng::Pcapng;

/// The longest packet that is believed, in bytes, captured or on the wire: 256 KiB, the largest snap length libpcap writes.
pub const MAX_PACKET: usize = 256 * 1024;

/// One packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// The packet as an Ethernet frame, without frame check sequence unless the capture holds one.
    pub frame: Vec<u8>,
    /// The frame's length on the wire, in bytes: larger than the frame if a snap length cut it.
    pub original_len: usize,
    /// Whether the capture says that it went out; else it came in, or the capture doesn't say.
    pub outgoing: bool,
    /// The link type it was captured with; for all but Ethernet the frame's Ethernet header was made up.
    pub link: LinkType,
}

/// The packets of a capture, in order. The iterator ends after the first error.
pub struct Capture {
    input: Input,
    format: Format,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    Hex(Hex),
}

impl Capture {
    /// Opens the capture at `path`, or standard input if `path` is `-`.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Open`] if the file can't be opened, and whatever [`Capture::from_reader`] returns.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        if path.as_os_str() == "-" {
            return Self::from_reader("standard input".into(), BufReader::new(stdin()));
        }
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::from_reader(name, BufReader::with_capacity(1 << 16, file)),
            Err(source) => Err(CaptureError::Open { input: name, source }),
        }
    }

    /// Reads the capture's header from `reader`; `name` stands for the input in errors.
    ///
    /// # Errors
    ///
    /// If the reader fails, the input is empty or of an unknown format, or the file header is cut short, of an
    /// unsupported version or (in a pcap file) of an unsupported link type.
    pub fn from_reader(name: String, reader: impl BufRead + 'static) -> Result<Self, CaptureError> {
        let (mut input, magic) = Input::new(name, reader)?;
        let format = if let Some(order) = pcap::byte_order(&magic) {
            Format::Pcap(Pcap::open(&mut input, order)?)
        } else if magic == pcapng::MAGIC {
            Format::Pcapng(Pcapng::open(&mut input)?)
        } else if hex::is_text(&magic) {
            Format::Hex(Hex::default())
        } else if pcap::is_cut_magic(&magic) {
            // A pcap file of fewer than four bytes: its own error says how much of the header is missing.
            return Err(input.cut_short(0, Part::FileHeader, magic.len() as u64, pcap::FILE_HEADER as u64));
        } else {
            return Err(input.fault(0, FileFault::Magic { bytes: magic }));
        };
        Ok(Self { input, format, ended: false })
    }
}

impl Capture {
    /// How many bytes have been read of it.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }
}

impl Iterator for Capture {
    type Item = Result<Packet, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let packet = match &mut self.format {
            Format::Pcap(pcap) => pcap.packet(&mut self.input),
            Format::Pcapng(pcapng) => pcapng.packet(&mut self.input),
            Format::Hex(hex) => hex.packet(&mut self.input),
        };
        self.ended = !matches!(packet, Ok(Some(_)));
        packet.transpose()
    }
}

impl std::iter::FusedIterator for Capture {}
