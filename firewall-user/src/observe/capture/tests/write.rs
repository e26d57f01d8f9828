use std::time::{Duration, UNIX_EPOCH};

use super::super::{
    Capture, LinkType,
    write::{Writer, Written},
};

/// What is written is read back, by our own reader.
#[test]
fn packets_come_back() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
    let frames: Vec<Vec<u8>> = (14_u8..80).map(|length| (0..length).collect()).collect();
    for (n, frame) in frames.iter().enumerate() {
        let written = Written {
            interface: ["eth0", "eth1", "wan"][n % 3],
            time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789),
            head: frame,
            length: 1500,
            comment: &"drop: default"[..n % 13],
        };
        writer.write(&written).unwrap();
    }
    let read: Vec<_> = Capture::open(file.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), frames.len());
    for (packet, frame) in read.iter().zip(&frames) {
        assert_eq!((&packet.frame, packet.original_len, packet.link), (frame, 1500, LinkType::Ethernet));
    }
}
