//! What holds of every frame that the parser is given, whatever its bytes.

use std::iter;

use firewall_common::{
    fragment::Class,
    packet::{Family, Ip, plain},
    verdict::{Judgement, Reason},
};

use super::{
    parse::{Facts, Recorder, parse, summary},
    reference,
};

/// Prefixes up to this many bytes are all tried, of longer ones those that end where something is read.
const ALL_PREFIXES: usize = 256;

/// Parses a frame whole, in parts, and with more bytes behind it.
///
/// # Panics
/// If the parser does, or if what it says breaks what holds of every frame.
pub(crate) fn parse_frame(frame: &[u8]) {
    let recorder = Recorder::new(frame);
    let parsed = parse(&recorder);
    let whole = summary(&parsed);
    match reference::read(frame) {
        Some(sound) => assert_eq!(whole, summary(&Ok(sound))),
        None => assert!(parsed.is_err(), "passed, but isn't sound: {parsed:?}"),
    }

    read_at_once(frame, &whole);

    let end = match &parsed {
        Ok(Ok(ip)) => inside(frame, ip),
        _ => frame.len(),
    };
    let reads = recorder.reads();
    for &(from, to) in &reads {
        assert!(from < to, "nothing is read at {from}");
        assert!(to <= end || whole == Err(Reason::Truncated), "{from}..{to} of {end}: {parsed:?}");
    }

    // What is missing is never made up: with fewer bytes the answer is the same, or that there are too few of them.
    let borders = reads.iter().flat_map(|&(from, to)| [from, to - 1, to]).chain([end.saturating_sub(1), end]);
    for length in (0..ALL_PREFIXES).chain(borders).filter(|length| *length < frame.len()) {
        let part = summary(&parse(&frame[..length]));
        let same = part == whole && !(matches!(parsed, Ok(Ok(_))) && length < end);
        assert!(same || too_short(&part), "{length} of {} bytes: {part:?}, whole: {whole:?}", frame.len());
    }
    if !too_short(&whole) {
        for padding in [0x00, 0xff] {
            let padded: Vec<u8> = frame.iter().copied().chain(iter::repeat_n(padding, 46)).collect();
            assert_eq!(summary(&parse(&padded[..])), whole, "with {padding:#04x} behind it");
        }
    }
}

/// What is read at once is what is read layer by layer; and what most packets are is read at once.
fn read_at_once(frame: &[u8], whole: &Result<Result<Facts, u16>, Reason>) {
    let read = plain::kind(frame).and_then(|kind| match kind {
        plain::Kind::Whole6 => plain::whole6(frame),
        plain::Kind::Whole4 => plain::whole4(frame),
        plain::Kind::Fragment6 => plain::fragment6(frame),
        plain::Kind::Fragment4 => plain::fragment4(frame),
    });
    if let Some(ip) = read {
        assert_eq!(summary(&Ok(Ok(ip))), *whole, "at once, and layer by layer");
    }
    let Ok(Ok((family, [offset, end, payload], _, fragment, protocol, _))) = *whole else { return };
    let headers = match (family, fragment.class) {
        (Family::V4, _) => 20,
        (Family::V6, Class::Whole) => 40,
        (Family::V6, _) => 48,
    };
    let is_fragment = fragment.class != Class::Whole;
    let is_plain = offset == 14
        && payload == offset + headers
        && frame.len() >= 38
        && (frame.len() == end || frame.len() <= 60)
        && (fragment.class == Class::Trailing
            || fragment.class != Class::Atomic && [6, 17].contains(&protocol))
        && !(is_fragment && (fragment.length == 0 || family == Family::V6 && frame[38] >= 0xfe));
    assert_eq!(read.is_some(), is_plain, "{whole:?}");
}

/// Everything in it lies inside the frame. Gives back where it ends.
fn inside(frame: &[u8], ip: &Ip) -> usize {
    let Ip { offset, end, fragment, .. } = *ip;
    assert!(offset < end && end <= frame.len(), "{offset}..{end} of {}", frame.len());
    assert!(fragment.length <= end - offset, "{fragment:?} in {offset}..{end}");
    assert!(fragment.offset.is_multiple_of(8) && fragment.end() <= 65535, "{fragment:?}");
    end
}

/// Whether the answer is that bytes are missing.
fn too_short<T>(parsed: &Result<T, Reason>) -> bool {
    let Err(reason) = parsed else {
        return false;
    };
    let too_short = matches!(reason, Reason::Truncated | Reason::IpLength);
    assert_eq!(Judgement::drop(*reason).is_past_end(), too_short, "{reason:?}");
    too_short
}
