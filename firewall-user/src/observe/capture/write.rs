//! Writing a capture: pcapng (draft-ietf-opsawg-pcapng), with a comment on each packet.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use super::LinkType;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// No length is told of the section.
const UNKNOWN_LENGTH: u64 = u64::MAX;

const OPTION_COMMENT: u16 = 1;
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_PROGRAM: u16 = 4;
/// Times are in 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// A pcapng file that is written packet by packet.
#[derive(Debug)]
pub struct Writer<W> {
    file: W,
    /// The numbers of the interfaces, by name.
    interfaces: HashMap<String, u32>,
}

/// A packet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'p> {
    /// The name of its interface.
    pub interface: &'p str,
    /// When it came.
    pub time: SystemTime,
    /// Its frame's first bytes, from the Ethernet header on.
    pub head: &'p [u8],
    /// The frame's length.
    pub length: u32,
    /// What is said of it.
    pub comment: &'p str,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// It can't be written.
    pub fn new(mut file: W) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend(BYTE_ORDER.to_ne_bytes());
        body.extend(1_u16.to_ne_bytes());
        body.extend(0_u16.to_ne_bytes());
        body.extend(UNKNOWN_LENGTH.to_ne_bytes());
        option(&mut body, OPTION_PROGRAM, concat!("fragwall ", env!("CARGO_PKG_VERSION")).as_bytes());
        end_options(&mut body);
        block(&mut file, SECTION_HEADER, &body)?;
        Ok(Self { file, interfaces: HashMap::new() })
    }

    /// Writes a packet. It's in the file when this returns, unless the writer below holds it back.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&mut self, packet: &Written<'_>) -> io::Result<()> {
        let Written { interface, time, head, length, comment } = *packet;
        let interface = self.interface(interface)?;
        let nanoseconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()) as u64;
        let mut body = Vec::new();
        for number in [
            interface,
            (nanoseconds >> 32) as u32,
            nanoseconds as u32,
            head.len() as u32,
            length.max(head.len() as u32),
        ] {
            body.extend(number.to_ne_bytes());
        }
        body.extend(head);
        pad(&mut body);
        option(&mut body, OPTION_COMMENT, comment.as_bytes());
        end_options(&mut body);
        block(&mut self.file, ENHANCED_PACKET, &body)?;
        self.file.flush()
    }

    /// The number of an interface, which is described first if it's new.
    fn interface(&mut self, name: &str) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(name) {
            return Ok(*number);
        }
        let mut body = Vec::new();
        body.extend(LinkType::Ethernet.number().to_ne_bytes());
        body.extend([0; 2]);
        // No packet is cut at a fixed length that could be told.
        body.extend(0_u32.to_ne_bytes());
        option(&mut body, OPTION_NAME, name.as_bytes());
        option(&mut body, OPTION_RESOLUTION, &[NANOSECONDS]);
        end_options(&mut body);
        block(&mut self.file, INTERFACE_DESCRIPTION, &body)?;
        let number = self.interfaces.len() as u32;
        self.interfaces.insert(name.to_owned(), number);
        Ok(number)
    }
}

fn block(file: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = (body.len() + 12) as u32;
    let mut block = Vec::with_capacity(length as usize);
    block.extend(kind.to_ne_bytes());
    block.extend(length.to_ne_bytes());
    block.extend(body);
    block.extend(length.to_ne_bytes());
    // At once, so that a file that is cut off is cut between blocks as a rule.
    file.write_all(&block)
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(u16::MAX.into())];
    body.extend(code.to_ne_bytes());
    body.extend((value.len() as u16).to_ne_bytes());
    body.extend(value);
    pad(body);
}

fn end_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// Everything begins at a multiple of four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
