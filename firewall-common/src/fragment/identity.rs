//! What makes fragments belong together: the key by which the kernel's own reassembly joins them, hashed. And whom they
//! come from.
//!
//! IPv6: source, destination, identification (RFC 8200 4.5), and the link only where the destination is link-local or
//! multicast. IPv4: source, destination, identification, protocol (RFC 791 3.2).

use crate::{
    packet::{Bytes, Family, Ip, Wire, ipv4, ipv6},
    reply::flow::Side,
};

/// How many 64-bit words a [`HashKey`] has.
pub const KEY_WORDS: usize = 22;

/// The secret that identities are hashed with: random, new for each fragment table.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct HashKey(pub [u64; KEY_WORDS]);

/// Says that there's a key, and keeps it secret.
impl core::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The hash of an identity. All 64 bits are stored; the upper ones also choose the set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct Identity(pub u64);

/// The hash of a source: of the network that a host can choose addresses from at will, an IPv6 /64 (RFC 4291 2.5.1) or an
/// IPv4 address. The upper bits also choose its set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct Source(pub u64);

/// What the tables know a fragment by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keys {
    /// Its datagram.
    pub identity: Identity,
    /// Who sent it.
    pub source: Source,
}

/// Eight bytes, of which the hash takes halves.
trait Halves: Copy {
    /// The first four, and the others.
    fn halves(self) -> [u32; 2];
}

/// What was read at once is kept in one register, and taken apart when it's hashed: that takes little stack.
type Pair = [u32; 2];

/// What is read only when it's hashed is read by halves: that takes fewer instructions.
#[derive(Clone, Copy)]
#[repr(C)]
struct Apart {
    first: u32,
    second: u32,
}

impl Halves for Pair {
    #[inline(always)]
    fn halves(self) -> [u32; 2] {
        self
    }
}

impl Halves for Apart {
    #[inline(always)]
    fn halves(self) -> [u32; 2] {
        [self.first, self.second]
    }
}

/// The addresses of an IPv6 header as raw words: they are only compared and hashed on the machine they arrived at.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Addresses6<P> {
    source: [P; 2],
    destination: [P; 2],
}

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Addresses4 {
    source: u32,
    destination: u32,
}

// SAFETY: packed, and made of integers only.
unsafe impl Wire for Addresses6<Pair> {}
// SAFETY: as above.
unsafe impl Wire for Addresses6<Apart> {}
// SAFETY: as above.
unsafe impl Wire for Addresses4 {}

impl HashKey {
    /// One term of the hash: Multilinear-HM (Lemire and Kaser, "Strongly universal string hashing is fast", 2014).
    /// The upper 32 bits of a sum of such terms are strongly universal: without the key nobody can choose packets
    /// that meet in one set. One multiplication for 8 bytes is all that BPF, which has no 128-bit product, needs.
    #[inline(always)]
    fn term(&self, index: usize, pair: impl Halves) -> u64 {
        let [first, second] = pair.halves();
        let high = self.word(index).wrapping_add(u64::from(second));
        let low = self.word(index + 1).wrapping_add(u64::from(first));
        high.wrapping_mul(low)
    }

    /// A word of the key. Volatile, since the compiler sees the kernel program's key before the loader has written it.
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: a reference to an element is valid to read from.
        unsafe { core::ptr::from_ref(&self.0[index]).read_volatile() }
    }

    /// The two words that boundaries between fragments are numbered with.
    pub(super) const fn boundary_seeds(&self) -> [u64; 2] {
        [self.0[18], self.0[19]]
    }

    /// The hash of an IPv6 source, of which only the upper half counts.
    #[inline(always)]
    fn source_v6(&self, network: impl Halves) -> u64 {
        self.word(0).wrapping_add(self.term(1, network))
    }

    /// The hash of an IPv4 source.
    #[inline(always)]
    fn source_v4(&self, address: u32) -> u64 {
        self.word(20).wrapping_add(self.word(21).wrapping_mul(u64::from(address)))
    }

    #[inline(always)]
    fn v6(&self, addresses: &Addresses6<impl Halves>, id: u32, scope: Option<Pair>) -> Keys {
        let source = self.source_v6(addresses.source[0]);
        let hash = source
            .wrapping_add(self.term(3, addresses.source[1]))
            .wrapping_add(self.term(5, addresses.destination[0]))
            .wrapping_add(self.term(7, addresses.destination[1]));
        let hash = match scope {
            None => hash.wrapping_add(self.term(11, [id, 0])),
            Some(scope) => hash.wrapping_add(self.term(9, scope)).wrapping_add(self.term(11, [id, 1])),
        };
        Keys { identity: Identity(hash), source: Source(source) }
    }

    #[inline(always)]
    fn v4(&self, source: u32, destination: u32, id: u32, protocol: u8) -> Keys {
        let hash = self
            .word(13)
            .wrapping_add(self.term(14, [destination, source]))
            .wrapping_add(self.term(16, [id, u32::from(protocol)]));
        let source = self.source_v4(source);
        Keys { identity: Identity(hash), source: Source(source) }
    }
}

/// The hash of a flow: of addresses, and of `last`, which holds the rest. `offset` is where the IP header begins, and `sender`
/// whose packet it is. `None` if the addresses can't be read.
#[inline(always)]
pub(crate) fn flow<B: Bytes + ?Sized>(
    bytes: &B,
    offset: usize,
    family: Family,
    sender: Side,
    last: u64,
    key: &HashKey,
) -> Option<u64> {
    let sum = match family {
        Family::V6 => {
            let Addresses6::<Pair> { source, destination } = bytes.read(offset + ipv6::ADDRESSES)?;
            let (local, remote) = match sender {
                Side::Local => (source, destination),
                Side::Remote => (destination, source),
            };
            key.word(0)
                .wrapping_add(key.term(1, local[0]))
                .wrapping_add(key.term(3, local[1]))
                .wrapping_add(key.term(5, remote[0]))
                .wrapping_add(key.term(7, remote[1]))
                .wrapping_add(key.term(9, halves(last)))
        }
        Family::V4 => {
            let Addresses4 { source, destination } = bytes.read(offset + ipv4::ADDRESSES)?;
            let (local, remote) = match sender {
                Side::Local => (source, destination),
                Side::Remote => (destination, source),
            };
            key.word(13).wrapping_add(key.term(14, [remote, local])).wrapping_add(key.term(16, halves(last)))
        }
    };
    // Only the upper half of such a sum is as good as random; what proves a flow takes bits of the lower one, too.
    let mixed = (sum ^ sum >> 32).wrapping_mul(key.word(11) | 1);
    Some(mixed ^ mixed >> 32)
}

/// The lower half of a number, and the upper one.
#[inline(always)]
const fn halves(number: u64) -> Pair {
    [number as u32, (number >> 32) as u32]
}

/// Whether an IPv6 destination that begins like this means something only on its link: multicast (`ff00::/8`) or link-local
/// (`fe80::/10`).
#[inline(always)]
const fn is_scoped(start: u32) -> bool {
    let [first, second, ..] = start.to_ne_bytes();
    first >= ipv6::LINK_LOCAL && (first == 0xff || second & 0xc0 == 0x80)
}

impl Source {
    /// Of a packet. `None` if its addresses can't be read.
    #[inline(always)]
    pub fn of<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, key: &HashKey) -> Option<Self> {
        match ip.family {
            Family::V6 => {
                let Addresses6::<Pair> { source, .. } = bytes.read(ip.offset + ipv6::ADDRESSES)?;
                Some(Self(key.source_v6(source[0])))
            }
            Family::V4 => {
                let Addresses4 { source, .. } = bytes.read(ip.offset + ipv4::ADDRESSES)?;
                Some(Self(key.source_v4(source)))
            }
        }
    }
}

impl Keys {
    /// Of `ip`, a fragment with identification `id`; `interface` is the index of the interface it arrived on. `None` if the
    /// addresses can't be read.
    #[inline(always)]
    pub fn of<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, id: u32, key: &HashKey, interface: u32) -> Option<Self> {
        match ip.family {
            Family::V6 => {
                let addresses: Addresses6<Pair> = bytes.read(ip.offset_again() + ipv6::ADDRESSES)?;
                let is_scoped = is_scoped(addresses.destination[0][0]);
                Some(key.v6(&addresses, id, is_scoped.then_some([ip.vlans, interface])))
            }
            Family::V4 => Self::of_v4(bytes, ip.offset_again(), ip.protocol, id, key),
        }
    }

    /// The same of a fragment whose destination means the same on each link, in fewer instructions.
    #[inline(always)]
    pub fn of_plain<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, id: u32, key: &HashKey) -> Option<Self> {
        match ip.family {
            Family::V6 => bytes.look(ip.offset + ipv6::ADDRESSES, |addresses: &Addresses6<Apart>| {
                key.v6(addresses, id, None)
            }),
            Family::V4 => Self::of_v4(bytes, ip.offset, ip.protocol, id, key),
        }
    }

    #[inline(always)]
    fn of_v4<B: Bytes + ?Sized>(
        bytes: &B,
        offset: usize,
        protocol: u8,
        id: u32,
        key: &HashKey,
    ) -> Option<Self> {
        let Addresses4 { source, destination } = bytes.read(offset + ipv4::ADDRESSES)?;
        Some(key.v4(source, destination, id, protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> HashKey {
        let mut state = 0x243f_6a88_85a3_08d3_u64;
        HashKey(core::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }))
    }

    fn v6(source: [Pair; 2], destination: [Pair; 2], id: u32, scope: Option<Pair>) -> Keys {
        let keys = key().v6(&Addresses6 { source, destination }, id, scope);
        let apart = |address: [Pair; 2]| address.map(|[first, second]| Apart { first, second });
        let addresses = Addresses6 { source: apart(source), destination: apart(destination) };
        assert_eq!(key().v6(&addresses, id, scope), keys);
        keys
    }

    proptest! {
        #[test]
        fn each_part_of_an_identity_counts(
            addresses in any::<[[Pair; 2]; 2]>(), id in any::<u32>(), scope in any::<Option<Pair>>(),
            flip in 0usize..11, bit in 0u32..32,
        ) {
            let [source, destination] = addresses;
            let before = v6(source, destination, id, scope);
            let (mut other, mut other_id, mut other_scope) = (addresses, id, scope);
            match flip {
                8 => other_id ^= 1 << bit,
                9 => other_scope = if scope.is_some() { None } else { Some([0, 0]) },
                10 => other_scope = scope.map(|[vlans, interface]| [vlans, interface ^ 1 << bit]).or(Some([0, 0])),
                n => other[n / 4][n / 2 % 2][n % 2] ^= 1 << bit,
            }
            let [source, destination] = other;
            prop_assert_ne!(before.identity, v6(source, destination, other_id, other_scope).identity);
        }

        #[test]
        fn each_part_of_an_ipv4_identity_counts(source: u32, destination: u32, id: u16, protocol: u8, bit in 0u32..88) {
            let before = key().v4(source, destination, u32::from(id), protocol);
            let after = match bit {
                0..32 => key().v4(source ^ 1 << bit, destination, u32::from(id), protocol),
                32..64 => key().v4(source, destination ^ 1 << (bit - 32), u32::from(id), protocol),
                64..80 => key().v4(source, destination, u32::from(id ^ 1 << (bit - 64)), protocol),
                _ => key().v4(source, destination, u32::from(id), protocol ^ 1 << (bit - 80)),
            };
            prop_assert_ne!(before.identity, after.identity);
            prop_assert_eq!(before.source == after.source, bit >= 32);
        }

        #[test]
        fn a_source_is_an_ipv6_prefix_of_64_bits(
            address: [Pair; 2], other: [Pair; 2], destinations: [[Pair; 2]; 2], ids: [u32; 2], bit in 0usize..64,
        ) {
            let source = v6(address, destinations[0], ids[0], None).source;
            let [mut prefix, host] = address;
            prop_assert_eq!(source, v6([prefix, other[1]], destinations[1], ids[1], Some([7, 0])).source);
            prefix[bit / 32] ^= 1 << (bit % 32);
            prop_assert_ne!(source, v6([prefix, host], destinations[0], ids[0], None).source);
        }
    }

    /// What the kernel does: `ip6_frag_queue` keys by interface for link-local and multicast destinations only.
    #[test]
    fn only_link_local_and_multicast_destinations_are_scoped() {
        for (address, scoped) in [
            ([0xfe, 0x80], true),
            ([0xfe, 0xbf], true),
            ([0xfe, 0xc0], false),
            ([0xfe, 0x7f], false),
            ([0xff, 0x02], true),
            ([0xff, 0x0e], true),
            ([0x20, 0x01], false),
            ([0xfd, 0x00], false),
        ] {
            let start = u32::from_ne_bytes([address[0], address[1], 0, 0]);
            assert_eq!(is_scoped(start), scoped, "{address:x?}");
        }
    }

    /// Sequential identifications, as hosts send them, spread evenly over the sets.
    #[test]
    fn sequential_identifications_spread() {
        let mut counts = [0u32; 1024];
        for id in 0..64 * 1024 {
            let Identity(hash) = v6([[1, 0], [2, 0]], [[3, 0], [4, 0]], id, None).identity;
            counts[(hash >> 54) as usize] += 1;
        }
        // 64 expected in each; a Poisson variable of mean 64 beyond 128 has a probability below 1e-11.
        assert!(counts.iter().all(|&n| (8..128).contains(&n)), "{counts:?}");
    }
}
