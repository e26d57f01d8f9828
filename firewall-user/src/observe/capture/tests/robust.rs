use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Capture, CaptureError};
use super::pcap::{header, record};
use super::pcapng::File;
use super::{good, read};

/// A reader that gives one byte at a time, as a slow pipe does, and then fails if told to.
struct Slow {
    data: Cursor<Vec<u8>>,
    fails: bool,
}

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(1);
        match self.data.read(&mut buf[..most])? {
            0 if self.fails => Err(io::Error::other("the line went dead")),
            read => Ok(read),
        }
    }
}

fn slow(data: &[u8], fails: bool) -> Result<Capture, CaptureError> {
    Capture::from_reader("pipe".into(), BufReader::new(Slow { data: Cursor::new(data.to_vec()), fails }))
}

/// Frames with the bytes a snap length cut off.
fn frames() -> impl Strategy<Value = Vec<(Vec<u8>, u32)>> {
    vec((vec(any::<u8>(), 1..200), 0u32..2000), 0..20)
}

fn pcap(frames: &[(Vec<u8>, u32)], big: bool) -> Vec<u8> {
    let mut file = header(big, 0xa1b2_c3d4, 1);
    for (frame, cut) in frames {
        record(&mut file, big, frame, frame.len() as u32, frame.len() as u32 + cut);
    }
    file
}

fn pcapng(frames: &[(Vec<u8>, u32)], big: bool) -> Vec<u8> {
    let mut file = File::new(big);
    file.section();
    file.interface(1, 0);
    for (frame, cut) in frames {
        file.enhanced(0, frame, frame.len() as u32 + cut);
    }
    file.data
}

/// Beginnings that lead random bytes past the recognition of the format.
fn beginnings() -> impl Strategy<Value = Vec<u8>> {
    let section = {
        let mut file = File::new(false);
        file.section();
        file.interface(1, 0);
        file.data
    };
    prop_oneof![
        Just(Vec::new()),
        Just(header(true, 0xa1b2_c3d4, 276)),
        Just(section),
        Just(b"0000  00 11\n*\n".to_vec()),
        Just(b"12:00:00.0 IP6\n\t0x0000:  ".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read(frames in frames(), big in any::<bool>()) {
        for file in [pcap(&frames, big), pcapng(&frames, big)] {
            let read: Vec<_> = good(&file)
                .into_iter()
                .map(|packet| (packet.frame.clone(), (packet.original_len - packet.frame.len()) as u32))
                .collect();
            prop_assert_eq!(&read, &frames);
        }
    }

    #[test]
    fn random_bytes_end_in_packets_or_an_error(begin in beginnings(), rest in vec(any::<u8>(), 0..600)) {
        let input = [begin, rest].concat();
        // Each packet takes at least a byte, so more would mean that reading doesn't get on.
        prop_assert!(read(&input).0.len() <= input.len());
    }

    #[test]
    fn random_text_ends_in_packets_or_an_error(text in "[0-9a-fx:.*#| \t\n]{0,400}") {
        prop_assert!(read(&text).0.len() <= text.len());
    }

    #[test]
    fn damaged_files_end_in_packets_or_an_error(
        frames in frames(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for mut file in [pcap(&frames, false), pcapng(&frames, true)] {
            for (at, value) in &damage {
                let at = at.index(file.len());
                file[at] = *value;
            }
            prop_assert!(read(&file).0.len() <= file.len());
        }
    }

    #[test]
    fn a_reader_of_single_bytes_reads_the_same(frames in frames()) {
        for file in [pcap(&frames, true), pcapng(&frames, false)] {
            let read: Result<Vec<_>, _> = slow(&file, false).unwrap().collect();
            prop_assert_eq!(read.unwrap(), good(&file));
        }
    }
}

#[test]
fn a_failing_reader_is_named_with_its_offset() {
    let file = pcap(&[(vec![1; 60], 0)], false);
    for (end, after) in [(90, 0), (100, 1)] {
        let mut capture = slow(&file[..end], true).unwrap();
        assert_eq!(capture.by_ref().take(after).filter(Result::is_ok).count(), after);
        match capture.next() {
            Some(Err(CaptureError::Read { input, offset, source })) => {
                assert_eq!(
                    (input.as_str(), offset, source.to_string().as_str()),
                    ("pipe", end as u64, "the line went dead")
                );
            }
            other => panic!("not a read error: {other:?}"),
        }
        assert!(capture.next().is_none());
    }
}

#[test]
fn files_are_opened_by_path() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Capture::open(file.path()), Err(CaptureError::Empty { .. })));
    file.write_all(b"0102 0304\n").unwrap();
    let packets: Vec<_> = Capture::open(file.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(packets[0].frame, [1, 2, 3, 4]);
    let missing = Path::new("/nonexistent/capture.pcap");
    match Capture::open(missing) {
        Err(error @ CaptureError::Open { .. }) => {
            assert_eq!(error.to_string(), "can't open /nonexistent/capture.pcap");
        }
        other => panic!("opened: {:?}", other.is_ok()),
    }
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Capture::open(directory.path()), Err(CaptureError::Read { offset: 0, .. })));
}
