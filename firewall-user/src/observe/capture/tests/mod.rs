//! Captures built by hand, read back.

mod hex;
mod link;
mod pcap;
mod pcapng;
mod robust;
mod write;

use std::io::Cursor;

use super::{Capture, CaptureError, FileFault, Packet, TextFault};

/// An IPv6 UDP packet of 44 bytes.
const IPV6_PACKET: &str =
    "6000000000041140 20010db8000000000000000000000001 20010db8000000000000000000000002 61626364";
/// An IPv4 packet of 24 bytes.
const IPV4_PACKET: &str = "450000180001000040110000c0000201c000020261626364";

/// The bytes that the digits make.
fn bytes(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// An Ethernet frame with zero addresses, as made for other link types.
fn made_frame(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[0; 12], &ethertype.to_be_bytes()[..], payload].concat()
}

/// The packets before the end or the first error, and that error. Also that nothing follows it.
fn read(input: impl AsRef<[u8]>) -> (Vec<Packet>, Option<CaptureError>) {
    let mut capture = match Capture::from_reader("input".into(), Cursor::new(input.as_ref().to_vec())) {
        Ok(capture) => capture,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut packets = Vec::new();
    let error = loop {
        match capture.next() {
            Some(Ok(packet)) => packets.push(packet),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(capture.next().is_none(), "the iterator went on after its end");
    (packets, error)
}

/// The packets of an input without faults.
fn good(input: impl AsRef<[u8]>) -> Vec<Packet> {
    let (packets, error) = read(input);
    assert!(error.is_none(), "{}", error.unwrap());
    let numbers: Vec<u64> = packets.iter().map(|packet| packet.number).collect();
    assert_eq!(numbers, (1..=packets.len() as u64).collect::<Vec<_>>());
    packets
}

/// Requires a fault of the file, at this offset, after this many packets.
fn assert_file_fault(input: impl AsRef<[u8]>, at: u64, after: u64, expected: &FileFault) {
    match read(input) {
        (read, Some(CaptureError::File { input, offset, packets, fault })) => {
            assert_eq!((offset, packets, &fault), (at, after, expected));
            assert_eq!((read.len() as u64, input.as_str()), (after, "input"));
        }
        (_, other) => panic!("not a fault of the file: {other:?}"),
    }
}

/// Requires a fault of the text, at this line and column, after this many packets.
fn assert_text_fault(input: impl AsRef<[u8]>, place: (u64, usize), after: usize, expected: &TextFault) {
    match read(input) {
        (read, Some(CaptureError::Text { line, column, packets, fault, .. })) => {
            assert_eq!(((line, column), &fault), (place, expected));
            assert_eq!((read.len(), packets), (after, after as u64));
        }
        (_, other) => panic!("not a fault of the text: {other:?}"),
    }
}
