use super::super::{FileFault, LinkType, Part};
use super::pcap::word;
use super::{IPV6_PACKET, assert_file_fault, bytes, good, made_frame};

/// A pcapng file that is being built in one byte order.
pub(super) struct File {
    big: bool,
    pub(super) data: Vec<u8>,
}

impl File {
    pub(super) fn new(big: bool) -> Self {
        Self { big, data: Vec::new() }
    }

    pub(super) fn half(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// A block of these 32-bit fields and then these bytes, padded.
    fn block(&mut self, kind: u32, fields: &[u32], bytes: &[u8]) -> usize {
        let start = self.data.len();
        let length = 12 + 4 * fields.len() + bytes.len().next_multiple_of(4);
        for value in [kind, length as u32].iter().chain(fields) {
            word(&mut self.data, self.big, *value);
        }
        self.data.extend_from_slice(bytes);
        self.data.resize(start + length - 4, 0);
        word(&mut self.data, self.big, length as u32);
        start
    }

    pub(super) fn section(&mut self) -> usize {
        let version = [self.half(1), self.half(0)].concat();
        let body = [version, vec![0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &[0x1a2b_3c4d], &body)
    }

    pub(super) fn interface(&mut self, link: u16, snap_len: u32) -> usize {
        let link = [self.half(link), [0, 0]].concat();
        let mut snap = Vec::new();
        word(&mut snap, self.big, snap_len);
        self.block(1, &[], &[link, snap].concat())
    }

    pub(super) fn enhanced(&mut self, interface: u32, data: &[u8], original: u32) -> usize {
        self.block(6, &[interface, 1, 2, data.len() as u32, original], data)
    }

    fn simple(&mut self, data: &[u8], original: u32) -> usize {
        self.block(3, &[original], data)
    }

    /// A file with a section and an Ethernet interface without snap length.
    fn begun(big: bool) -> Self {
        let mut file = Self::new(big);
        file.section();
        file.interface(1, 0);
        file
    }
}

#[test]
fn options_say_which_way_a_packet_went() {
    for big in [false, true] {
        let option = |code: u16, value: &[u8]| {
            let file = File::new(big);
            let mut option = [file.half(code), file.half(value.len() as u16)].concat();
            option.extend(value);
            option.resize(option.len().next_multiple_of(4), 0);
            option
        };
        let flags = |flags: u32| if big { flags.to_be_bytes() } else { flags.to_le_bytes() };
        let (comment, end) = (option(1, b"a comment"), option(0, &[]));
        for (options, outgoing) in [
            (vec![], false),
            (vec![option(2, &flags(2)), end.clone()], true),
            (vec![option(2, &flags(1)), end.clone()], false),
            (vec![option(2, &flags(0)), end.clone()], false),
            // Other flags beside it, other options before it, and none behind the end.
            (vec![option(2, &flags(0x8000_001e))], true),
            (vec![comment.clone(), option(2, &flags(2)), end.clone()], true),
            (vec![comment, end.clone(), option(2, &flags(2))], false),
            // Options that lie about their length, or are cut.
            (vec![option(2, &[2; 3]), end], false),
            (vec![vec![0xff; 8]], false),
            (vec![vec![2, 2, 0, 4]], false),
        ] {
            for (kind, data) in [(6, &[7; 21][..]), (2, &[7; 20])] {
                let mut file = File::begun(big);
                let mut bytes = data.to_vec();
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                bytes.extend(options.concat());
                file.block(kind, &[0, 1, 2, data.len() as u32, data.len() as u32], &bytes);
                file.enhanced(0, &[8; 14], 14);
                let packets = good(&file.data);
                let told: Vec<_> = packets.iter().map(|packet| (packet.outgoing, packet.frame[0])).collect();
                assert_eq!(told, [(outgoing, 7), (false, 8)], "{kind} {options:?}");
            }
        }
    }
}

#[test]
fn every_kind_of_packet_block_in_both_byte_orders() {
    for big in [false, true] {
        let mut file = File::new(big);
        file.section();
        file.interface(1, 30);
        file.block(5, &[], &[9; 7]); // Interface statistics.
        file.interface(101, 0);
        file.enhanced(0, &[1; 21], 99);
        file.block(0x8000_0bad, &[], &[]);
        file.enhanced(1, &bytes(IPV6_PACKET), 44);
        file.simple(&[2; 30], 31);
        file.simple(&[3; 29], 29);
        let old = u32::from_be_bytes([[0, 1], [0, 7]].concat().try_into().unwrap());
        let old = if big { old } else { old.rotate_left(16) };
        file.block(2, &[old, 1, 2, 44, 44], &bytes(IPV6_PACKET));
        let packets = good(&file.data);
        let raw = made_frame(0x86dd, &bytes(IPV6_PACKET));
        let expected = [
            (vec![1; 21], 99, LinkType::Ethernet),
            (raw.clone(), 58, LinkType::Raw),
            (vec![2; 30], 31, LinkType::Ethernet),
            (vec![3; 29], 29, LinkType::Ethernet),
            (raw, 58, LinkType::Raw),
        ];
        let read: Vec<_> = packets.into_iter().map(|got| (got.frame, got.original_len, got.link)).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn each_section_has_its_own_byte_order_and_interfaces() {
    let mut file = File::begun(false);
    file.enhanced(0, &[1; 20], 20);
    file.big = true;
    file.section();
    file.interface(229, 0);
    file.enhanced(0, &bytes(IPV6_PACKET), 44);
    let at = file.section();
    let at = at + 28;
    let packets = good(&file.data);
    assert_eq!((packets[0].link, packets[1].link), (LinkType::Ethernet, LinkType::Ipv6));
    file.enhanced(0, &[1; 20], 20);
    let fault = FileFault::UnknownInterface { packet: 3, interface: 0, described: 0 };
    assert_file_fault(&file.data, at as u64, 2, &fault);
}

#[test]
fn an_unsupported_interface_matters_only_with_its_packet() {
    let mut file = File::begun(true);
    file.interface(189, 0);
    file.enhanced(0, &[1; 20], 20);
    assert_eq!(good(&file.data).len(), 1);
    let at = file.enhanced(1, &[1; 20], 20);
    let fault = FileFault::LinkType { number: 189, interface: Some(1) };
    assert_file_fault(&file.data, at as u64, 1, &fault);
}

#[test]
fn cut_at_every_byte() {
    let mut file = File::begun(false);
    let first = file.enhanced(0, &[1; 21], 21);
    let second = file.enhanced(0, &[2; 21], 21);
    let whole = file.data.len();
    let blocks = [(0, 28), (28, first), (first, second), (second, whole)];
    for end in 1..whole {
        let Some(&(start, next)) = blocks.iter().find(|(start, next)| *start < end && end < *next) else {
            continue;
        };
        let packet = if start == second { 2 } else { 1 };
        let (part, part_end) = match (start, end - start) {
            (0, 1..4) => continue, // Too short for its magic: "\n" and "\n\r" are text.
            (0, _) => (Part::FileHeader, 28),
            (_, 1..8) => (Part::BlockHeader, start + 8),
            (28, _) => (Part::Block(1), next),
            (_, 28..49) => (Part::PacketData(packet), start + 49),
            _ => (Part::Block(6), next),
        };
        let fault = FileFault::CutShort { part, missing: (part_end - end) as u64, end: end as u64 };
        assert_file_fault(&file.data[..end], start as u64, packet - 1, &fault);
    }
}

/// The file with the 32 bits at `at` replaced.
fn patched(file: &File, at: usize, value: u32) -> Vec<u8> {
    let mut data = file.data.clone();
    let mut field = Vec::new();
    word(&mut field, file.big, value);
    data[at..at + 4].copy_from_slice(&field);
    data
}

#[test]
fn lengths_that_lie() {
    let mut file = File::begun(true);
    file.enhanced(0, &[1; 20], 20);
    let at = file.enhanced(0, &[1; 20], 20);
    let start = at as u64;
    let kind = 6;
    for (length, least) in [(0, 32), (28, 32), (51, 32), (48, 52)] {
        let fault = FileFault::BlockLength { kind, length, least };
        assert_file_fault(patched(&file, at + 4, length), start, 1, &fault);
    }
    let fault = FileFault::BlockTrailer { kind, head: 52, tail: 56 };
    assert_file_fault(patched(&file, at + 48, 56), start, 1, &fault);
    let fault = FileFault::TooLong { packet: 2, captured: 0x7fff_ffff };
    assert_file_fault(patched(&file, at + 20, 0x7fff_ffff), start, 1, &fault);
    let fault = FileFault::MoreThanOriginal { packet: 2, captured: 20, original: 3 };
    assert_file_fault(patched(&file, at + 24, 3), start, 1, &fault);
    let fault = FileFault::OriginalTooLong { packet: 2, original: 0x7fff_ffff };
    assert_file_fault(patched(&file, at + 24, 0x7fff_ffff), start, 1, &fault);
    let fault = FileFault::UnknownInterface { packet: 2, interface: 1, described: 1 };
    assert_file_fault(patched(&file, at + 8, 1), start, 1, &fault);
    let simple = file.simple(&[1; 20], 20);
    let fault = FileFault::BlockLength { kind: 3, length: 36, least: 40 };
    assert_file_fault(patched(&file, simple + 8, 21), simple as u64, 2, &fault);
}

#[test]
fn section_headers_that_are_wrong() {
    let file = File::begun(false);
    let fault = FileFault::ByteOrder { bytes: [1, 0, 0, 0] };
    assert_file_fault(patched(&file, 8, 1), 0, 0, &fault);
    let fault = FileFault::BlockLength { kind: 0x0a0d_0d0a, length: 24, least: 28 };
    assert_file_fault(patched(&file, 4, 24), 0, 0, &fault);
    let fault = FileFault::Version { major: 2, minor: 0, supported: "1.0 and 1.2" };
    assert_file_fault(patched(&file, 12, 2), 0, 0, &fault);
}

#[test]
fn interfaces_are_bounded() {
    let mut file = File::new(false);
    file.section();
    for _ in 0..65_536 {
        file.interface(1, 0);
    }
    assert!(good(&file.data).is_empty());
    let at = file.interface(1, 0);
    assert_file_fault(&file.data, at as u64, 0, &FileFault::TooManyInterfaces { most: 65_536 });
}
