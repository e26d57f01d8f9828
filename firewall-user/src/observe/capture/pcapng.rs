//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length at both ends.

use super::input::Input;
use super::record::{ByteOrder, Lengths};
use super::{CaptureError, FileFault, LinkType, Packet, Part};

/// The type of a section header block: the same in both byte orders, and so the file's magic.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The block's type and length, and the length again at its end.
const FRAMING: u64 = 12;
/// How many bytes of a block's body are read at a fixed place, by its type.
const SECTION_BODY: usize = 16;
const INTERFACE_BODY: usize = 8;
const SIMPLE_BODY: usize = 4;
const PACKET_BODY: usize = 20;

/// The options of a packet's block: no more of them, and flags.
const END_OF_OPTIONS: u16 = 0;
const PACKET_FLAGS: u16 = 2;
/// Which of a packet's flags say which way it went, and what they are of one that went out.
const DIRECTION: u32 = 3;
const OUTBOUND: u32 = 2;

/// More interfaces than any machine captures on. It bounds the memory a file can claim.
const MAX_INTERFACES: usize = 65_536;

/// A pcapng file, in the section that was begun last.
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
}

/// What an interface description says.
#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    /// The most bytes of a packet that are captured, or 0 for all.
    snap_len: u32,
}

/// The block that is being read.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    /// Where it begins, in bytes from the beginning of the file.
    start: u64,
    /// Its length with framing, as its beginning claims.
    length: u32,
}

impl Block {
    /// How much of the block is left before the length at its end.
    fn rest(&self, input: &Input) -> u64 {
        self.start + u64::from(self.length) - 4 - input.offset()
    }

    /// Requires room for `body` bytes.
    fn require(&self, input: &Input, body: u64) -> Result<(), CaptureError> {
        let Self { kind, start, length } = *self;
        let least = FRAMING + body;
        if u64::from(length) < least || length % 4 != 0 {
            return Err(input.fault(start, FileFault::BlockLength { kind, length, least }));
        }
        Ok(())
    }

    /// Reads the first `N` bytes of the body.
    fn body<const N: usize>(&self, input: &mut Input) -> Result<[u8; N], CaptureError> {
        self.require(input, N as u64)?;
        let mut body = [0; N];
        if input.fill(&mut body)? < N {
            return Err(self.cut_short(input));
        }
        Ok(body)
    }

    /// Steps over what is left of the body, and checks the length at the end.
    fn finish(&self, input: &mut Input, order: ByteOrder) -> Result<(), CaptureError> {
        let rest = self.rest(input);
        let mut trailer = [0; 4];
        if input.skip(rest)? < rest || input.fill(&mut trailer)? < trailer.len() {
            return Err(self.cut_short(input));
        }
        let Self { kind, start, length: head } = *self;
        let tail = order.u32(&trailer, 0);
        if tail != head {
            return Err(input.fault(start, FileFault::BlockTrailer { kind, head, tail }));
        }
        Ok(())
    }

    /// The error that the input ended within the block.
    fn cut_short(&self, input: &Input) -> CaptureError {
        let part = match self.kind {
            SECTION if self.start == 0 => Part::FileHeader,
            kind => Part::Block(kind),
        };
        input.cut_short(self.start, part, input.offset() - self.start, u64::from(self.length))
    }
}

impl Pcapng {
    /// Reads the header of the first section.
    pub(super) fn open(input: &mut Input) -> Result<Self, CaptureError> {
        let mut pcapng = Self { order: ByteOrder::Little, interfaces: Vec::new() };
        let mut head = [0; 8];
        let found = input.fill(&mut head)? as u64;
        if found < 8 {
            return Err(input.cut_short(0, Part::FileHeader, found, FRAMING + SECTION_BODY as u64));
        }
        pcapng.section(input, 0, head)?;
        Ok(pcapng)
    }

    /// Reads up to and with the next packet, or none at the end of the file.
    pub(super) fn packet(&mut self, input: &mut Input) -> Result<Option<Packet>, CaptureError> {
        loop {
            let start = input.offset();
            let mut head = [0; 8];
            match input.fill(&mut head)? {
                0 => return Ok(None),
                8 => {}
                found => return Err(input.cut_short(start, Part::BlockHeader, found as u64, 8)),
            }
            if head.starts_with(&MAGIC) {
                self.section(input, start, head)?;
                continue;
            }
            let block = Block { kind: self.order.u32(&head, 0), start, length: self.order.u32(&head, 4) };
            let packet = match block.kind {
                INTERFACE => {
                    self.interface(input, block)?;
                    None
                }
                SIMPLE_PACKET => Some(self.simple_packet(input, block)?),
                OLD_PACKET | ENHANCED_PACKET => Some(self.enhanced_packet(input, block)?),
                _ => {
                    block.require(input, 0)?;
                    None
                }
            };
            block.finish(input, self.order)?;
            if let Some(packet) = packet {
                input.count_packet();
                return Ok(Some(packet));
            }
        }
    }

    /// Whether the options of a packet's block, of which the packet's `captured` bytes have been read, say that it went out. A
    /// block that ends inside them is [`Block::finish`]'s to complain of.
    fn is_outgoing(&self, input: &mut Input, block: Block, captured: u32) -> Result<bool, CaptureError> {
        input.skip(padded(captured) - u64::from(captured))?;
        let mut head = [0; 4];
        while block.rest(input) >= 4 && input.fill(&mut head)? == 4 {
            let (code, length) = (self.order.u16(&head, 0), self.order.u16(&head, 2));
            if code == END_OF_OPTIONS {
                break;
            }
            let rest = block.rest(input);
            let mut flags = [0; 4];
            if code == PACKET_FLAGS && length == 4 && rest >= 4 && input.fill(&mut flags)? == 4 {
                return Ok(self.order.u32(&flags, 0) & DIRECTION == OUTBOUND);
            }
            input.skip(padded(length.into()).min(rest))?;
        }
        Ok(false)
    }

    /// Begins a section: a byte order of its own, and no interfaces yet.
    fn section(&mut self, input: &mut Input, start: u64, head: [u8; 8]) -> Result<(), CaptureError> {
        // The length can't be understood before the byte order, which comes after it.
        let least = Block { kind: SECTION, start, length: FRAMING as u32 + SECTION_BODY as u32 };
        let mut magic = [0; 4];
        if input.fill(&mut magic)? < magic.len() {
            return Err(least.cut_short(input));
        }
        self.order = match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => ByteOrder::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => ByteOrder::Big,
            bytes => return Err(input.fault(start, FileFault::ByteOrder { bytes })),
        };
        let block = Block { length: self.order.u32(&head, 4), ..least };
        block.require(input, SECTION_BODY as u64)?;
        let mut rest = [0; SECTION_BODY - 4];
        if input.fill(&mut rest)? < rest.len() {
            return Err(block.cut_short(input));
        }
        let (major, minor) = (self.order.u16(&rest, 0), self.order.u16(&rest, 2));
        // The draft has readers take 1.2 for 1.0.
        if major != 1 || (minor != 0 && minor != 2) {
            return Err(input.fault(start, FileFault::Version { major, minor, supported: "1.0 and 1.2" }));
        }
        self.interfaces.clear();
        block.finish(input, self.order)
    }

    fn interface(&mut self, input: &mut Input, block: Block) -> Result<(), CaptureError> {
        let body: [u8; INTERFACE_BODY] = block.body(input)?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(input.fault(block.start, FileFault::TooManyInterfaces { most: MAX_INTERFACES }));
        }
        self.interfaces
            .push(Interface { link: self.order.u16(&body, 0), snap_len: self.order.u32(&body, 4) });
        Ok(())
    }

    fn enhanced_packet(&self, input: &mut Input, block: Block) -> Result<Packet, CaptureError> {
        let body: [u8; PACKET_BODY] = block.body(input)?;
        // The obsolete packet block has 16 bits of interface and 16 of drops where the enhanced one has 32 of interface.
        let id = match block.kind {
            OLD_PACKET => u32::from(self.order.u16(&body, 0)),
            _ => self.order.u32(&body, 0),
        };
        let (_, link) = self.described(input, block, id)?;
        let lengths = Lengths { captured: self.order.u32(&body, 12), original: self.order.u32(&body, 16) };
        lengths.check(input, block.start)?;
        block.require(input, PACKET_BODY as u64 + padded(lengths.captured))?;
        let packet = lengths.packet(input, block.start, link)?;
        let outgoing = packet.outgoing | self.is_outgoing(input, block, lengths.captured)?;
        Ok(Packet { outgoing, ..packet })
    }

    fn simple_packet(&self, input: &mut Input, block: Block) -> Result<Packet, CaptureError> {
        let body: [u8; SIMPLE_BODY] = block.body(input)?;
        let (interface, link) = self.described(input, block, 0)?;
        let original = self.order.u32(&body, 0);
        // A simple packet doesn't say how much of it was captured: all, up to the snap length.
        let captured = if interface.snap_len == 0 { original } else { original.min(interface.snap_len) };
        let lengths = Lengths { captured, original };
        lengths.check(input, block.start)?;
        block.require(input, SIMPLE_BODY as u64 + padded(captured))?;
        lengths.packet(input, block.start, link)
    }

    /// The interface of that number and its link type. An unsupported link type matters only once a packet has it.
    fn described(&self, input: &Input, block: Block, id: u32) -> Result<(Interface, LinkType), CaptureError> {
        let Some(&interface) = self.interfaces.get(id as usize) else {
            let fault = FileFault::UnknownInterface {
                packet: input.packet(),
                interface: id,
                described: self.interfaces.len(),
            };
            return Err(input.fault(block.start, fault));
        };
        match LinkType::from_number(interface.link) {
            Some(link) => Ok((interface, link)),
            None => {
                let fault = FileFault::LinkType { number: interface.link, interface: Some(id) };
                Err(input.fault(block.start, fault))
            }
        }
    }
}

/// A packet's length with the bytes that pad it to a multiple of 4.
fn padded(captured: u32) -> u64 {
    u64::from(captured).next_multiple_of(4)
}
