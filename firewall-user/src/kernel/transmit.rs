//! Whether an XDP program on an interface can send packets back out, as answers to rejected ones are.
//!
//! In generic mode it always can. In native mode the driver does it, and says whether it can where the kernel asks it
//! ([`super::netdev`]): what counts as basic includes it. But a veth hands what it sends to its peer, and
//! the peer takes it only while it polls: with receive offload (GRO) on, or with an XDP program of its own. The peer may be in
//! another network namespace; the kernel counts it in what it says of the veth.

use super::{
    netdev::XdpFeatures,
    netlink::{Interface, Mode},
};

/// Whether answers leave an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transmits {
    /// They do.
    Yes,
    /// They don't: its driver can't send.
    No,
    /// They don't: it's a veth whose peer doesn't take them.
    PeerDeaf,
    /// Nobody tells.
    Unknown,
}

impl Transmits {
    /// Whether they leave; `None` if that isn't known.
    pub const fn known(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No | Self::PeerDeaf => Some(false),
            Self::Unknown => None,
        }
    }

    /// Of an interface of this network namespace with a filter in that mode.
    pub fn of(interface: &Interface, mode: Mode) -> Self {
        match mode {
            Mode::Generic => Self::Yes,
            Mode::Hardware => Self::Unknown,
            Mode::Native => match XdpFeatures::of(interface.index) {
                Some(features) => Self::by(features, interface.is_veth),
                None => Self::Unknown,
            },
        }
    }

    /// As the driver says of its native mode.
    const fn by(features: XdpFeatures, is_veth: bool) -> Self {
        match (is_veth, features.takes_frames(), features.is_native()) {
            (_, _, false) => Self::No,
            (true, false, _) => Self::PeerDeaf,
            _ => Self::Yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veth_sends_if_its_peer_takes_frames() {
        for (features, is_veth, transmits) in [
            (0b111, true, Transmits::Yes),
            (0b011, true, Transmits::PeerDeaf),
            (0b011, false, Transmits::Yes),
            (0b000, true, Transmits::No),
            (0b000, false, Transmits::No),
        ] {
            assert_eq!(Transmits::by(XdpFeatures(features), is_veth), transmits, "{features:b}");
        }
    }
}
