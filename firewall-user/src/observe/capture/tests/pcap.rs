use super::super::{FileFault, LinkType, MAX_PACKET, Part};
use super::{assert_file_fault, good, read};

/// A pcap file's header, in either byte order.
pub(super) fn header(big: bool, magic: u32, link: u32) -> Vec<u8> {
    let mut file = Vec::new();
    word(&mut file, big, magic);
    file.extend(if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] });
    for field in [0, 0, 65_535, link] {
        word(&mut file, big, field);
    }
    file
}

pub(super) fn word(file: &mut Vec<u8>, big: bool, value: u32) {
    file.extend(if big { value.to_be_bytes() } else { value.to_le_bytes() });
}

pub(super) fn record(file: &mut Vec<u8>, big: bool, data: &[u8], captured: u32, original: u32) {
    for field in [1, 2, captured, original] {
        word(file, big, field);
    }
    file.extend_from_slice(data);
}

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;

#[test]
fn both_byte_orders_and_timestamp_units() {
    for (big, magic) in [(false, MICRO), (true, MICRO), (false, NANO), (true, NANO)] {
        let mut file = header(big, magic, 1);
        record(&mut file, big, &[1; 60], 60, 60);
        record(&mut file, big, &[2; 40], 40, 1500);
        let packets = good(&file);
        assert_eq!(packets.len(), 2);
        assert_eq!((&packets[0].frame, packets[0].original_len), (&vec![1; 60], 60));
        assert_eq!((&packets[1].frame, packets[1].original_len), (&vec![2; 40], 1500));
        assert_eq!(packets[0].link, LinkType::Ethernet);
    }
}

#[test]
fn a_file_without_packets_is_good() {
    assert!(good(header(false, MICRO, 1)).is_empty());
}

#[test]
fn the_check_sequence_length_is_no_part_of_the_link_type() {
    assert!(good(header(true, MICRO, 0x2400_0001)).is_empty());
}

#[test]
fn cut_at_every_byte() {
    let mut file = header(false, MICRO, 1);
    record(&mut file, false, &[1; 20], 20, 20);
    record(&mut file, false, &[2; 20], 20, 20);
    for end in 1..file.len() {
        let end_offset = end as u64;
        let (at, after, part, length) = match end {
            0..24 => (0, 0, Part::FileHeader, 24),
            24 | 60 => continue,
            25..40 => (24, 0, Part::PacketHeader(1), 40),
            40..60 => (24, 0, Part::PacketData(1), 60),
            61..76 => (60, 1, Part::PacketHeader(2), 76),
            _ => (60, 1, Part::PacketData(2), 96),
        };
        let fault = FileFault::CutShort { part, missing: length - end_offset, end: end_offset };
        assert_file_fault(&file[..end], at, after, &fault);
    }
}

#[test]
fn unbelievable_lengths() {
    let mut file = header(true, MICRO, 1);
    record(&mut file, true, &[1; 20], 20, 20);
    let good = file.clone();
    record(&mut file, true, &[], MAX_PACKET as u32 + 1, u32::MAX);
    assert_file_fault(&file, 60, 1, &FileFault::TooLong { packet: 2, captured: 262_145 });
    let mut file = good.clone();
    record(&mut file, true, &[1; 20], 20, MAX_PACKET as u32 + 1);
    assert_file_fault(&file, 60, 1, &FileFault::OriginalTooLong { packet: 2, original: 262_145 });
    let mut file = good;
    record(&mut file, true, &[1; 20], 20, 19);
    assert_file_fault(&file, 60, 1, &FileFault::MoreThanOriginal { packet: 2, captured: 20, original: 19 });
}

#[test]
fn the_longest_packet_is_read() {
    let mut file = header(false, MICRO, 1);
    record(&mut file, false, &vec![7; MAX_PACKET], MAX_PACKET as u32, MAX_PACKET as u32);
    record(&mut file, false, &[7; 20], 20, MAX_PACKET as u32);
    let packets = good(&file);
    assert_eq!(packets[0].frame.len(), MAX_PACKET);
    assert_eq!(packets[1].original_len, MAX_PACKET);
}

#[test]
fn unsupported_version_and_link_type() {
    let mut file = header(false, MICRO, 1);
    file[4] = 3;
    let fault = FileFault::Version { major: 3, minor: 4, supported: "2.3 and 2.4" };
    assert_file_fault(&file, 0, 0, &fault);
    let fault = FileFault::LinkType { number: 127, interface: None };
    assert_file_fault(header(false, MICRO, 127), 0, 0, &fault);
    let text = read(header(false, MICRO, 127)).1.unwrap().to_string();
    assert!(text.contains("127 (IEEE 802.11 with radiotap)") && text.contains("Ethernet (1)"), "{text}");
}

#[test]
fn other_files_are_refused_with_a_hint() {
    let fault = FileFault::Magic { bytes: vec![0x1f, 0x8b, 8, 0] };
    assert_file_fault([0x1f, 0x8b, 8, 0, 1, 2, 3], 0, 0, &fault);
    assert!(fault.to_string().contains("gzip -dc"));
    assert_file_fault([0x7f], 0, 0, &FileFault::Magic { bytes: vec![0x7f] });
}

#[test]
fn the_error_says_what_is_missing() {
    let mut file = header(false, MICRO, 1);
    record(&mut file, false, &[1; 20], 20, 20);
    record(&mut file, false, &[1; 20], 50, 50);
    assert_eq!(
        read(&file).1.unwrap().to_string(),
        "input, offset 60: the file ends at offset 96, 30 bytes short of the end of packet 2: \
         the capture is truncated (the one packet before it was read)"
    );
}
