use super::super::{LinkType, MAX_PACKET, TextFault};
use super::{IPV4_PACKET, IPV6_PACKET, assert_text_fault, bytes, good, made_frame, read};

/// A frame of 40 bytes: 0, 1, 2, … 39.
fn counting() -> Vec<u8> {
    (0..40).collect()
}

/// Requires the text to be the counting frame and nothing else.
fn assert_counting(text: &str) {
    let packets = good(text);
    assert_eq!(packets.len(), 1, "{text}");
    assert_eq!(packets[0].frame, counting(), "{text}");
    assert_eq!((packets[0].original_len, packets[0].link), (40, LinkType::Ethernet));
}

#[test]
fn bytes_alone_in_any_groups() {
    assert_counting("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627");
    assert_counting(
        "# a frame\r\n\r\n00 01 02 03 04 05 06 07 08 09 0A 0B # half\r\n# and\r\n  0c0d0e0f 10111213 14151617\n\
         18191a1b 1c1d1e1f 2021 2223\n2425 26\n27",
    );
    assert_counting(
        "\u{feff}0001 0203 0405 0607 0809 0a0b 0c0d 0e0f 1011 1213 1415 1617 1819 1a1b 1c1d 1e1f 2021 2223 2425 2627",
    );
}

#[test]
fn empty_lines_part_packets() {
    let packets = good("0102\n03\n\n \t\n# the second\n0a0b\n\n");
    assert_eq!(
        packets.iter().map(|packet| packet.frame.clone()).collect::<Vec<_>>(),
        [vec![1, 2, 3], vec![10, 11]]
    );
}

#[test]
fn packets_that_say_where_they_end_can_stand_one_a_line() {
    let (v4, v6) = (bytes(IPV4_PACKET), bytes(IPV6_PACKET));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut tagged = made_frame(0x8100, &v6);
    tagged.splice(14..14, [0, 7, 0x86, 0xdd]);
    let frames = [made_frame(0x86dd, &v6), made_frame(0x0800, &v4), tagged];
    let lines: Vec<String> = frames.iter().map(|frame| hex(frame)).collect();
    let read: Vec<_> = good(lines.join("\n")).into_iter().map(|packet| packet.frame).collect();
    assert_eq!(read, frames);
    // One that goes on over several lines is still one.
    let (start, rest) = lines[0].split_at(40);
    assert_eq!(good(format!("{start}\n{rest}\n{}", lines[1])).len(), 2);
}

#[test]
fn dumps_with_offsets() {
    // xxd, with groups of two, one and all bytes.
    assert_counting(
        "00000000: 0001 0203 0405 0607 0809 0a0b 0c0d 0e0f  ................\n\
         00000010: 1011 1213 1415 1617 1819 1a1b 1c1d 1e1f  ................\n\
         00000020: 2021 2223 2425 2627                       !\"#$%&'\n",
    );
    assert_counting(
        "00000000: 00 01 02 03 04 05 06 07  ab cd ef\n00000008: 08 09 0a 0b 0c 0d 0e 0f  ........\n\
         00000010: 101112131415161718191a1b1c1d1e1f2021222324252627  x\n",
    );
    // hexdump -C, whose last line is the end's offset.
    assert_counting(
        "00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|\n\
         00000010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  |................|\n\
         00000020  20 21 22 23 24 25 26 27                           | !\"#$%&'|\n00000028\n",
    );
    // od -Ax -tx1, and with z.
    assert_counting(
        "000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n\
         000010 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f\n000020 20 21 22 23 24 25 26 27\n000028\n",
    );
    assert_counting(
        "000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  >................<\n\
         000010 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f  >................<\n\
         000020 20 21 22 23 24 25 26 27                          > !\"#$%&'<\n000028\n",
    );
    // scapy, with two spaces before characters that may look like bytes.
    assert_counting(
        "0000  00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F  ab cd 01 02 03 04\n\
         0010  10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F  ................\n\
         0020  20 21 22 23 24 25 26 27                           !\"#$%&'\n",
    );
    // Wireshark; its characters may look like bytes.
    assert_counting(
        "0000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f   ab cd 01 02 03 04\n\
         0010  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f   ................\n\
         0020  20 21 22 23 24 25 26 27                            !\"#$%&'\n\n",
    );
}

#[test]
fn tcpdump_with_and_without_headings() {
    let rows = "\t0x0000:  0001 0203 0405 0607 0809 0a0b 0c0d 0e0f  ................\n\
                \t0x0010:  1011 1213 1415 1617 1819 1a1b 1c1d 1e1f  ................\n\
                \t0x0020:  2021 2223 2425 2627                      .!\"#$%&'\n";
    let headings = [
        "",
        "12:34:56.789012 IP6 2001:db8::1.4500 > 2001:db8::2.4500: UDP\n",
        "2026-11-23 12:34:56.789012 IP6 2001:db8::1 > 2001:db8::2: frag (1232|376)\n",
        "1763900000.123456 IP 192.0.2.1 > 192.0.2.2: ESP\n",
        " 00:00:00.000012 eth0  In  IP6 2001:db8::1 > 2001:db8::2\n",
        "IP6 (hlim 64, next-header UDP (17) payload length: 12) 2001:db8::1.1 > 2001:db8::2.2:\n\
         \t  source link-address option (1), length 8 (1): 6e:f3:97:15:b8:c8\n\t    0x0000:  6ef3 9715 b8c8\n",
        "   17  12:34:56.789012 IP (tos 0x0)\n    192.0.2.1.500 > 192.0.2.2.500: [udp sum ok]\n\n",
    ];
    for heading in headings {
        assert_counting(&format!("{heading}{rows}"));
        let twice = format!(
            "reading from file x.pcap, link-type EN10MB\n{heading}{rows}{heading}{rows}2 packets captured\n"
        );
        assert_eq!(good(&twice).len(), 2, "{twice}");
    }
}

#[test]
fn repeated_rows_are_filled_in() {
    let text = "00000000  00 11 22 33\n*\n00000010  44 55\n00000012\n";
    let expected = [[0, 0x11, 0x22, 0x33].repeat(4), vec![0x44, 0x55]].concat();
    assert_eq!(good(text)[0].frame, expected);
    assert_eq!(good("0000  00 11\n*\n0006\n")[0].frame, [0, 0x11, 0, 0x11, 0, 0x11]);
    assert_text_fault("0000  00 11\n*\n0005\n", (3, 1), 0, &TextFault::Offset { found: 5, expected: 2 });
    assert_text_fault("0000  00 11\n*\n", (2, 1), 0, &TextFault::RepeatAlone);
    assert_text_fault("0000  00 11\n*\n\n0000  00 11\n", (3, 1), 0, &TextFault::RepeatAlone);
    assert_text_fault("00 11\n*\n", (2, 1), 0, &TextFault::NotHex { character: '*' });
    let beyond = "0000  00 11\n*\nffffffff0  00 11\n";
    assert_text_fault(beyond, (3, 1), 0, &TextFault::Offset { found: 0xffff_ffff0, expected: 2 });
}

#[test]
fn the_link_header_is_guessed_from_lengths_that_fit() {
    let (v4, v6) = (bytes(IPV4_PACKET), bytes(IPV6_PACKET));
    let cooked = "0000 0001 0006 0200000000010000";
    let cooked2 = "0000 00000002 0001 00 06 0200000000010000";
    for (text, ethertype, payload, link) in [
        (IPV4_PACKET.to_owned(), 0x0800, &v4, LinkType::Raw),
        (IPV6_PACKET.to_owned(), 0x86dd, &v6, LinkType::Raw),
        (format!("{cooked} 0800 {IPV4_PACKET}"), 0x0800, &v4, LinkType::Cooked),
        (format!("86dd {cooked2} {IPV6_PACKET}"), 0x86dd, &v6, LinkType::Cooked2),
    ] {
        let packets = good(&text);
        assert_eq!((packets[0].link, &packets[0].frame), (link, &made_frame(ethertype, payload)), "{text}");
        // One byte more, and it fits no longer.
        assert_eq!(good(format!("{text} 00"))[0].link, LinkType::Ethernet, "{text}");
    }
    // Ethernet's padding of a short packet, which tcpdump -x prints too.
    let padded = format!("{IPV4_PACKET} {}", "00".repeat(22));
    assert_eq!(good(&padded)[0].link, LinkType::Raw);
    let ethernet = format!("450000180001 600000000004 86dd {IPV6_PACKET}");
    assert_eq!(good(&ethernet)[0].frame, bytes(&ethernet));
}

#[test]
fn faults_have_their_line_and_column() {
    assert_text_fault("0102\n03 0x", (2, 5), 0, &TextFault::NotHex { character: 'x' });
    assert_text_fault("0102\n\n  03 é4", (3, 6), 1, &TextFault::NotHex { character: 'é' });
    assert_text_fault("# é\n0102 030 04", (2, 6), 0, &TextFault::OddDigits { digits: 3 });
    assert_text_fault("0000  00 11\n0003  22", (2, 1), 0, &TextFault::Offset { found: 3, expected: 2 });
    assert_text_fault("\t0x0010:  0011", (1, 2), 0, &TextFault::Offset { found: 16, expected: 0 });
    assert_text_fault("0000  00 11\n00 11", (2, 1), 0, &TextFault::NoOffset);
    assert_text_fault("0000  00 1122", (1, 10), 0, &TextFault::NotOneByte { digits: 4 });
    assert_text_fault("0000: 00 11 2g", (1, 14), 0, &TextFault::NotHex { character: 'g' });
    assert_text_fault("# nothing\n\n", (2, 1), 0, &TextFault::NoPacket);
    let heading = "12:34:56.789012 IP6 2001:db8::1 > 2001:db8::2: ICMP6";
    assert_text_fault(heading, (1, 1), 0, &TextFault::HeadingAlone);
    assert_text_fault(format!("0102\n{heading}\n{heading}\n"), (2, 1), 1, &TextFault::HeadingAlone);
}

#[test]
fn words_of_two_bytes_and_octal_offsets_are_refused() {
    // hexdump and od without options print them in the machine's byte order.
    assert_text_fault("0000000 0060 0000 1000\n", (1, 1), 0, &TextFault::OddDigits { digits: 7 });
    let octal = "0000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n0000020 10\n";
    assert_text_fault(octal, (2, 1), 0, &TextFault::Offset { found: 0x20, expected: 0x10 });
}

#[test]
fn lines_and_packets_are_bounded() {
    let line = "00".repeat(MAX_PACKET / 2);
    assert_eq!(good(format!("{line}\n{line}\n"))[0].frame.len(), MAX_PACKET);
    assert_text_fault(format!("{line}\n{line}\n00\n"), (3, 1), 0, &TextFault::TooLong);
    let most = 3 * MAX_PACKET + 1023;
    assert_text_fault(" ".repeat(most + 1), (1, 1), 0, &TextFault::LineTooLong { most });
}

#[test]
fn the_error_names_the_place() {
    assert_eq!(
        read("00 0g").1.unwrap().to_string(),
        "input, line 1, column 5: 'g' is no hex digit (no packet was read before it)"
    );
}
