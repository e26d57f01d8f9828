//! What can't be sent, and what is said of it.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use firewall_tests::harness::gro;
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::{copy_program, run_ok, tool};
use firewall_tests::harness::temporary_directory;

use super::tool::{from_neighbour, has_pktgen, host, pktgen};

/// That it ended with that code and said that, before it sent anything.
fn assert_refused(output: &Output, code: i32, words: &str) {
    assert_failed(output, code, words);
    assert_eq!(output.stdout, b"", "{words}");
}

/// That it ended with that code and said that.
fn assert_failed(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{words:?} in {said}");
}

#[test]
fn what_cannot_be_is_named() {
    let host = host().unwrap();
    host.neighbour.ip(&["address", "add", "192.0.2.2/24", "dev", "eth0"]).unwrap();
    host.neighbour.ip(&["link", "set", "eth0", "arp", "on"]).unwrap();
    host.neighbour.ip(&["link", "add", "down0", "type", "veth", "peer", "name", "down1"]).unwrap();
    let by = |interface, to| ["--netns", host.neighbour.name(), "--dev", interface, "--to", to];
    for (way, options, words) in [
        (by("none", "192.0.2.1"), &[][..], "there is no interface \"none\"; there are lo, "),
        (by("lo", "192.0.2.1"), &[], "lo has no Ethernet frames"),
        (by("down0", "192.0.2.1"), &[], "down0 is down or has no carrier"),
        (by("eth0", "192.0.2.99"), &[], "192.0.2.99 doesn't answer on eth0"),
        (by("eth0", "2001:db8::1"), &[], "--to 2001:db8::1: there's no route by eth0"),
        (
            by("eth0", "192.0.2.1"),
            &["--from", "2001:db8::1", "--to-mac", "02:00:00:00:00:01"],
            "--from 2001:db8::1: ",
        ),
        (
            by("eth0", "224.0.0.1"),
            &["--from", "192.0.2.2", "--to-mac", "02:00:00:00:00:01"],
            "--to 224.0.0.1: ",
        ),
    ] {
        let output = pktgen(&[&way, options].concat()).unwrap();
        assert_refused(&output, 2, words);
    }
    let way = from_neighbour(&host, true).unwrap();
    for (options, words) in [
        (&["--size", "57"][..], "--size 57: a frame of this kind has 58 bytes at least"),
        (&["--size", "1515"], "--size 1515: eth0 takes frames of 1514 bytes at most"),
        (
            &["--count", "10000000000"],
            "--count 10000000000: pktgen sends 9999999999 packets a thread at most",
        ),
        (&["--vlan", "4095"], "4095 is not in 1..=4094"),
        (
            &["--fragments", "in-order", "--size", "1294"],
            "there's nothing to cut: make it 1295 at least, or --mtu less",
        ),
        (&["--live", "--threads", "1000"], "--threads 1000: there are "),
    ] {
        let all: Vec<&str> = way.iter().map(String::as_str).chain(options.iter().copied()).collect();
        assert_refused(&pktgen(&all).unwrap(), 2, words);
    }
    assert_eq!(host.fragwall().statistics().unwrap().reason_packets("rule"), 0, "something was sent");
}

#[test]
fn namespaces_and_rules_must_be_there() {
    let there = ["--dev", "eth0", "--to", "192.0.2.1"];
    assert_refused(&pktgen(&[&there[..], &["--netns", "fw-none"]].concat()).unwrap(), 2, "fw-none");
    assert_refused(&pktgen(&["watch", "eth0", "--netns", "fw-none"]).unwrap(), 2, "fw-none");
    let netns = Netns::new("watched").unwrap();
    let watch = ["watch", "none", "--netns", netns.name()];
    assert_refused(&pktgen(&watch).unwrap(), 2, "there is no interface \"none\"");
    let rule = ["--live", "--allow", "udp nothing"];
    assert_refused(&pktgen(&rule).unwrap(), 2, "nothing");
}

#[test]
fn a_link_that_takes_no_frames_of_xdp_is_told() {
    let host = host().unwrap();
    host.ok(&["detach"]).unwrap();
    gro::set(&host.netns, "eth0", false).unwrap();
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> =
        way.iter().map(String::as_str).chain(["--fragments", "in-order", "--count", "10"]).collect();
    let output = pktgen(&options).unwrap();
    let words = "eth0 sends no frames that XDP makes: of a veth, the other end ";
    if output.stdout.is_empty() {
        assert_refused(&output, 3, words);
    } else {
        // Older kernels don't tell beforehand: it was tried, and what came of it is told.
        assert_failed(&output, 3, words);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("eth0 sent 0, dropped "), "{printed}");
    }
    gro::enable(&host.netns, "eth0").unwrap();
    let output = pktgen(&options).unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_kernel_without_pktgen_is_told() {
    if has_pktgen() {
        return;
    }
    let host = host().unwrap();
    let way = from_neighbour(&host, false).unwrap();
    let options: Vec<&str> = way.iter().map(String::as_str).collect();
    for options in [&options[..], &[]] {
        let output = pktgen(options).unwrap();
        assert_refused(&output, 3, "this kernel has no pktgen (");
        assert_refused(&output, 3, "`cargo xtask pktgen --kernel 6.12 …`");
    }
}

#[test]
fn it_is_for_root() {
    let directory = temporary_directory("nobody").unwrap();
    let binary = copy_program(env!("CARGO_BIN_EXE_pktgen").as_ref(), directory.path()).unwrap();
    run_ok(tool("chmod").arg("755").arg(directory.path())).unwrap();
    for options in [&["--live"][..], &["--dev", "lo", "--to", "192.0.2.1"], &["watch", "lo"]] {
        let output = Command::new(&binary).args(options).uid(65_534).output().unwrap();
        assert_refused(&output, 1, "this needs root, for network namespaces and BPF: run it as root");
    }
}
