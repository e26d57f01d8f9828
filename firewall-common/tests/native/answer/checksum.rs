//! Checksums, against their definition.

use firewall_common::answer::checksum::{MAX_LENGTH, Sum, Sums};
use proptest::{collection::vec, prelude::*};

use crate::support::answers::naive;

#[test]
fn known_checksums() {
    // RFC 1071 3.
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    let sum = Sum::of(&bytes[..], 0, 8).unwrap();
    assert_eq!(sum.checksum(), (!0xddf2_u16).to_be_bytes());
    assert_eq!(Sum::of_header(&bytes).checksum(), sum.checksum());
    // An IPv4 header, with its checksum and without.
    let header = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
        0xa8, 0x00, 0xc7,
    ];
    assert!(Sum::of(&header[..], 0, 20).unwrap().is_sound());
    let mut without = header;
    without[10..12].fill(0);
    let sum = Sum::of(&without[..], 0, 20).unwrap();
    assert!(!sum.is_sound());
    assert_eq!(sum.checksum(), [0xb8, 0x61]);
    assert_eq!(Sum::default().checksum(), [0xff, 0xff]);
    assert_eq!(Sum(u64::MAX).checksum(), [0, 0]);
}

#[test]
fn what_is_not_there_has_no_sum() {
    let bytes = [7; 100];
    for length in 0..=100 {
        for offset in 0..=100 {
            let sum = bytes[..].sum(offset, length);
            assert_eq!(sum.is_some(), offset + length <= 100, "{length} from {offset}");
        }
    }
}

proptest! {
    #[test]
    fn sums_agree_with_the_definition(
        bytes in vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..=MAX_LENGTH),
        offset in 0..20_usize,
        more in any::<[u16; 2]>(),
    ) {
        let offset = offset.min(bytes.len());
        let part = &bytes[offset..];
        let sum = bytes[..].sum(offset, part.len()).unwrap();
        prop_assert_eq!(sum.checksum(), (!naive(part)).to_be_bytes());
        // Words behind an even length.
        let words = more.map(u16::to_be_bytes).concat();
        let even = [part, &vec![0; part.len() % 2][..], &words].concat();
        let all = sum.with(more[0]).and(Sum::default().with(more[1]));
        prop_assert_eq!(all.checksum(), (!naive(&even)).to_be_bytes());
        prop_assert_eq!(all.is_sound(), naive(&even) == 0xffff);
    }
}
