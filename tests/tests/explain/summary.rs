//! How many packets of a capture there are of each kind.

use std::fs;

use firewall_tests::harness::temporary_directory;
use serde_json::{Value, json};

use crate::{exchange, explain, pcap};

/// The exchange twice, once without its first fragment, and an ARP request.
fn frames() -> Vec<Vec<u8>> {
    let [first, trailing] = <[Vec<u8>; 2]>::try_from(exchange()).unwrap();
    let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 46]].concat();
    vec![first, trailing.clone(), trailing, arp]
}

#[test]
fn packets_and_bytes_are_counted_by_reason_and_by_rule() {
    let directory = temporary_directory("summary").unwrap();
    let input = directory.path().join("input.pcap");
    fs::write(&input, pcap(&frames())).unwrap();
    let output = explain(&["--allow", "tcp 22", "--allow", "@ike", "--summary", "--json"], &input);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let [first, trailing] = [0, 1].map(|n| frames()[n].len());
    let reason = |reason, verdict, packets, bytes| json!({"reason": reason, "verdict": verdict, "packets": packets, "bytes": bytes});
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        json!({
            "version": 1, "packets": 4, "bytes": first + 2 * trailing + 60,
            "reasons": [
                reason("arp", "pass", 1, 60),
                reason("rule", "pass", 1, first),
                reason("inherited", "pass", 1, trailing),
                reason("early", "pass", 1, trailing),
            ],
            "rules": [
                {"number": 1, "rule": "allow tcp 22", "packets": 0, "bytes": 0,
                 "trailing": {"packets": 0, "bytes": 0}},
                {"number": 2, "rule": "allow @ike", "packets": 2, "bytes": first + trailing,
                 "trailing": {"packets": 1, "bytes": trailing}},
            ],
            "default": {"action": "deny", "packets": 0, "bytes": 0, "trailing": {"packets": 0, "bytes": 0}},
        })
    );
}

#[test]
fn people_get_it_as_tables() {
    let directory = temporary_directory("summary").unwrap();
    let input = directory.path().join("input.pcap");
    fs::write(&input, pcap(&frames())).unwrap();
    let output = explain(&["--allow", "@ike", "--summary"], &input);
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["packets", "bytes", "trailing", "rule"]);
    assert_eq!((words[1][0], &words[1][2..]), ("2", &["1", "1:", "allow", "@ike"][..]));
    assert_eq!(words[2], ["0", "0", "0", "default:", "deny"]);
    assert_eq!(words[4], ["packets", "bytes", "verdict", "reason"]);
    assert!(words.iter().any(|line| line.ends_with(&["pass", "inherited"])), "{text}");
    assert_eq!((words.last().unwrap()[0], words.last().unwrap()[2]), ("4", "all"));
}

#[test]
fn of_a_truncated_capture_the_packets_before_the_cut_are_counted() {
    let directory = temporary_directory("summary").unwrap();
    let input = directory.path().join("cut.pcap");
    let whole = pcap(&frames());
    fs::write(&input, &whole[..whole.len() - 1]).unwrap();
    let output = explain(&["--allow", "@ike", "--summary", "--json"], &input);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["packets"], 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("truncated"), "{output:?}");
}

#[test]
fn whoever_is_no_terminal_sees_no_progress() {
    let directory = temporary_directory("summary").unwrap();
    let input = directory.path().join("large.pcap");
    // Larger than what progress is shown of.
    let padded = [&exchange()[0][..], &[0; 8000]].concat();
    fs::write(&input, pcap(&vec![padded; 1100])).unwrap();
    for options in [&["--allow", "@ike", "--summary"][..], &["--allow", "@ike"]] {
        let output = explain(options, &input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}
