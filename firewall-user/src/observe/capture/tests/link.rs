use super::super::{FileFault, LinkType, Packet};
use super::pcap::{header, record};
use super::{IPV4_PACKET, IPV6_PACKET, assert_file_fault, bytes, good, made_frame};

/// The one packet of a pcap file of this link type.
fn packet(link: u16, data: &[u8], original: usize) -> Packet {
    let mut file = header(false, 0xa1b2_c3d4, link.into());
    record(&mut file, false, data, data.len() as u32, original as u32);
    good(&file).remove(0)
}

fn behind(header: &str, payload: &[u8]) -> Vec<u8> {
    [bytes(header), payload.to_vec()].concat()
}

#[test]
fn cooked_headers_say_which_way_a_packet_went() {
    let v6 = bytes(IPV6_PACKET);
    for (kind, outgoing) in [("00", false), ("01", false), ("03", false), ("04", true)] {
        let cooked = behind(&format!("00{kind} 0001 0006 0200000000010000 86dd"), &v6);
        let cooked2 = behind(&format!("86dd 0000 00000002 0001 {kind} 06 0200000000010000"), &v6);
        for (link, data) in [(113, cooked), (276, cooked2)] {
            assert_eq!(packet(link, &data, data.len()).outgoing, outgoing, "{link} {kind}");
        }
    }
    assert!(!packet(101, &[4; 40], 40).outgoing);
}

#[test]
fn ip_behind_each_link_header_becomes_the_same_frame() {
    let (v4, v6) = (bytes(IPV4_PACKET), bytes(IPV6_PACKET));
    let cooked = |protocol: &str| format!("0000 0001 0006 0200000000010000 {protocol}");
    let cooked2 = |protocol: &str| format!("{protocol} 0000 00000002 0001 00 06 0200000000010000");
    let cases = [
        (101, String::new(), &v4, LinkType::Raw),
        (101, String::new(), &v6, LinkType::Raw),
        (12, String::new(), &v6, LinkType::Raw),
        (14, String::new(), &v4, LinkType::Raw),
        (228, String::new(), &v4, LinkType::Ipv4),
        (229, String::new(), &v6, LinkType::Ipv6),
        (0, "02000000".into(), &v4, LinkType::Null),
        (0, "00000002".into(), &v4, LinkType::Null),
        (0, "0a000000".into(), &v6, LinkType::Null),
        (0, "17000000".into(), &v6, LinkType::Null),
        (0, "0000001c".into(), &v6, LinkType::Null),
        (0, "1e000000".into(), &v6, LinkType::Null),
        (108, "00000002".into(), &v4, LinkType::Loop),
        (108, "00000018".into(), &v6, LinkType::Loop),
        (113, cooked("0800"), &v4, LinkType::Cooked),
        (113, cooked("86dd"), &v6, LinkType::Cooked),
        (276, cooked2("0800"), &v4, LinkType::Cooked2),
        (276, cooked2("86dd"), &v6, LinkType::Cooked2),
    ];
    for (number, link_header, payload, link) in cases {
        let data = behind(&link_header, payload);
        let ethertype = if payload[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        let got = packet(number, &data, data.len() + 100);
        assert_eq!(got.frame, made_frame(ethertype, payload), "link type {number}, header {link_header}");
        assert_eq!((got.link, got.original_len), (link, 14 + payload.len() + 100));
    }
}

#[test]
fn a_vlan_tag_stays_before_its_packet() {
    let tagged = behind("0064 86dd", &bytes(IPV6_PACKET));
    let data = behind("0000 0001 0006 0200000000010000 8100", &tagged);
    assert_eq!(packet(113, &data, data.len()).frame, made_frame(0x8100, &tagged));
}

#[test]
fn what_is_not_ip_gets_no_ethertype() {
    // LLC in a cooked capture, and an address family that isn't IP's.
    let data = behind("0000 0001 0006 0200000000010000 0004", &[0x42; 38]);
    assert_eq!(packet(113, &data, data.len()).frame, made_frame(38, &[0x42; 38]));
    let data = behind("07000000", &[0x42; 2000]);
    assert_eq!(packet(0, &data, data.len()).frame, made_frame(1500, &[0x42; 2000]));
}

#[test]
fn a_raw_packet_of_no_ip_version_is_still_judged_as_ip() {
    assert_eq!(packet(101, &[0x5f; 30], 30).frame, made_frame(0x0800, &[0x5f; 30]));
    assert_eq!(packet(101, &[], 30).frame, made_frame(0x0800, &[]));
}

#[test]
fn a_packet_shorter_than_its_link_header_is_a_fault() {
    for (number, link, needed) in
        [(0, LinkType::Null, 4), (113, LinkType::Cooked, 16), (276, LinkType::Cooked2, 20)]
    {
        let mut file = header(false, 0xa1b2_c3d4, number);
        let captured = needed - 1;
        record(&mut file, false, &vec![0; captured], captured as u32, 100);
        assert_file_fault(&file, 24, 0, &FileFault::LinkHeader { packet: 1, link, captured, needed });
    }
}

#[test]
fn numbers_lead_back_to_their_link_types() {
    let known: Vec<u16> = (0..=u16::MAX).filter(|number| LinkType::from_number(*number).is_some()).collect();
    assert_eq!(known, [0, 1, 12, 14, 101, 108, 113, 228, 229, 276]);
    for number in known.into_iter().filter(|number| ![12, 14].contains(number)) {
        assert_eq!(LinkType::from_number(number).unwrap().number(), number);
    }
}
