//! Ethernet II frames, and up to two VLAN tags.
//!
//! ```text
//!  6 bytes        6 bytes        2 bytes
//! +--------------+--------------+-----------+
//! | destination  | source       | EtherType |            IEEE 802.3
//! +--------------+--------------+-----------+
//!                               +-----------+-----------+-----------+
//!                               | TPID      | PCP,DEI,VID | EtherType |   IEEE 802.1Q, repeated for 802.1ad
//!                               +-----------+-----------+-----------+
//! ```

use super::{Be16, Bytes, Wire};
use crate::{opaque::any_of, verdict::Reason};

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of a VLAN tag (802.1Q).
pub const VLAN: u16 = 0x8100;
/// EtherType of a service VLAN tag (802.1ad).
pub const SERVICE_VLAN: u16 = 0x88a8;
/// EtherType that service VLAN tags bore before 802.1ad.
pub const OLD_SERVICE_VLAN: u16 = 0x9100;

/// Length of an Ethernet header, in bytes.
pub const HEADER: usize = 14;

/// The least length of a frame without its checksum, in bytes: shorter packets are padded to it.
pub const MIN_FRAME: usize = 60;

/// Length of a VLAN tag, in bytes.
pub const TAG: usize = 4;

/// How many VLAN tags are stepped over.
pub const MAX_TAGS: usize = 2;

/// More than where a payload begins at most, in bytes: a power of two.
const MAX_PAYLOAD: usize = 32;
const _: () = assert!(HEADER + MAX_TAGS * TAG < MAX_PAYLOAD);

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Header {
    _destination: [u8; 6],
    _source: [u8; 6],
    ethertype: Be16,
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Tag {
    control: Be16,
    ethertype: Be16,
}

// SAFETY: packed, and made of byte arrays and packed integers only.
unsafe impl Wire for Header {}
// SAFETY: as above.
unsafe impl Wire for Tag {}

/// What lies behind the link-layer header.
#[derive(Clone, Copy, Debug)]
pub struct Ethernet {
    /// The EtherType behind the tags, host byte order.
    pub ethertype: u16,
    /// Where the payload begins, in bytes.
    pub payload: usize,
    /// The VLAN identifiers, see [`super::Ip::vlans`].
    pub vlans: u32,
}

impl Ethernet {
    /// The same, told to the verifier in the same words whatever the number of tags: it walks what follows once, and not once for each.
    #[inline(always)]
    pub fn anywhere(self) -> Self {
        Self {
            payload: any_of(self.payload as u64, self.ethertype.into()) as usize & (MAX_PAYLOAD - 1),
            ..self
        }
    }
}

/// Whether a VLAN tag follows.
pub const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN)
}

/// Reads the Ethernet header and up to [`MAX_TAGS`] VLAN tags.
///
/// # Errors
/// [`Reason::Truncated`] if the frame ends inside them.
#[inline(always)]
pub fn parse<B: Bytes + ?Sized>(bytes: &B) -> Result<Ethernet, Reason> {
    let header: Header = bytes.read(0).ok_or(Reason::Truncated)?;
    let mut ethernet = Ethernet { ethertype: header.ethertype.value(), payload: HEADER, vlans: 0 };
    for _ in 0..MAX_TAGS {
        if !is_tag(ethernet.ethertype) {
            break;
        }
        let tag: Tag = bytes.read(ethernet.payload).ok_or(Reason::Truncated)?;
        ethernet.ethertype = tag.ethertype.value();
        ethernet.payload += TAG;
        ethernet.vlans = ethernet.vlans << 16 | u32::from(tag.control.value() & 0x0fff);
    }
    Ok(ethernet)
}
