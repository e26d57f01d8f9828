//! Random traffic, counted by a filter on a real interface.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use firewall_common::verdict::Verdict;
use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::packet::random::{Random, sequence};
use firewall_tests::harness::process::run_ok;
use firewall_tests::harness::raw::RawSender;
use firewall_tests::harness::{pcap::pcap, temporary_directory};
use serde_json::Value;

use super::{all, seen, stats, stats_at};

/// How many packets are sent, one by one, at least.
const PACKETS: usize = 1200;
/// The longest frame that the link takes, in bytes.
const LONGEST: usize = 1514;

const CONFIG: &str = r#"
interfaces = ["eth0"]
default = "reject"
replies = false
rules = ["deny udp 500", "allow udp", "allow icmpv6", "reject tcp 1-100", "allow tcp", "allow icmp"]
"#;

/// Of each packet the counters say what `explain` says: the same reason, verdict and rule, and nothing else. In the end they
/// add up to what was sent, by reason, by verdict and by interface.
#[test]
fn counters_say_of_each_packet_what_explain_says() {
    let seed = std::env::var("FRAGWALL_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut random = Random::new(seed);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut number = 0;
    while frames.len() < PACKETS {
        frames.extend(sequence(&mut random, number, 13).into_iter().filter(|frame| frame.len() <= LONGEST));
        number += 1;
    }
    let directory = temporary_directory("stats").unwrap();
    let (config, file) = (directory.path().join("fragwall.toml"), directory.path().join("sent.pcap"));
    fs::write(&config, CONFIG).unwrap();
    fs::write(&file, pcap(&frames)).unwrap();
    let config = config.to_str().unwrap();
    let output =
        run_ok(Command::new(binary().unwrap()).args(["explain", "--json", "--config", config]).arg(&file))
            .unwrap();
    let explained: Vec<Value> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(explained.len(), frames.len());

    let host = Host::quiet("random").unwrap();
    host.ok(&["apply", config]).unwrap();
    let sender = RawSender::new(&host.neighbour, "eth0").unwrap();
    let mut before = stats(&host).unwrap();
    assert_eq!(all(&before).packets, 0, "{before:?}");
    let mut sent: BTreeMap<String, u64> = BTreeMap::new();
    for (place, (frame, explained)) in frames.iter().zip(&explained).enumerate() {
        let packets = place as u64 + 1;
        sender.send_in_turn(frame).unwrap();
        let now = stats_at(&host, packets)
            .unwrap_or_else(|error| panic!("seed {seed}, packet {packets}: {error:#}"));
        let text = |key: &str| explained[key].as_str().unwrap().to_owned();
        let (reason, verdict) = (text("reason"), text("verdict"));
        let context = || format!("seed {seed}, packet {packets}: {explained}\n{frame:02x?}");
        for counted in &now.present().reasons {
            let is_counter = |other: &&_| -> bool {
                let other: &fragwall::observe::stats::ReasonStats = other;
                (other.reason, other.verdict) == (counted.reason, counted.verdict)
            };
            let earlier =
                before.present().reasons.iter().find(is_counter).map_or(0, |other| other.total.packets);
            let own = u64::from((counted.reason, counted.verdict) == (&reason, &verdict));
            assert_eq!(
                counted.total.packets - earlier,
                own,
                "{} {}: {}",
                counted.reason,
                counted.verdict,
                context()
            );
        }
        for (rule, earlier) in now.present().rules.iter().zip(&before.present().rules) {
            let own = u64::from(explained["rule"] == rule.number);
            assert_eq!(
                rule.total.packets - earlier.total.packets,
                own,
                "rule {}: {}",
                rule.number,
                context()
            );
        }
        *sent.entry(verdict).or_default() += 1;
        before = now;
    }
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let total = all(&before);
    assert_eq!((total.packets, total.bytes), (frames.len() as u64, bytes as u64));
    assert_eq!(seen(&before, Some("eth0")).unwrap(), total);
    let interface = &before.present().interfaces[0];
    for (verdict, total) in [
        (Verdict::Pass, interface.passed),
        (Verdict::Drop, interface.dropped),
        (Verdict::Reject, interface.rejected),
    ] {
        assert_eq!(total, before.present().of_verdict(verdict));
        assert_eq!(total.packets, sent.get(verdict.name()).copied().unwrap_or(0), "{verdict:?}");
        assert!(total.packets > 10, "{verdict:?} hardly ever came");
    }
}
