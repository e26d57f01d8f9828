//! Reassembly in its plainest form: bytes in an array, each with a mark whether it has arrived.

/// What becomes of a byte that arrives twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overlap {
    /// The datagram is given up for good (RFC 5722); the same fragment again is no overlap.
    Discard,
    /// The first copy stays.
    FirstWins,
    /// The last copy stays.
    LastWins,
}

/// One datagram that fragments are put into.
pub(crate) struct Datagram {
    overlap: Overlap,
    pieces: Vec<(usize, bool, Vec<u8>)>,
    bytes: Vec<Option<u8>>,
    length: Option<usize>,
    given_up: bool,
}

impl Datagram {
    /// Nothing has arrived yet.
    pub(crate) fn new(overlap: Overlap) -> Self {
        Self { overlap, pieces: Vec::new(), bytes: vec![None; 64], length: None, given_up: false }
    }

    /// Puts a fragment in: the offset and the bytes are its payload's.
    pub(crate) fn add(&mut self, offset: usize, more: bool, payload: &[u8]) {
        let piece = (offset, more, payload.to_vec());
        if self.pieces.contains(&piece) {
            return;
        }
        self.pieces.push(piece);
        let end = offset + payload.len();
        for (place, &byte) in self.bytes[offset..end].iter_mut().zip(payload) {
            match (self.overlap, &place) {
                (_, None) | (Overlap::LastWins, _) => *place = Some(byte),
                (Overlap::FirstWins, _) => {}
                (Overlap::Discard, _) => self.given_up = true,
            }
        }
        if !more {
            if self.length.is_some_and(|length| length != end) && self.overlap == Overlap::Discard {
                self.given_up = true;
            }
            self.length = Some(end);
        }
    }

    /// The datagram, once it is complete.
    pub(crate) fn complete(&self) -> Option<Vec<u8>> {
        if self.given_up {
            return None;
        }
        self.bytes[..self.length?].iter().copied().collect()
    }
}
