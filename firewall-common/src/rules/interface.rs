//! From the interface that a packet arrived on to the set of rules that it satisfies.

/// The most interfaces that a ruleset may name.
pub const MAX_INTERFACES: usize = 32;

const SLOT_BITS: u32 = 8;

/// How many slots the table has.
const SLOTS: usize = 1 << SLOT_BITS;

/// A hash table without collisions: the factor is chosen so that each interface has a slot of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Interfaces {
    factor: u32,
    /// The set that all other interfaces satisfy.
    others: u32,
    /// Index and set; no interface has the index 0.
    slots: [[u32; 2]; SLOTS],
}

impl Interfaces {
    /// The table for interfaces of these indexes and their sets, and for the set of all others; `None` if two have the same index,
    /// or there are more than [`MAX_INTERFACES`].
    pub fn new(interfaces: &[(u32, u32)], others: u32) -> Option<Self> {
        if interfaces.len() > MAX_INTERFACES {
            return None;
        }
        // Of so many at random, some factor suits with near certainty: each does with a probability of about one in eight.
        (0..10_000_u32).find_map(|n| Self::with_factor(n.wrapping_mul(0x9e37_79b9) | 1, interfaces, others))
    }

    fn with_factor(factor: u32, interfaces: &[(u32, u32)], others: u32) -> Option<Self> {
        let mut table = Self { factor, others, slots: [[0; 2]; SLOTS] };
        for &(index, set) in interfaces {
            let slot = &mut table.slots[slot(factor, index)];
            if slot[0] != 0 {
                return None;
            }
            *slot = [index, set];
        }
        Some(table)
    }

    /// Nothing: each interface satisfies set 0.
    pub const NONE: Self = Self { factor: 1, others: 0, slots: [[0; 2]; SLOTS] };

    /// The set that the interface of an index satisfies.
    #[inline(always)]
    pub fn set(&self, index: u32) -> u32 {
        // SAFETY: references to fields are valid to read from. Volatile, since the compiler sees the kernel program's table
        // before the loader has written it.
        let (factor, others) = unsafe {
            (
                core::ptr::from_ref(&self.factor).read_volatile(),
                core::ptr::from_ref(&self.others).read_volatile(),
            )
        };
        // SAFETY: as above.
        let [own, set] = unsafe { core::ptr::from_ref(&self.slots[slot(factor, index)]).read_volatile() };
        if own == index { set } else { others }
    }
}

#[inline(always)]
const fn slot(factor: u32, index: u32) -> usize {
    (index.wrapping_mul(factor) >> (u32::BITS - SLOT_BITS)) as usize
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: integers only, laid out without padding: any bits are a value.
    unsafe impl aya::Pod for super::Interfaces {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_interface_has_its_set(
            indexes in prop::collection::btree_set(1..100_000_u32, 0..=MAX_INTERFACES), other in 1..200_000_u32,
        ) {
            let interfaces: [(u32, u32); MAX_INTERFACES] = core::array::from_fn(|n| {
                indexes.iter().nth(n).map_or((0, 0), |&index| (index, index + 7))
            });
            let interfaces = &interfaces[..indexes.len()];
            let table = Interfaces::new(interfaces, 3).unwrap();
            for &(index, set) in interfaces {
                prop_assert_eq!(table.set(index), set);
            }
            let expected = if indexes.contains(&other) { other + 7 } else { 3 };
            prop_assert_eq!(table.set(other), expected);
        }
    }

    #[test]
    fn two_of_one_index_are_refused() {
        assert_eq!(Interfaces::new(&[(4, 1), (4, 2)], 0), None);
        assert_eq!(Interfaces::NONE.set(9), 0);
    }
}
