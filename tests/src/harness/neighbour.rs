//! A host's neighbour, as a sender of packets.

use anyhow::Result;

use super::{
    host::Host,
    packet::{Ether, Payload},
    raw::RawSender,
};

/// Sends packets from the neighbour's interface, each in turn.
#[derive(Debug)]
pub struct Neighbour(RawSender);

impl Neighbour {
    /// The neighbour of a host.
    ///
    /// # Errors
    /// The kernel refuses the packet socket.
    pub fn new(host: &Host) -> Result<Self> {
        RawSender::new(&host.neighbour, "eth0").map(Self)
    }

    /// Sends a packet to the host, in a frame to its Ethernet address.
    ///
    /// # Errors
    /// The kernel refuses the frame.
    pub fn send(&self, packet: impl Payload) -> Result<()> {
        self.0.send_in_turn(&Ether::to(packet).frame())
    }
}
