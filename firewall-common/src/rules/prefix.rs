//! From an address to the set of rules that it satisfies: a trie whose nodes skip what their prefixes have in common.
//!
//! A node first compares all bits of the address above those that it branches by with the ones that led here; where they
//! differ, no prefix below it matches. Then it branches by as many bits as make the trie shallow.

/// An address as two words in host byte order, an IPv4 one in the upper 32 bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// The upper 64 bits.
    pub high: u64,
    /// The lower 64 bits.
    pub low: u64,
}

/// Where a trie goes on: at a node, or it ends in a set of rules. All zeros is set 0.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Branch(u32);

impl Branch {
    const NODE: u32 = 1 << 31;

    /// It ends in a set, numbered below 2^31.
    pub const fn set(number: u32) -> Self {
        Self(number & !Self::NODE)
    }

    /// It goes on at a node, numbered below 2^31.
    pub const fn node(number: u32) -> Self {
        Self(Self::NODE | number)
    }

    /// Whether it goes on.
    #[inline(always)]
    pub const fn is_node(self) -> bool {
        self.0 & Self::NODE != 0
    }

    /// The number of the node or the set.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0 & !Self::NODE
    }

    /// Its 32 bits.
    #[inline(always)]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The branch of those 32 bits.
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The most bits that a node branches by.
pub const MAX_WIDTH: u32 = 12;

/// The most nodes on the way to a set. A trie that is deeper can't be made ([`Node`]s branch by at least 8 bits, or are the
/// last).
pub const MAX_DEPTH: usize = 20;

/// A node, in a cache line of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C, align(64))]
pub struct Node {
    /// Which bits of an address are compared.
    pub mask: [u64; 2],
    /// What they must be.
    pub value: [u64; 2],
    /// Where its branches begin among all branches.
    pub base: u32,
    /// Where an address goes on that differs.
    pub miss: Branch,
    /// By how much a word of the address is shifted to give the bits that it branches by: at most 63.
    pub shift: u32,
    /// How many branches it has, less one: a power of two, less one.
    pub width: u32,
    /// Not 0: it branches by bits of the lower word.
    pub low: u32,
    /// Nothing, so that there's no padding.
    pub reserved: [u32; 3],
}

/// The tries of a ruleset.
pub trait Tries {
    /// A node; `None` if there is none of that number, which is an error of the loader's.
    fn node(&self, number: u32) -> Option<&Node>;

    /// A branch; `None` if there is none of that number, which is an error of the loader's.
    fn branch(&self, number: u32) -> Option<Branch>;

    /// The number of the set of rules that an address satisfies, from a trie's root; `None` if the loader has erred.
    #[inline(always)]
    fn find(&self, root: Branch, address: Address) -> Option<u32>
    where
        Self: Sized,
    {
        find(self, root, address)
    }
}

/// See [`Tries::find`].
#[inline(always)]
pub fn find(tries: &impl Tries, root: Branch, address: Address) -> Option<u32> {
    let mut branch = root;
    for _ in 0..MAX_DEPTH {
        if !branch.is_node() {
            return Some(branch.number());
        }
        let node = tries.node(branch.number())?;
        let differs =
            address.high & node.mask[0] ^ node.value[0] | address.low & node.mask[1] ^ node.value[1];
        if differs != 0 {
            // A miss is the end: a set, never a node.
            return Some(node.miss.number());
        }
        let word = if node.low != 0 { address.low } else { address.high };
        let offset = (word >> (node.shift & 63)) as u32 & node.width;
        branch = tries.branch(node.base.wrapping_add(offset))?;
    }
    if branch.is_node() { None } else { Some(branch.number()) }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent 32-bit integer: any bits are a value, and there's no padding.
    unsafe impl aya::Pod for super::Branch {}
    // SAFETY: integers only, laid out without padding: any bits are a value.
    unsafe impl aya::Pod for super::Node {}

    const _: () = assert!(size_of::<super::Node>() == 64);
}
