//! The packets that are counted: UDP, from port 4500 to port 4500.

/// How long the data of a whole packet is, and that of a fragment, in bytes.
const DATA: usize = 100;
pub const PIECE: usize = 104;

/// `MF` of IPv4 and `M` of IPv6.
const MORE_FRAGMENTS: u16 = 0x2000;
const MORE: u16 = 1;

/// Which fragment of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub id: u16,
    /// In bytes.
    pub offset: usize,
    pub more: bool,
}

/// A frame of an IPv4 or IPv6 packet, a whole one or a piece.
pub fn frame(is_v6: bool, piece: Option<Piece>) -> Vec<u8> {
    let payload = match piece {
        None => udp(DATA),
        Some(Piece { offset: 0, .. }) => udp(PIECE - 8),
        Some(_) => vec![b'x'; PIECE],
    };
    if is_v6 { v6(piece, &payload) } else { v4(piece, &payload) }
}

fn udp(data: usize) -> Vec<u8> {
    let length = (8 + data) as u16;
    [4500, 4500, length, 0].into_iter().flat_map(u16::to_be_bytes).chain(vec![b'x'; data]).collect()
}

fn ethernet(kind: u16) -> Vec<u8> {
    [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]].concat().into_iter().chain(kind.to_be_bytes()).collect()
}

fn v6(piece: Option<Piece>, payload: &[u8]) -> Vec<u8> {
    let fragment = piece.map(|Piece { id, offset, more }| {
        let place = offset as u16 | if more { MORE } else { 0 };
        let [id, place] = [u32::from(id), u32::from(place)].map(u32::to_be_bytes);
        [17, 0, place[2], place[3], id[0], id[1], id[2], id[3]]
    });
    let behind = [fragment.as_ref().map_or(&[][..], |header| header), payload].concat();
    let length = (behind.len() as u16).to_be_bytes();
    let next = if fragment.is_some() { 44 } else { 17 };
    let header = [0x60, 0, 0, 0, length[0], length[1], next, 51];
    let address =
        |last| [0x2001_0db8, 0, 0, last].into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>();
    [ethernet(0x86dd), header.to_vec(), address(1), address(2), behind].concat()
}

fn v4(piece: Option<Piece>, payload: &[u8]) -> Vec<u8> {
    let (id, place) = piece.map_or((0, 0), |Piece { id, offset, more }| {
        (id, (offset / 8) as u16 | if more { MORE_FRAGMENTS } else { 0 })
    });
    let length = (20 + payload.len()) as u16;
    let words = [0x4500, length, id, place, 51 << 8 | 17, 0].map(u16::to_be_bytes).concat();
    [ethernet(0x0800), words, vec![192, 0, 2, 1, 198, 51, 100, 2], payload.to_vec()].concat()
}
