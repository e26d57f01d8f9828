//! The pcap format (draft-ietf-opsawg-pcap): a 24-byte file header, then records of 16 bytes and a packet.

use super::input::Input;
use super::record::{ByteOrder, Lengths};
use super::{CaptureError, FileFault, LinkType, Packet, Part};

/// The length of the file header in bytes.
pub(super) const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Timestamps in microseconds or in nanoseconds, each in both byte orders.
const MAGICS: [([u8; 4], ByteOrder); 4] = [
    ([0xd4, 0xc3, 0xb2, 0xa1], ByteOrder::Little),
    ([0xa1, 0xb2, 0xc3, 0xd4], ByteOrder::Big),
    ([0x4d, 0x3c, 0xb2, 0xa1], ByteOrder::Little),
    ([0xa1, 0xb2, 0x3c, 0x4d], ByteOrder::Big),
];

/// The byte order of a pcap file that begins with these bytes, or none if it isn't one.
pub(super) fn byte_order(magic: &[u8]) -> Option<ByteOrder> {
    MAGICS.iter().find(|(bytes, _)| bytes == magic).map(|&(_, order)| order)
}

/// Whether a file of these few bytes could be the beginning of a pcap file.
pub(super) fn is_cut_magic(magic: &[u8]) -> bool {
    magic.len() < 4 && MAGICS.iter().any(|(bytes, _)| bytes.starts_with(magic))
}

/// A pcap file whose header has been read.
pub(super) struct Pcap {
    order: ByteOrder,
    link: LinkType,
}

impl Pcap {
    /// Reads the file header.
    pub(super) fn open(input: &mut Input, order: ByteOrder) -> Result<Self, CaptureError> {
        let mut header = [0; FILE_HEADER];
        input.fill_all(&mut header, 0, Part::FileHeader)?;
        let (major, minor) = (order.u16(&header, 4), order.u16(&header, 6));
        // Before 2.3 some writers had the two lengths of a record the other way round.
        if (major, minor) != (2, 4) && (major, minor) != (2, 3) {
            return Err(input.fault(0, FileFault::Version { major, minor, supported: "2.3 and 2.4" }));
        }
        // The upper 16 bits say whether frames end in a check sequence.
        let number = order.u32(&header, 20) as u16;
        match LinkType::from_number(number) {
            Some(link) => Ok(Self { order, link }),
            None => Err(input.fault(0, FileFault::LinkType { number, interface: None })),
        }
    }

    /// Reads the next packet, or none at the end of the file.
    pub(super) fn packet(&mut self, input: &mut Input) -> Result<Option<Packet>, CaptureError> {
        let start = input.offset();
        let mut header = [0; RECORD_HEADER];
        match input.fill(&mut header)? {
            0 => return Ok(None),
            RECORD_HEADER => {}
            found => {
                let part = Part::PacketHeader(input.packet());
                return Err(input.cut_short(start, part, found as u64, RECORD_HEADER as u64));
            }
        }
        let lengths = Lengths { captured: self.order.u32(&header, 8), original: self.order.u32(&header, 12) };
        lengths.check(input, start)?;
        let packet = lengths.packet(input, start, self.link)?;
        input.count_packet();
        Ok(Some(packet))
    }
}
