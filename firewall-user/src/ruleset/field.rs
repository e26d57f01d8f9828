//! What rules ask about a packet, each by itself.

/// A field that a rule may name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// The IP version.
    Family,
    /// The protocol.
    Protocol,
    /// The destination port.
    Port,
    /// The source port.
    SourcePort,
    /// The type and code of an ICMP or ICMPv6 message.
    Icmp,
    /// The flags of a TCP header.
    Flags,
    /// The source address.
    Source,
    /// The destination address.
    Destination,
    /// The interface that the packet came in on.
    Interface,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Family,
        Self::Protocol,
        Self::Port,
        Self::SourcePort,
        Self::Icmp,
        Self::Flags,
        Self::Source,
        Self::Destination,
        Self::Interface,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "ip-version",
            Self::Protocol => "protocol",
            Self::Port => "destination-port",
            Self::SourcePort => "source-port",
            Self::Icmp => "icmp-type",
            Self::Flags => "tcp-flags",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Interface => "interface",
        }
    }
}
