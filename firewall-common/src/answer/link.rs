//! The link-layer header of an answer: the packet's own, back to where it came from, by the same VLANs.

use super::BytesMut;
use crate::packet::{
    Bytes,
    ethernet::{HEADER, MAX_TAGS, TAG},
};

/// Length of an Ethernet address, in bytes.
const ADDRESS: usize = 6;
/// Where the EtherType lies, in bytes: the one behind the addresses, which is the first tag's if there's one.
const ETHERTYPE: usize = 2 * ADDRESS;

/// The bit of an Ethernet address's first byte that says it's a group's (IEEE 802.3 3.2.3).
const GROUP: u8 = 1;

/// Whether a frame goes from one station to another, not to a group or from one; `None` if it can't be read.
#[inline(always)]
pub(super) fn is_between_stations<B: Bytes + ?Sized>(bytes: &B) -> Option<bool> {
    let [destination, source]: [u8; 2] = [bytes.read(0)?, bytes.read(ADDRESS)?];
    Some((destination | source) & GROUP == 0)
}

/// Writes the header of an answer to a frame whose packet's own, of `length` bytes, begins at `packet`.
#[inline(always)]
pub(super) fn write<B: BytesMut + ?Sized>(frame: &mut B, packet: usize, length: usize) -> Option<()> {
    let [destination, source]: [[u8; ADDRESS]; 2] = frame.read(packet)?;
    let ethertype: [u8; 2] = frame.read(packet + ETHERTYPE)?;
    frame.write(0, [source, destination])?;
    frame.write(ETHERTYPE, ethertype)?;
    for n in 0..MAX_TAGS {
        // With the EtherType behind it.
        let at = HEADER + n * TAG;
        if length >= at + TAG {
            let tag: [u8; TAG] = frame.read(packet + at)?;
            frame.write(at, tag)?;
        }
    }
    Some(())
}
