//! `Fragment::check` against the RFCs' own words.

use firewall_common::{
    fragment::{Class, Fragment},
    verdict::Reason,
};

/// What the RFCs hold against a fragment whose payload is bytes `offset .. offset + length` of its datagram.
fn objections(offset: u16, length: u16, more: bool, protocol: u8) -> Vec<Reason> {
    let mut objections = Vec::new();
    // RFC 8200 4.5: "If the length and offset of a fragment are such that the Payload Length of the packet reassembled
    // from that fragment would exceed 65,535 octets, then that fragment must be discarded".
    if u64::from(offset) + u64::from(length) >= 1 << 16 {
        objections.push(Reason::FragmentEnd);
    }
    // "If the length of a fragment […] is not a multiple of 8 octets and the M flag of that fragment is 1, then that
    // fragment must be discarded". One without a byte is no part of anything.
    if more && (length < 8 || !length.is_multiple_of(8)) {
        objections.push(Reason::FragmentLength);
    }
    // RFC 3128 4.2: "if FO=1 and PROTOCOL=TCP then DROP PACKET"; FO counts in units of 8 bytes.
    if protocol == 6 && offset / 8 == 1 {
        objections.push(Reason::FragmentTcpFlags);
    }
    objections
}

#[test]
fn check_is_what_the_rfcs_say() {
    for offset in (0..=65528u16).step_by(8) {
        let room = 65535 - offset;
        let around_the_end = room.saturating_sub(9)..=room.saturating_add(9);
        let lengths =
            (0..=17).chain([1231, 1232, 1233, 1480, 65527, 65528, 65534, 65535]).chain(around_the_end);
        for length in lengths {
            for more in [false, true] {
                for protocol in [0, 1, 5, 6, 7, 17, 44, 58, 59, 255] {
                    let fragment = Fragment::new(7, offset.into(), more, length.into());
                    let objections = objections(offset, length, more, protocol);
                    match fragment.check(protocol) {
                        Ok(()) => assert!(objections.is_empty(), "{fragment:?} {protocol}: {objections:?}"),
                        Err(reason) => {
                            assert!(objections.contains(&reason), "{fragment:?} {protocol}: {reason:?}")
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_protocol_but_tcp_may_go_on_at_byte_8() {
    for protocol in 0..=255 {
        let checked = Fragment::new(1, 8, false, 8).check(protocol);
        assert_eq!(checked, if protocol == 6 { Err(Reason::FragmentTcpFlags) } else { Ok(()) });
    }
}

#[test]
fn the_class_follows_from_offset_and_more() {
    for offset in (0..=65528u16).step_by(8) {
        for more in [false, true] {
            let fragment = Fragment::new(u32::MAX, offset.into(), more, 8);
            let class = match (offset == 0, more) {
                (true, true) => Class::First,
                (true, false) => Class::Atomic,
                (false, _) => Class::Trailing,
            };
            assert_eq!(fragment.class, class);
            assert_eq!(fragment.is_first(), class == Class::First);
            assert_eq!(fragment.is_trailing(), class == Class::Trailing);
            assert!(fragment.is_fragment());
            assert_eq!(fragment.end(), usize::from(offset) + 8);
        }
    }
    assert!(!Fragment::WHOLE.is_fragment() && !Fragment::OTHER.is_fragment());
}

#[test]
fn classes_have_their_own_code() {
    for class in Class::ALL {
        assert_eq!(Class::from_code(class.code()), Some(class));
    }
    assert_eq!(Class::from_code(Class::ALL.len() as u8), None);
}
