//! Hex dumps as people paste them.
//!
//! Read are:
//! - bytes alone, in groups of any even number of digits; a packet ends at an empty line, or with the line that makes it as
//!   long as its IP header says, so that packets can stand one a line;
//! - `tcpdump -xx` and `-XX` (and `-x`, `-X`), with or without the lines about each packet, which begin a new one;
//! - `xxd`, `hexdump -C`, `od -Ax -tx1` and Wireshark's and tshark's dumps; the offset zero begins a new packet.
//!
//! A packet is read as its first line is: with offsets or without. `#` begins a comment, and a lone `*` stands for
//! repeated lines, as hexdump and od print it.
//!
//! A dump doesn't say what link header its packets have. They are taken as Ethernet frames, unless they fit an IP
//! packet exactly, without a link header (`tcpdump -x` leaves it out) or behind a Linux cooked one (`tcpdump -xx` of a
//! capture on `any`); see [`guess::frame`].

mod guess;
mod line;

use super::input::Input;
use super::{CaptureError, MAX_PACKET, Packet, TextFault};
use line::{Kind, Row};

/// The longest line that is read, in bytes: a whole packet in one line, with a space after every byte.
const MAX_LINE: usize = 3 * MAX_PACKET + 1024;

/// How far tcpdump indents a packet's rows, in columns. The rows of a dump that is part of a heading stand further in.
const ROW_INDENT: usize = 8;

/// Whether an input that begins so can be text: with no control characters but space, and none outside ASCII first.
/// A UTF-8 byte-order mark is text too.
pub(super) fn is_text(beginning: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    beginning.starts_with(BYTE_ORDER_MARK)
        || (beginning.first().is_some_and(u8::is_ascii) && !beginning.iter().any(control))
}

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// A hex dump, and the packet in it that is being read.
#[derive(Default)]
pub(super) struct Hex {
    line: Vec<u8>,
    /// The line's number, from 1.
    number: u64,
    /// The line has been looked at, but is yet to be read: it begins the next packet.
    held: bool,
    bytes: Vec<u8>,
    shape: Shape,
    /// The line of the heading whose bytes haven't come yet.
    heading: Option<u64>,
}

/// How the packet's lines are written.
#[derive(Default)]
enum Shape {
    /// It has none yet.
    #[default]
    Unknown,
    /// Bytes alone.
    Plain,
    /// With offsets. The last row began at this byte of the packet; after a `*` it is to be repeated.
    Rows { last: usize, repeat: bool },
}

impl Hex {
    /// Reads the next packet, or none at the end of the text.
    pub(super) fn packet(&mut self, input: &mut Input) -> Result<Option<Packet>, CaptureError> {
        loop {
            if !std::mem::take(&mut self.held) && !self.read_line(input)? {
                return self.end(input);
            }
            let kind = line::classify(&self.line);
            if self.begins_another(kind) {
                if matches!(self.shape, Shape::Rows { repeat: true, .. }) {
                    return Err(self.fault(input, 0, TextFault::RepeatAlone));
                }
                self.held = true;
                return Ok(Some(self.take(input)));
            }
            let ended = self.read(kind).map_err(|(index, fault)| self.fault(input, index, fault))?;
            if self.bytes.len() > MAX_PACKET {
                return Err(self.fault(input, 0, TextFault::TooLong));
            }
            if ended && !self.bytes.is_empty() {
                return Ok(Some(self.take(input)));
            }
        }
    }

    /// Reads a line, without its line end and the space before that. False at the end.
    fn read_line(&mut self, input: &mut Input) -> Result<bool, CaptureError> {
        if !input.line(&mut self.line, MAX_LINE)? {
            return Ok(false);
        }
        self.number += 1;
        if self.line.len() == MAX_LINE {
            return Err(input.text_fault(self.number, 1, TextFault::LineTooLong { most: MAX_LINE - 1 }));
        }
        self.line.truncate(self.line.trim_ascii_end().len());
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }

    /// Whether a line of this kind ends the packet that has been read so far.
    fn begins_another(&self, kind: Kind) -> bool {
        let zero = match kind {
            Kind::Blank | Kind::Heading => true,
            Kind::Row(row) if !self.is_plain(row) => row.offset == 0,
            Kind::Row(_) | Kind::Plain => matches!(self.shape, Shape::Plain) && guess::is_whole(&self.bytes),
            Kind::Remark | Kind::Repeat => false,
        };
        zero && !self.bytes.is_empty()
    }

    /// Whether what looks like a row is but bytes: a packet begun without offsets goes on without them, and its last
    /// line may be a group of four digits and one of two.
    fn is_plain(&self, row: Row) -> bool {
        matches!(self.shape, Shape::Plain) && !row.colon && !row.prefixed
    }

    /// Reads the line, and says whether it ends its packet.
    fn read(&mut self, kind: Kind) -> Result<bool, line::LineFault> {
        if let Some(number) = self.heading {
            // tcpdump -v goes on about the packet in lines of all kinds before the bytes, among them dumps of options.
            match kind {
                Kind::Row(row)
                    if line::indent(&self.line) <= ROW_INDENT && (row.offset == 0 || row.prefixed) =>
                {
                    self.heading = None;
                }
                Kind::Heading => {
                    self.number = number;
                    return Err((0, TextFault::HeadingAlone));
                }
                _ => return Ok(false),
            }
        }
        match kind {
            Kind::Blank => self.shape = Shape::Unknown,
            Kind::Remark => {}
            Kind::Heading => self.heading = Some(self.number),
            Kind::Repeat => match &mut self.shape {
                Shape::Rows { last, repeat } if *last < self.bytes.len() => *repeat = true,
                _ => {
                    let index = self.line.len() - 1;
                    return Err((index, TextFault::NotHex { character: '*' }));
                }
            },
            Kind::Row(row) if !self.is_plain(row) => {
                self.reach(row.offset, row.start)?;
                self.shape = Shape::Rows { last: self.bytes.len(), repeat: false };
                line::row_bytes(&self.line, row, &mut self.bytes)?;
            }
            Kind::Row(_) | Kind::Plain => return self.read_plain(),
        }
        Ok(false)
    }

    /// Reads a line without an offset. In a packet with offsets it can only be the offset of the packet's end.
    fn read_plain(&mut self) -> Result<bool, line::LineFault> {
        if matches!(self.shape, Shape::Rows { .. }) {
            let text = self.line.trim_ascii_start();
            let start = self.line.len() - text.len();
            let offset = line::number(text).ok_or((start, TextFault::NoOffset))?;
            self.reach(offset, start)?;
            self.shape = Shape::Unknown;
            return Ok(true);
        }
        self.shape = Shape::Plain;
        line::plain_bytes(&self.line, &mut self.bytes)?;
        Ok(false)
    }

    /// Requires the packet to stand at this offset, once the row that a `*` stands for has been repeated up to it.
    fn reach(&mut self, offset: u64, start: usize) -> Result<(), line::LineFault> {
        let expected = self.bytes.len() as u64;
        if let Shape::Rows { last, repeat: true } = self.shape
            && offset > expected
            && offset <= MAX_PACKET as u64
            && (offset - expected).is_multiple_of(expected - last as u64)
        {
            let row = self.bytes[last..].to_vec();
            while (self.bytes.len() as u64) < offset {
                self.bytes.extend_from_slice(&row);
            }
        } else if offset != expected {
            return Err((start, TextFault::Offset { found: offset, expected }));
        }
        Ok(())
    }

    /// What is left at the end of the text: a last packet, an error, or nothing.
    fn end(&mut self, input: &mut Input) -> Result<Option<Packet>, CaptureError> {
        if let Some(number) = self.heading {
            return Err(input.text_fault(number, 1, TextFault::HeadingAlone));
        }
        if let Shape::Rows { repeat: true, .. } = self.shape {
            return Err(input.text_fault(self.number, 1, TextFault::RepeatAlone));
        }
        if !self.bytes.is_empty() {
            return Ok(Some(self.take(input)));
        }
        if input.packet() == 1 {
            return Err(input.text_fault(self.number, 1, TextFault::NoPacket));
        }
        Ok(None)
    }

    /// Ends the packet.
    fn take(&mut self, input: &mut Input) -> Packet {
        let bytes = std::mem::take(&mut self.bytes);
        self.shape = Shape::Unknown;
        let number = input.packet();
        input.count_packet();
        let (link, frame) = guess::frame(bytes);
        Packet { number, original_len: frame.len(), frame, outgoing: false, link }
    }

    fn fault(&self, input: &Input, index: usize, fault: TextFault) -> CaptureError {
        let column = String::from_utf8_lossy(&self.line[..index]).chars().count() + 1;
        input.text_fault(self.number, column, fault)
    }
}
