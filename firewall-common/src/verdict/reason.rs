//! Why a packet got its verdict.

use super::Verdict;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $($verdict:ident)|+ => $reference:literal,)+) => {
        /// Why a packet got its verdict. This is the only place that names a reason: code, text, JSON and metrics
        /// derive from it.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in the order of [`Reason::code`].
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kebab-case name that users see.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, in a sentence.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start()),+ }
            }

            /// Where it's specified: an RFC, with its section if it's one section's matter, or a place in this project's
            /// documentation.
            pub const fn reference(self) -> &'static str {
                match self { $(Self::$variant => $reference),+ }
            }

            /// The verdicts that it can come with: no other is ever seen with it.
            pub const fn verdicts(self) -> &'static [Verdict] {
                match self { $(Self::$variant => &[$(Verdict::$verdict),+]),+ }
            }
        }
    };
}

reasons! {
    /// The EtherType is neither IPv4, IPv6 nor ARP.
    NotIp = "not-ip": Pass => "ARCHITECTURE.md#a-packets-way",
    /// ARP, without which IPv4 has no link.
    Arp = "arp": Pass => "RFC 826",
    /// IPv6 neighbour discovery from this link (RFC 4861: hop limit 255).
    NeighbourDiscovery = "neighbour-discovery": Pass => "RFC 4861 6.1",
    /// A multicast listener's message on this link (RFC 2710, RFC 3810: hop limit 1, link-local source).
    MulticastListener = "multicast-listener": Pass => "RFC 3810 5",
    /// ICMPv6 packet too big, or ICMP fragmentation needed: path-MTU discovery.
    PacketTooBig = "packet-too-big": Pass => "RFC 4890 4.3.1",
    /// An ICMP error that tells of a packet's fate: destination unreachable, time exceeded, parameter problem (RFC 4890).
    IcmpError = "icmp-error": Pass => "RFC 4890 4.3.1",
    /// It belongs to a flow that this host opened.
    Reply = "reply": Pass => "docs/replies.md#what-is-accepted",
    /// An ICMP error about a packet of a flow that this host opened.
    Related = "related": Pass => "docs/replies.md#what-is-accepted",
    /// A rule matched.
    Rule = "rule": Pass | Drop | Reject => "docs/rules.md#how-a-packet-is-judged",
    /// No rule matched.
    Default = "default": Pass | Drop | Reject => "docs/rules.md#how-a-packet-is-judged",
    /// A trailing fragment of a datagram whose first fragment was judged.
    Inherited = "inherited": Pass | Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A trailing fragment whose first fragment hasn't been seen: the early policy.
    Early = "early": Pass | Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A first fragment that was denied after trailing ones of its datagram had passed as early ones.
    LateDenial = "late-denial": Drop => "docs/fragments.md#a-datagrams-fragments",
    /// A fragment that finds no room in the reassembly budget, of its source or of all strangers.
    FragmentBudget = "fragment-budget": Drop => "docs/fragments.md#the-reassembly-budget",
    /// The frame ends inside a header.
    Truncated = "truncated": Drop => "docs/fragments.md#what-drops-by-itself",
    /// The IP version is not the one that the EtherType says.
    IpVersion = "ip-version": Drop => "RFC 8200 3",
    /// The IPv4 header length is below 20 bytes, or beyond the total length.
    IpHeaderLength = "ip-header-length": Drop => "RFC 791 3.1",
    /// The IP length is beyond the frame.
    IpLength = "ip-length": Drop => "RFC 791 3.1",
    /// More IPv6 extension headers than are followed.
    ExtensionChain = "extension-chain": Drop => "RFC 8200 4.1",
    /// A hop-by-hop header that doesn't come right after the IPv6 header (RFC 8200 4.1).
    ExtensionOrder = "extension-order": Drop => "RFC 8200 4.1",
    /// A routing header of type 0 (RFC 5095).
    RoutingHeader0 = "routing-header-0": Drop => "RFC 5095 3",
    /// More than one Fragment header.
    NestedFragment = "nested-fragment": Drop => "RFC 8200 4.1",
    /// A transport or extension header that ends outside its packet.
    TransportHeader = "transport-header": Drop => "docs/fragments.md#what-drops-by-itself",
    /// A fragment that ends past byte 65535 of its datagram.
    FragmentEnd = "fragment-end": Drop => "RFC 8200 4.5",
    /// A fragment with more to follow whose length is zero or no multiple of 8.
    FragmentLength = "fragment-length": Drop => "RFC 8200 4.5",
    /// A first fragment without the whole header chain and transport header (RFC 7112).
    FragmentHeaders = "fragment-headers": Drop => "RFC 7112 5",
    /// A trailing fragment that begins inside its first one (RFC 5722).
    FragmentOverlap = "fragment-overlap": Drop => "RFC 5722 4",
    /// A TCP fragment at an offset that could rewrite the flags (RFC 1858, RFC 3128).
    FragmentTcpFlags = "fragment-tcp-flags": Drop => "RFC 3128",
    /// Neighbour discovery behind a Fragment header (RFC 6980).
    FragmentNeighbourDiscovery = "fragment-neighbour-discovery": Drop => "RFC 6980 5",
}

impl Reason {
    /// Its number in records and counters.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_their_own_code_and_name() {
        for (i, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), i);
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!(Reason::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
            assert!(reason.describe().ends_with('.') && !reason.describe().contains('|'));
            assert!(!reason.verdicts().is_empty());
        }
        assert_eq!(Reason::from_code(Reason::ALL.len() as u8), None);
    }
}
