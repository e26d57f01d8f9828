//! Packets that are cut, anywhere.

use firewall_common::{rules::Action, verdict::Reason};
use firewall_tests::harness::{
    kernel::Setup,
    packet::{Ether, Internet, patched, pattern},
};

use crate::{IP, frame, judge, load, v4, v6};

/// Frames without padding, with the place where the IP header begins and that where what the rules need ends.
fn frames() -> Vec<(Vec<u8>, usize, usize)> {
    let payload = &pattern(40);
    vec![
        (frame(v6().udp(9, 4500, payload)), IP, IP + 48),
        (frame(v6().tcp(9, 22, 2, payload)), IP, IP + 60),
        (frame(v6().hop_by_hop(8).dest_opts(16).udp(9, 4500, payload)), IP, IP + 72),
        (frame(v6().routing(4, 24).fragment(1, 0, false).udp(9, 4500, payload)), IP, IP + 80),
        (
            Ether::to(v6().dest_opts(8).udp(9, 4500, payload)).tag(0x88a8, 1).tag(0x8100, 2).frame(),
            IP + 8,
            IP + 64,
        ),
        (frame(v6().icmp6(2, 0, payload)), IP, IP + 44),
        (frame(v6().hop_limit(255).icmp6(135, 0, payload)), IP, IP + 44),
        (frame(v4().udp(9, 4500, payload)), IP, IP + 28),
        (frame(v4().options(&[1; 40]).tcp(9, 22, 2, payload)), IP, IP + 80),
        (frame(v4().icmp(3, 4, payload)), IP, IP + 28),
        (Ether::to(v4().sctp(9, 22, payload)).tag(0x8100, 2).frame(), IP + 4, IP + 36),
    ]
}

const ALL: &[&str] = &["allow udp", "allow tcp", "allow sctp", "allow icmp", "allow icmpv6"];

#[test]
fn a_frame_that_ends_before_its_packet_drops() {
    // Even where whatever can be judged passes.
    let mut kernel = load(&Setup::rules(ALL).default(Action::Allow));
    for (frame, ip, _) in frames() {
        assert!(judge(&mut kernel, &frame).passes());
        for length in 14..frame.len() {
            let judged = judge(&mut kernel, &frame[..length]);
            assert!(!judged.passes(), "{length} of {} bytes: {judged:?}", frame.len());
            let expected = match frame[ip] >> 4 {
                6 if length >= ip + 40 => Reason::IpLength,
                4 if length >= ip + 20 => Reason::IpLength,
                _ => Reason::Truncated,
            };
            assert_eq!(judged.reason, expected, "{length} of {} bytes", frame.len());
        }
    }
}

#[test]
fn a_packet_passes_only_with_all_its_headers() {
    let mut kernel = load(&Setup::rules(ALL).default(Action::Allow));
    for (frame, ip, headers) in frames() {
        let v6 = frame[ip] >> 4 == 6;
        let (field, before) = if v6 { (ip + 4, ip + 40) } else { (ip + 2, ip) };
        let least = if v6 { ip + 40 } else { ip + usize::from(frame[ip] & 15) * 4 };
        for length in least..=frame.len() {
            let says = ((length - before) as u16).to_be_bytes();
            // The frame goes on behind the packet, or it doesn't: what lies there must not be read as headers.
            for frame in [patched(&frame, field, &says), patched(&frame, field, &says)[..length].to_vec()] {
                let judged = judge(&mut kernel, &frame);
                assert_eq!(
                    judged.passes(),
                    length >= headers,
                    "{length} bytes in {}: {judged:?}",
                    frame.len()
                );
                if length < headers {
                    assert_eq!(judged.reason, Reason::TransportHeader, "{length} bytes in {}", frame.len());
                }
            }
        }
    }
}

#[test]
fn a_first_fragment_passes_only_with_all_its_headers() {
    let mut kernel = load(&Setup::rules(ALL).default(Action::Allow));
    let datagram = v6().hop_by_hop(8).dest_opts(24).dest_opts(16).udp(9, 4500, &pattern(200));
    let datagram4 = v4().options(&[1; 8]).tcp(9, 22, 2, &pattern(200));
    for cut in (8..200).step_by(8) {
        let expected = |headers| {
            if cut >= headers { Reason::Rule } else { Reason::FragmentHeaders }
        };
        let first = frame(datagram.fragments(1, &[cut]).remove(0));
        assert_eq!(judge(&mut kernel, &first).reason, expected(24 + 16 + 8), "{cut} bytes");
        let first = frame(datagram4.fragments(1, &[cut]).remove(0));
        assert_eq!(judge(&mut kernel, &first).reason, expected(20), "{cut} bytes");
    }
}
