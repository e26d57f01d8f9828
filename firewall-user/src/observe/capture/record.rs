//! What the records of pcap and the blocks of pcapng have in common: a byte order, and a packet's two lengths.

use super::input::Input;
use super::{CaptureError, FileFault, LinkType, MAX_PACKET, Packet, Part};

/// The byte order of the machine that wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The 16 bits at `at` in `bytes`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// The 32 bits at `at` in `bytes`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// What a pcap record or a pcapng block says of its packet's length, in bytes.
pub(super) struct Lengths {
    pub(super) captured: u32,
    pub(super) original: u32,
}

impl Lengths {
    /// Refuses lengths that can't be, before memory is set aside for them.
    pub(super) fn check(&self, input: &Input, start: u64) -> Result<(), CaptureError> {
        let Self { captured, original } = *self;
        let packet = input.packet();
        if captured as usize > MAX_PACKET {
            return Err(input.fault(start, FileFault::TooLong { packet, captured }));
        }
        if captured > original {
            return Err(input.fault(start, FileFault::MoreThanOriginal { packet, captured, original }));
        }
        if original as usize > MAX_PACKET {
            return Err(input.fault(start, FileFault::OriginalTooLong { packet, original }));
        }
        Ok(())
    }

    /// Reads the packet's bytes, which come next in `input`; its record begins at `start`. The lengths have been checked.
    pub(super) fn packet(
        &self,
        input: &mut Input,
        start: u64,
        link: LinkType,
    ) -> Result<Packet, CaptureError> {
        let number = input.packet();
        let mut bytes = vec![0; self.captured as usize];
        input.fill_all(&mut bytes, start, Part::PacketData(number))?;
        let outgoing = link.is_outgoing(&bytes);
        let (frame, original_len) =
            link.frame(bytes, self.original as usize, number).map_err(|fault| input.fault(start, fault))?;
        Ok(Packet { number, frame, original_len, outgoing, link })
    }
}
