//! How the kernel's maps hold long tables: many elements in each value, so that writing them takes few system calls.

use super::prefix::{Branch, Node};

/// How many bytes a chunk has.
const CHUNK: usize = 4096;

/// `N` elements of a table, a power of two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Chunk<T, const N: usize>(pub [T; N]);

/// Nodes of tries.
pub type NodeChunk = Chunk<Node, { CHUNK / size_of::<Node>() }>;
/// Branches of tries.
pub type BranchChunk = Chunk<Branch, { CHUNK / size_of::<Branch>() }>;
/// Words of sets.
pub type WordChunk = Chunk<u64, { CHUNK / size_of::<u64>() }>;

/// A part of a table.
pub trait Chunked {
    /// What the table has.
    type Element;

    /// The number of the chunk that an element is in.
    fn of(element: u32) -> u32;

    /// An element that is in this chunk.
    fn at(&self, element: u32) -> &Self::Element;
}

impl<T, const N: usize> Chunked for Chunk<T, N> {
    type Element = T;

    #[inline(always)]
    fn of(element: u32) -> u32 {
        element >> N.trailing_zeros()
    }

    #[inline(always)]
    fn at(&self, element: u32) -> &T {
        // The mask shows the verifier that it's inside.
        &self.0[element as usize & (N - 1)]
    }
}

impl<T: Copy + Default, const N: usize> Chunk<T, N> {
    /// A chunk that begins with these elements, at most as many as it has.
    pub fn new(elements: &[T]) -> Self {
        let mut chunk = [T::default(); N];
        chunk.iter_mut().zip(elements).for_each(|(place, element)| *place = *element);
        Self(chunk)
    }
}

#[cfg(feature = "user")]
mod user {
    // SAFETY: a transparent array of what is Pod itself.
    unsafe impl<T: aya::Pod, const N: usize> aya::Pod for super::Chunk<T, N> {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_in_their_chunks() {
        assert_eq!(size_of::<NodeChunk>(), CHUNK);
        assert_eq!((WordChunk::of(511), WordChunk::of(512)), (0, 1));
        let chunk = WordChunk::new(&[7, 8]);
        assert_eq!((*chunk.at(0), *chunk.at(513), *chunk.at(2)), (7, 8, 0));
    }
}
