//! What senders can be told.

use crate::packet::Family;

/// What the sender of a rejected packet is told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Answer {
    /// Nobody listens there.
    #[default]
    PortUnreachable,
    /// A firewall forbids it.
    AdminProhibited,
    /// The host can't be reached.
    HostUnreachable,
    /// The network can't be reached.
    NetworkUnreachable,
    /// The host has no such protocol.
    ProtocolUnreachable,
    /// It's forbidden to reach the host.
    HostProhibited,
    /// It's forbidden to reach the network.
    NetworkProhibited,
    /// There's no route to the destination.
    NoRoute,
    /// The address can't be reached.
    AddressUnreachable,
    /// The source address isn't allowed to.
    PolicyFail,
    /// The route to the destination is one that rejects.
    RejectRoute,
    /// The TCP connection is reset.
    TcpReset,
}

/// The code of a destination-unreachable message: type 3 of ICMP (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1), type 1 of
/// ICMPv6 (RFC 4443 3.1). Or [`Code::RESET`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Code(pub u8);

impl Code {
    /// No such message but a TCP reset.
    pub const RESET: Self = Self(u8::MAX);
}

/// The codes of an answer, of IPv4 and of IPv6: [`Family::index`].
pub type Codes = [Code; Family::ALL.len()];

impl Answer {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::PortUnreachable,
        Self::AdminProhibited,
        Self::HostUnreachable,
        Self::NetworkUnreachable,
        Self::ProtocolUnreachable,
        Self::HostProhibited,
        Self::NetworkProhibited,
        Self::NoRoute,
        Self::AddressUnreachable,
        Self::PolicyFail,
        Self::RejectRoute,
        Self::TcpReset,
    ];

    /// How IPv4 and IPv6 say it. Where one of them has no code for it, that which comes nearest; RFC 7915 4.2 and 5.2
    /// translate most of them alike.
    pub const fn codes(self) -> Codes {
        let [v4, v6] = match self {
            Self::PortUnreachable => [3, 4],
            Self::AdminProhibited => [13, 1],
            Self::HostUnreachable | Self::AddressUnreachable => [1, 3],
            Self::NetworkUnreachable | Self::NoRoute => [0, 0],
            Self::ProtocolUnreachable => [2, 4],
            Self::HostProhibited => [10, 1],
            Self::NetworkProhibited => [9, 1],
            // Both are kinds of "prohibited" (RFC 4443 3.1).
            Self::PolicyFail => [13, 5],
            Self::RejectRoute => [13, 6],
            Self::TcpReset => return [Code::RESET; 2],
        };
        [Code(v4), Code(v6)]
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent byte: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Code {}
}
