//! What is counted by interface.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::packet::{Ether, Internet as _, ip4, ip6, pattern};
use firewall_tests::harness::raw::RawSender;
use serde_json::json;

use super::{all, seen, stats_at};

/// A frame that rules let in, one that they drop, one that they reject.
fn frames() -> [Vec<u8>; 3] {
    let packet = || ip6("2001:db8::2", "2001:db8::1");
    let allowed = Ether::to(packet().udp(9, 4500, &pattern(100))).frame();
    let denied = Ether::to(ip4("192.0.2.2", "192.0.2.1").udp(9, 53, &pattern(20))).frame();
    let rejected = Ether::to(packet().tcp(9, 22, 2, b"")).frame();
    [allowed, denied, rejected]
}

/// A pair of interfaces of the host, of which the first has that index; who sends by the second.
fn interface(host: &Host, index: u32) -> RawSender {
    let [name, peer] = [format!("veth{index}"), format!("peer{index}")];
    let index = index.to_string();
    host.netns.ip(&["link", "add", &name, "index", &index, "type", "veth", "peer", "name", &peer]).unwrap();
    for name in [&name, &peer] {
        host.netns.set_parameter(&format!("ipv6/conf/{name}/disable_ipv6"), "1").unwrap();
        host.netns.ip(&["link", "set", name, "arp", "off", "up"]).unwrap();
    }
    RawSender::new(&host.netns, &peer).unwrap()
}

#[test]
fn each_interface_has_what_came_in_by_it_by_verdict() {
    let host = Host::quiet("by-interface").unwrap();
    let other = interface(&host, 77);
    host.ok(&["attach", "eth0", "veth77", "--allow", "udp 4500"]).unwrap();
    host.ok(&["reject", "tcp 22"]).unwrap();
    let own = RawSender::new(&host.neighbour, "eth0").unwrap();
    let frames = frames();
    for (sender, counts) in [(&own, [5, 3, 2]), (&other, [1, 0, 4])] {
        for (frame, count) in frames.iter().zip(counts) {
            (0..count).for_each(|_| sender.send_in_turn(frame).unwrap());
        }
    }
    stats_at(&host, 15).unwrap();
    let stats = host.fragwall().json(&["stats"]).unwrap();
    let total = |frame: usize, count: usize| json!({"packets": count, "bytes": count * frames[frame].len()});
    let expected = |name: &str, counts: [usize; 3]| {
        let [passed, dropped, rejected] = [0, 1, 2].map(|frame| total(frame, counts[frame]));
        json!({"interface": name, "passed": passed, "dropped": dropped, "rejected": rejected})
    };
    assert_eq!(stats["interfaces"], json!([expected("eth0", [5, 3, 2]), expected("veth77", [1, 0, 4])]));
    let none = |name| expected(name, [0, 0, 0]);
    assert_eq!(stats["observed"]["interfaces"], json!([none("eth0"), none("veth77")]));
    let text = String::from_utf8(host.ok(&["stats"]).unwrap().stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().take(3).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [["passed", "dropped", "rejected", "interface"], ["5", "3", "2", "eth0"], ["1", "0", "4", "veth77"]]
    );

    // What is only observed is counted apart, and interfaces keep their counts when rules change.
    let config = host.bpffs.path().join("fragwall");
    assert!(config.exists());
    host.ok(&["deny", "udp 500"]).unwrap();
    own.send_in_turn(&frames[0]).unwrap();
    assert_eq!(seen(&stats_at(&host, 16).unwrap(), Some("eth0")).unwrap().packets, 11);

    // One that is attached to again begins anew.
    host.ok(&["detach", "veth77"]).unwrap();
    host.ok(&["attach", "veth77"]).unwrap();
    let stats = super::stats(&host).unwrap();
    assert_eq!(seen(&stats, Some("veth77")).unwrap().packets, 0);
    assert_eq!(all(&stats).packets, 16, "what was counted by reason stays");
}

#[test]
fn what_is_observed_is_counted_apart() {
    let host = Host::quiet("observed-by-interface").unwrap();
    host.ok(&["attach", "eth0", "--observe"]).unwrap();
    let own = RawSender::new(&host.neighbour, "eth0").unwrap();
    own.send_in_turn(&frames()[1]).unwrap();
    let stats = stats_at(&host, 1).unwrap();
    assert!(stats.observing);
    let [enforced, observed] =
        [&stats.enforced, &stats.observed].map(|counted| counted.interfaces[0].clone());
    assert_eq!((observed.dropped.packets, observed.passed.packets), (1, 0), "as it would have been");
    assert_eq!(enforced.seen().packets, 0);
}

/// Interfaces whose indexes share all their rows: those that come first have a row of their own, and what comes in by the others
/// is still counted, together. A row whose interface is detached is free for another.
#[test]
fn interfaces_with_colliding_indexes_are_told_apart_as_far_as_there_is_room() {
    let host = Host::quiet("colliding").unwrap();
    let indexes = [300, 300 + 256, 300 + 512, 300 + 768, 300 + 1024];
    let senders = indexes.map(|index| interface(&host, index));
    let names = indexes.map(|index| format!("veth{index}"));
    let attach: Vec<&str> = ["attach"].into_iter().chain(names.iter().map(String::as_str)).collect();
    host.ok(&attach).unwrap();
    let frame = &frames()[1];
    for (place, sender) in senders.iter().enumerate() {
        (0..=place).for_each(|_| sender.send_in_turn(frame).unwrap());
    }
    let stats = stats_at(&host, 15).unwrap();
    for (place, name) in names.iter().enumerate().take(4) {
        assert_eq!(seen(&stats, Some(name)).unwrap().packets, place as u64 + 1, "{name}");
    }
    assert_eq!(seen(&stats, Some(&names[4])).unwrap().packets, 0);
    assert_eq!(seen(&stats, None).unwrap().packets, 5, "of all others");
    assert!(String::from_utf8(host.ok(&["stats"]).unwrap().stdout).unwrap().contains("(others)"));

    host.ok(&["detach", &names[1]]).unwrap();
    host.ok(&["detach", &names[4]]).unwrap();
    host.ok(&["attach", &names[4]]).unwrap();
    senders[4].send_in_turn(frame).unwrap();
    senders[0].send_in_turn(frame).unwrap();
    let stats = stats_at(&host, 17).unwrap();
    assert_eq!(seen(&stats, Some(&names[4])).unwrap().packets, 1, "it has a row now, and an empty one");
    assert_eq!(seen(&stats, Some(&names[0])).unwrap().packets, 2);
    assert_eq!(seen(&stats, None).unwrap().packets, 5, "as before");
    assert!(super::stats(&host).unwrap().present().interfaces.len() == 5);
}
