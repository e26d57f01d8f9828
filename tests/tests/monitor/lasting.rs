//! A monitor and what happens to its filter, and to itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::watching::{LIMIT, Watching};

pub(crate) fn send(host: &Host, port: u16) {
    Neighbour::new(host).unwrap().send(ip6("2001:db8::2", "2001:db8::1").udp(9, port, b"x")).unwrap();
}

#[test]
fn one_watches_at_a_time_and_who_is_killed_watches_no_more() {
    let host = Host::new("one").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut first = Watching::new(&host, &[]).unwrap();
    let second = host.fragwall().run(&["monitor"]).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another `fragwall monitor`"), "{second:?}");
    // Whatever the second did, the first still watches.
    send(&host, 53);
    first.says(":53  whole").unwrap();
    first.daemon.signal(Signal::SIGKILL).unwrap();
    assert!(!first.daemon.ended(LIMIT).unwrap().success());
    // What was told to nobody isn't the next one's.
    send(&host, 54);
    let mut third = Watching::new(&host, &["--json"]).unwrap();
    send(&host, 55);
    third.says("\"destination_port\":55").unwrap();
    let said = third.end().unwrap();
    assert!(!said.contains("\"destination_port\":54"), "{said}");
    assert!(said.contains("\"shown\":1,\"others\":0,\"left_out\":0"), "{said}");
}

#[test]
fn it_goes_on_through_changes_of_the_rules() {
    let host = Host::new("through").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 53"]).unwrap();
    let mut watching = Watching::new(&host, &[]).unwrap();
    host.ok(&["deny", "udp 54"]).unwrap();
    send(&host, 54);
    watching.says("rule 2: deny udp 54").unwrap();
    host.ok(&["delete", "1"]).unwrap();
    send(&host, 53);
    watching.says(":53  whole, 63 bytes  default: deny").unwrap();
    watching.end().unwrap();
}

#[test]
fn it_ends_with_the_filter() {
    let host = Host::new("ends").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let watching = Watching::new(&host, &[]).unwrap();
    host.ok(&["detach"]).unwrap();
    let said = watching.ended().unwrap();
    assert!(said.contains("the filter was detached"), "{said}");
    let output = host.fragwall().run(&["monitor"]).unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn what_cant_be_asked_for_is_refused() {
    let host = Host::new("refused").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 53"]).unwrap();
    for (arguments, words) in [
        (&["--rule", "2"][..], "--rule 2: there are 1 rules"),
        (&["--rule", "0"], "--rule 0: there are 1 rules"),
        (&["--verdict", "droped"], "expected one of drop, pass, reject"),
        (&["--reason", "whim"], "neighbour-discovery"),
        (&["--address", "2001:db8::/129"], "expected an address, or ADDRESS/LENGTH"),
        (&["--rate", "0"], "0 is not in 1..=1000000"),
        (&["--format", "kernel", "--json"], "cannot be used with"),
    ] {
        let output = host.fragwall().run(&[&["monitor"], arguments].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{said}");
    }
    let output = host.fragwall().run(&["monitor", "--write", "/nonexistent/x.pcapng"]).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/x.pcapng"), "{output:?}");
}

/// How many packets are dropped before nobody reads any more, and after that: the first are more than a pipe holds when they're told of.
const READ: usize = 2000;
const UNREAD: usize = 3000;
/// Longer than a lease.
const STUCK: Duration = Duration::from_secs(5);

/// A pager that isn't scrolled on keeps the monitor from printing: what is dropped meanwhile is still told of later, or counted.
#[test]
fn while_nobody_reads_what_it_prints_nothing_goes_uncounted() {
    let host = Host::new("unread").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut command = host.fragwall().command().unwrap();
    command.args(["monitor", "--json", "--rate", "100000"]);
    let mut monitor =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(monitor.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("watching eth0"), "{said}");
    let before = host.fragwall().statistics().unwrap().dropped();
    let neighbour = Neighbour::new(&host).unwrap();
    let flood = |packets| {
        for _ in 0..packets {
            neighbour.send(ip6("2001:db8::2", "2001:db8::1").udp(9, 53, b"x")).unwrap();
        }
    };
    flood(READ);
    std::thread::sleep(STUCK);
    flood(UNREAD);
    kill(Pid::from_raw(monitor.id() as i32), Signal::SIGINT).unwrap();
    let mut printed = String::new();
    monitor.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(monitor.wait().unwrap().success());
    let summary: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let [shown, left_out] = ["shown", "left_out"].map(|key| summary[key].as_u64().unwrap());
    let dropped = host.fragwall().statistics().unwrap().dropped() - before;
    assert_eq!((dropped, shown + left_out), ((READ + UNREAD) as u64, (READ + UNREAD) as u64), "{summary}");
}
