//! Which rule a packet's headers match.

use firewall_common::{
    rules::{Action, Slot},
    verdict::{Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::{Kernel, Setup},
    packet::{Ether, Internet},
};

use crate::{frame, judge, load, v4, v6};

/// The rule, from 0, that both IPv4 and IPv6 packets to that port match, and whether they pass.
fn matched(kernel: &mut Kernel, protocol: u8, port: u16) -> (bool, Option<usize>) {
    let [high, low] = port.to_be_bytes();
    let mut transport = vec![0xff, 0xff, high, low];
    transport.resize(20, 0);
    let [one, other] = [frame(v4().raw(protocol, &transport)), frame(v6().raw(protocol, &transport))]
        .map(|f| judge(kernel, &f));
    assert_eq!(one, other, "IPv4 and IPv6 differ for protocol {protocol}, port {port}");
    (one.passes(), one.slot.as_rule())
}

#[test]
fn ports_and_ranges_match_to_their_bounds() {
    let rules = &[
        "allow udp 500,4500",
        "allow tcp 22,8000-8100,65535",
        "allow sctp 1-3",
        "allow 33 7",
        "allow 136 7",
    ];
    let mut kernel = load(&Setup::rules(rules));
    for (protocol, rule, inside, outside) in [
        (17, 0, &[500, 4500][..], &[0, 1, 499, 501, 4499, 4501, 22, 65535][..]),
        (6, 1, &[22, 8000, 8001, 8099, 8100, 65535], &[0, 21, 23, 7999, 8101, 65534, 500]),
        (132, 2, &[1, 2, 3], &[0, 4, 256, 512, 65535]),
        (33, 3, &[7], &[0, 6, 8, 1792]),
        (136, 4, &[7], &[0, 6, 8, 1792]),
    ] {
        for &port in inside {
            assert_eq!(
                matched(&mut kernel, protocol, port),
                (true, Some(rule)),
                "protocol {protocol}, port {port}"
            );
        }
        for &port in outside {
            assert_eq!(
                matched(&mut kernel, protocol, port),
                (false, None),
                "protocol {protocol}, port {port}"
            );
        }
    }
}

#[test]
fn the_source_port_is_no_matter() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    assert!(!judge(&mut kernel, &frame(v6().udp(4500, 9, &[]))).passes());
    assert!(!judge(&mut kernel, &frame(v4().udp(4500, 9, &[]))).passes());
}

#[test]
fn the_first_rule_that_matches_wins() {
    let mut kernel =
        load(&Setup::rules(&["deny udp 500", "allow udp 1-1000", "deny udp", "allow udp 7777", "allow tcp"]));
    for (port, expected) in [
        (500, (false, Some(0))),
        (499, (true, Some(1))),
        (1001, (false, Some(2))),
        (7777, (false, Some(2))),
        (0, (false, Some(2))),
    ] {
        assert_eq!(matched(&mut kernel, 17, port), expected, "port {port}");
    }
    assert_eq!(matched(&mut kernel, 6, 500), (true, Some(4)));
}

#[test]
fn a_protocol_is_matched_by_its_number() {
    let mut kernel = load(&Setup::rules(&["allow 47", "deny esp", "allow ah", "allow 255", "allow udp"]));
    for (protocol, expected) in [
        (47, (true, Some(0))),
        (50, (false, Some(1))),
        (255, (true, Some(3))),
        (17, (true, Some(4))),
        (46, (false, None)),
        (48, (false, None)),
        (254, (false, None)),
        (6, (false, None)),
    ] {
        assert_eq!(matched(&mut kernel, protocol, 17), expected, "protocol {protocol}");
    }
    assert_eq!(
        judge(&mut kernel, &frame(v6().auth(7).udp(9, 9, &[]))).summary(),
        (Verdict::Pass, Reason::Rule, Some(2))
    );
}

#[test]
fn the_default_goes_both_ways() {
    for (default, slot) in [(Action::Deny, Slot::DEFAULT_DROP), (Action::Allow, Slot::DEFAULT_PASS)] {
        let mut kernel = load(&Setup::rules(&["deny udp 53"]).default(default));
        let passes = default == Action::Allow;
        let deep = (0..3).fold(Ether::to(v6().udp(9, 53, &[])), |ether, n| ether.tag(0x8100, n));
        for frame in [
            frame(v6().udp(9, 54, &[])),
            frame(v4().tcp(9, 53, 2, &[])),
            frame(v6().raw(253, &[])),
            deep.frame(),
        ] {
            let judged = judge(&mut kernel, &frame);
            assert_eq!((judged.passes(), judged.reason, judged.slot), (passes, Reason::Default, slot));
        }
        assert_eq!(matched(&mut kernel, 17, 53), (false, Some(0)));
    }
}
