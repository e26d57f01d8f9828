//! The receiving side of two hosts.

use std::time::Duration;

use firewall_tests::harness::process::Daemon;
use firewall_tests::harness::schema::assert_schema;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::tool::{command, host, pktgen, send};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn it_tells_what_comes_until_it_is_stopped() {
    let host = host().unwrap();
    let directory = temporary_directory("watch").unwrap();
    let bpffs = host.bpffs.path().to_string_lossy().into_owned();
    let options = ["watch", "eth0", "--netns", host.netns.name(), "--bpffs", &bpffs];
    let mut watch = Daemon::spawn(&mut command(&options), &directory.path().join("log")).unwrap();
    let log = directory.path().join("log");
    let lines = |number| move |text: &str| text.lines().count() >= number;
    let said = |holds: &dyn Fn(&str) -> bool| std::fs::read_to_string(&log).is_ok_and(|text| holds(&text));
    watch.wait_until(|| said(&lines(2)), LIMIT).unwrap();
    for port in ["4500", "53"] {
        send(&host, false, &["--fragments", "in-order", "--count", "1000", "--port", port]).unwrap();
    }
    let seen = |text: &str| text.contains("drop default ") && text.contains("pass inherited ");
    watch.wait_until(|| said(&seen), LIMIT).unwrap();
    watch.signal(Signal::SIGINT).unwrap();
    assert!(watch.ended(LIMIT).unwrap().success(), "{}", watch.log());
    let text = watch.log();
    let sum = text.split_once(" s:\n").unwrap().1;
    for words in [
        "receiver  eth0 received 4000, ",
        "filter    passed 2000, dropped 2000, rejected 0\n",
        "        1000 packets  ",
        " pass    rule\n",
        " drop    default\n",
    ] {
        assert!(sum.contains(words), "{words:?} in {text}");
    }
}

#[test]
fn it_ends_by_itself_and_tells_programs_the_sum() {
    let host = host().unwrap();
    let bpffs = host.bpffs.path().to_string_lossy().into_owned();
    let options =
        ["watch", "eth0", "--netns", host.netns.name(), "--bpffs", &bpffs, "--seconds", "1", "--json"];
    let output = pktgen(&options).unwrap();
    assert!(output.status.success(), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_schema(
        &json,
        &[
            "receiver.counter.bytes",
            "receiver.counter.packets",
            "receiver.counter_dropped",
            "receiver.filter.dropped",
            "receiver.filter.passed",
            "receiver.filter.reasons",
            "receiver.filter.rejected",
            "receiver.interface",
            "receiver.packets_per_second",
            "seconds",
            "version",
        ],
    );
    assert!(json["seconds"].as_f64().unwrap() >= 1.0, "{json}");
}

#[test]
fn without_a_filter_it_says_so_and_tells_the_rest() {
    let host = host().unwrap();
    host.ok(&["detach"]).unwrap();
    let bpffs = host.bpffs.path().to_string_lossy().into_owned();
    let options = ["watch", "eth0", "--netns", host.netns.name(), "--bpffs", &bpffs, "--seconds", "1"];
    let output = pktgen(&options).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no filter is in force here"), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        printed.ends_with("receiver  eth0 received 0, 0 a second, dropped 0\nfilter    none is in force\n"),
        "{printed}"
    );
}
