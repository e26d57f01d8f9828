//! Whole packets by the kernel's pktgen.

use firewall_tests::harness::schema::assert_schema;
use serde_json::Value;

use super::tool::{Filter, has_pktgen, host, pktgen, send};

/// How many packets.
const COUNT: u64 = 3000;

#[test]
fn the_filter_counts_what_pktgen_sent() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let (mut filter, mut bytes) = (Filter::of(&host), 0);
    for (is_v4, options, reason) in [
        (false, &[][..], "rule"),
        (true, &[], "rule"),
        (false, &["--port", "53"], "default"),
        (true, &["--port", "53"], "default"),
        (false, &["--vlan", "5"], "rule"),
        (true, &["--vlan", "4094", "--port", "4501"], "default"),
        (false, &["--size", "1514"], "rule"),
        (true, &["--size", "58", "--from-port", "9"], "rule"),
        (false, &["--rate", "20000"], "rule"),
    ] {
        let sent = send(&host, is_v4, &[&["--count", &COUNT.to_string()], options].concat()).unwrap();
        assert_eq!(sent.packets, COUNT, "{options:?}: {}", sent.json);
        let [counted] = filter.judged(COUNT - sent.lost, [reason]).unwrap();
        assert_eq!(counted, COUNT - sent.lost, "{options:?}");
        // pktgen's size is that of the frame, and so it is on the wire.
        bytes += counted * sent.json["traffic"]["size"].as_u64().unwrap();
        let stats = host.fragwall().json(&["stats"]).unwrap();
        let reasons = stats["reasons"].as_array().unwrap().iter();
        let all: u64 = reasons.map(|reason| reason["bytes"].as_u64().unwrap()).sum();
        assert_eq!(all, bytes, "{options:?}");
    }
}

#[test]
fn two_threads_share_what_is_sent() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let options = ["--count", "3001", "--threads", "2", "--port", "4499-4501"];
    let sent = send(&host, false, &options).unwrap();
    let threads = sent.json["sender"]["threads"].as_array().unwrap();
    let of_thread = |key: &str| threads.iter().map(|thread| thread[key].clone()).collect::<Vec<Value>>();
    assert_eq!(of_thread("packets"), [1501, 1500]);
    assert_eq!(of_thread("thread"), ["kpktgend_0", "kpktgend_1"]);
    let [allowed, denied] = Filter::of(&host).judged(3001 - sent.lost, ["rule", "default"]).unwrap();
    // Ports have their turns, each thread on its own; what was lost may have been any, and so may what others were sent in place of, which
    // have turns as well.
    let replaced = sent.json["sender"]["errors"].as_u64().unwrap();
    let least = 1000_u64.saturating_sub(sent.lost + replaced);
    assert!((least..=(3005 + replaced) / 3).contains(&allowed), "{allowed} and {denied}: {}", sent.json);
}

#[test]
fn it_stops_when_its_time_is_over() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let sent = send(&host, false, &["--seconds", "1", "--rate", "1000"]).unwrap();
    assert!(sent.packets > 0, "{}", sent.json);
    let [counted] = Filter::of(&host).judged(sent.packets - sent.lost, ["rule"]).unwrap();
    assert_eq!(counted, sent.packets - sent.lost);
}

#[test]
fn alone_it_makes_both_sides() {
    if !has_pktgen() {
        return;
    }
    let output = pktgen(&["--count", "2000", "--port", "4500", "--json"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_schema(
        &json,
        &[
            "generator",
            "receiver.counter.bytes",
            "receiver.counter.packets",
            "receiver.counter_dropped",
            "receiver.filter.dropped",
            "receiver.filter.passed",
            "receiver.filter.reasons[].bytes",
            "receiver.filter.reasons[].packets",
            "receiver.filter.reasons[].reason",
            "receiver.filter.reasons[].verdict",
            "receiver.filter.rejected",
            "receiver.interface",
            "receiver.packets_per_second",
            "sender.counter.bytes",
            "sender.counter.packets",
            "sender.counter_dropped",
            "sender.datagrams",
            "sender.errors",
            "sender.interface",
            "sender.packets",
            "sender.packets_per_second",
            "sender.seconds",
            "sender.threads[].errors",
            "sender.threads[].packets",
            "sender.threads[].result",
            "sender.threads[].seconds",
            "sender.threads[].thread",
            "traffic.fragments",
            "traffic.from",
            "traffic.from_port",
            "traffic.ports",
            "traffic.rate",
            "traffic.size",
            "traffic.to",
            "traffic.vlan",
            "version",
        ],
    );
    assert_eq!((&json["generator"], &json["sender"]["packets"]), (&"pktgen".into(), &2000.into()));
    let result = json["sender"]["threads"][0]["result"].as_str().unwrap();
    assert!(result.starts_with("OK: ") && result.contains("usec, 2000 (162byte,0frags)"), "{result}");
    let reasons = json["receiver"]["filter"]["reasons"].as_array().unwrap();
    let rule = reasons.iter().find(|reason| reason["reason"] == "rule").unwrap()["packets"].as_u64().unwrap();
    // The two hosts send something of their own, some of which the link may have lost instead.
    let lost = json["sender"]["counter_dropped"].as_u64().unwrap();
    assert!((2000_u64.saturating_sub(lost)..=2000).contains(&rule), "{json}");
}
