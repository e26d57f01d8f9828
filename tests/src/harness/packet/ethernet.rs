//! Ethernet II frames with VLAN tags.

use super::Payload;

/// Where it goes to and comes from: two locally administered addresses.
const ADDRESSES: [u8; 12] = [0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01];

/// A frame.
#[derive(Clone, Debug)]
pub struct Ether {
    tags: Vec<(u16, u16)>,
    ethertype: u16,
    payload: Vec<u8>,
    padding: usize,
}

impl Ether {
    /// A frame around a packet.
    pub fn to<P: Payload>(packet: P) -> Self {
        Self::raw(P::ETHERTYPE, &packet.bytes())
    }

    /// A frame around anything.
    pub fn raw(ethertype: u16, payload: &[u8]) -> Self {
        Self { tags: Vec::new(), ethertype, payload: payload.to_vec(), padding: 0 }
    }

    /// Adds a VLAN tag inside those that are there: its EtherType (0x8100, 0x88a8) and its control field.
    #[must_use]
    pub fn tag(mut self, ethertype: u16, control: u16) -> Self {
        self.tags.push((ethertype, control));
        self
    }

    /// Bytes behind the packet, as links add them to short frames.
    #[must_use]
    pub fn padding(mut self, length: usize) -> Self {
        self.padding = length;
        self
    }

    /// The bytes.
    pub fn frame(&self) -> Vec<u8> {
        let Self { tags, ethertype, payload, padding } = self;
        let mut frame = ADDRESSES.to_vec();
        for (kind, control) in tags {
            frame.extend(kind.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame.resize(frame.len() + padding, 0xa5);
        frame
    }
}
