//! However a run ends, nothing is left behind.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{Daemon, run_ok, tool};
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use super::tool::{command, from_neighbour, has_pktgen, host, pktgen};

const LIMIT: Duration = Duration::from_secs(120);

/// Starts the tool, sends it a signal once it has sent something, and tells its exit code and what it said.
fn interrupted(options: &[&str], signal: Signal) -> Result<(Option<i32>, String)> {
    let directory = temporary_directory("ends")?;
    let log = directory.path().join("log");
    let mut daemon = Daemon::spawn(&mut command(options), &log)?;
    daemon.wait_until(
        || fs::read_to_string(&log).is_ok_and(|text| text.contains(" datagrams  sent ")),
        LIMIT,
    )?;
    daemon.signal(signal)?;
    let status = daemon.ended(LIMIT)?;
    let names = run_ok(tool("ip").args(["netns", "list"]))?.stdout;
    let mine = format!("fw{}-", daemon.id());
    assert!(!String::from_utf8_lossy(&names).contains(&mine), "a network namespace is left");
    Ok((status.code(), daemon.log()))
}

/// The devices that pktgen's threads have in a namespace.
fn devices(host: &Host) -> Result<String> {
    host.neighbour.enter(|| {
        let mut all = String::new();
        for entry in fs::read_dir("/proc/thread-self/net/pktgen")? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("kpktgend_") {
                all += &fs::read_to_string(entry.path())?;
            }
        }
        Ok(all)
    })
}

#[test]
fn live_frames_end_with_a_signal_and_are_told() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let options = ["--fragments", "in-order", "--seconds", "600", "--rate", "1000"];
        let (code, said) = interrupted(&options, signal).unwrap();
        assert_eq!(code, Some(128 + signal as i32), "{said}");
        assert!(said.contains("\nsender    ") && said.contains("\nfilter    passed "), "{said}");
        assert!(said.ends_with("stopped; nothing is left behind\n"), "{said}");
    }
}

#[test]
fn pktgen_ends_with_a_signal_and_keeps_no_device() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> = way
        .iter()
        .map(String::as_str)
        .chain(["--seconds", "600", "--threads", "2", "--rate", "1000"])
        .collect();
    let (code, said) = interrupted(&options, Signal::SIGINT).unwrap();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("\nsender    ") && said.contains("kpktgend_1: OK: "), "{said}");
    let left = devices(&host).unwrap();
    assert!(!left.contains("eth0"), "{left}");
}

#[test]
fn pktgen_ends_early_if_its_interface_goes_down() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let directory = temporary_directory("ends").unwrap();
    let log = directory.path().join("log");
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> =
        way.iter().map(String::as_str).chain(["--count", "1000000", "--rate", "1000"]).collect();
    let mut daemon = Daemon::spawn(&mut command(&options), &log).unwrap();
    let sends = || fs::read_to_string(&log).is_ok_and(|text| text.contains(" datagrams  sent "));
    daemon.wait_until(sends, LIMIT).unwrap();
    host.neighbour.ip(&["link", "set", "eth0", "down"]).unwrap();
    let status = daemon.ended(LIMIT).unwrap();
    assert_eq!(status.code(), Some(1), "{}", daemon.log());
    assert!(
        daemon.log().contains("of 1000000 were sent: eth0 went down or lost its carrier meanwhile"),
        "{}",
        daemon.log()
    );
    assert!(!devices(&host).unwrap().contains("eth0"));
}

#[test]
fn live_frames_by_an_interface_that_goes_down_are_a_failure() {
    let host = host().unwrap();
    let directory = temporary_directory("ends").unwrap();
    let log = directory.path().join("log");
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> = way
        .iter()
        .map(String::as_str)
        .chain(["--fragments", "in-order", "--seconds", "8", "--rate", "1000"])
        .collect();
    let mut daemon = Daemon::spawn(&mut command(&options), &log).unwrap();
    let sends = || fs::read_to_string(&log).is_ok_and(|text| text.contains(" datagrams  sent "));
    daemon.wait_until(sends, LIMIT).unwrap();
    host.netns.ip(&["link", "set", "eth0", "down"]).unwrap();
    let status = daemon.ended(LIMIT).unwrap();
    let said = daemon.log();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("\nsender    "), "{said}");
    assert!(said.contains("eth0 went down or lost its carrier meanwhile"), "{said}");
}

#[test]
fn whoever_uses_pktgen_is_not_disturbed() {
    if !has_pktgen() {
        return;
    }
    let host = host().unwrap();
    host.neighbour
        .enter(|| Ok(fs::write("/proc/thread-self/net/pktgen/kpktgend_0", "add_device eth0\n")?))
        .unwrap();
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> = way.iter().map(String::as_str).chain(["--count", "1"]).collect();
    let output = pktgen(&options).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("somebody else is using pktgen: kpktgend_0 has eth0;"), "{said}");
    assert!(devices(&host).unwrap().contains("Stopped: eth0"));
}
