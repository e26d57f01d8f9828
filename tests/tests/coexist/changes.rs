//! While datagrams come: rules change, the entry goes and comes, a build takes over.

use firewall_tests::harness::entry::{Entry, NAME, Way};
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::stream::{Ports, Stream};

use super::{ALLOW, PORTS, is_filtered, is_open};

/// Makes three fragments.
const SIZE: usize = 3000;
const CHANGES: usize = 10;
/// How many datagrams are judged each time.
const JUDGED: u64 = 5;

fn stream(host: &Host) -> Stream {
    Stream::start(host, HOST[0], Ports { allowed: PORTS[0], denied: PORTS[1] }, SIZE).unwrap()
}

/// As a dispatcher has it.
const CALLED: Way = Way { frags: false, typed: false, native: true };

#[test]
fn no_datagram_is_lost_or_let_in_as_rules_change() {
    let host = Host::new("changes").unwrap();
    let _entry = Entry::on(&host, CALLED).unwrap();
    host.ok(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    let stream = stream(&host);
    for change in 0..CHANGES {
        let command = if change % 2 == 0 { "allow" } else { "delete" };
        host.ok(&[command, "udp 7002"]).unwrap();
        assert!(!stream.judged(JUDGED).unwrap(), "a denied datagram came in");
    }
    // What is denied comes in once it's allowed, and no longer than that.
    host.ok(&["allow", "udp 7001"]).unwrap();
    stream.judged(JUDGED).unwrap();
    assert!(stream.judged(JUDGED).unwrap());
    host.ok(&["delete", "udp 7001"]).unwrap();
    stream.judged(JUDGED).unwrap();
    assert!(!stream.judged(JUDGED).unwrap());
    let (sent, came_in) = stream.end().unwrap();
    assert!(sent > 0 && !came_in);
}

#[test]
fn another_build_takes_it_over() {
    let host = Host::new("taken-over").unwrap();
    let _entry = Entry::on(&host, CALLED).unwrap();
    host.ok(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    let stream = stream(&host);
    Pinned::of(&host).unwrap().means_otherwise_by(&["flows"]).unwrap();
    host.ok(&["upgrade"]).unwrap();
    assert!(!stream.judged(JUDGED).unwrap());
    let (_, came_in) = stream.end().unwrap();
    assert!(!came_in);
    is_filtered(&host).unwrap();
}

#[test]
fn an_entry_that_is_taken_off_is_told_and_the_filter_goes_on_with_the_next() {
    let host = Host::new("taken-off").unwrap();
    host.add_interface("eth1").unwrap();
    let entry = Entry::on(&host, CALLED).unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", ALLOW]).unwrap();
    drop(entry);
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interrupted"][0]["name"], "eth0", "{status}");
    assert_eq!(status["interrupted"][0]["what"], "entry", "{status}");
    assert_eq!(status["interfaces"].as_array().unwrap().len(), 1, "{status}");
    let doctor = host.fragwall().run(&["doctor"]).unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1), "{told}");
    assert!(told.contains("eth0 isn't filtered any more"), "{told}");
    is_open(&host).unwrap();

    let _entry = Entry::on(&host, CALLED).unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    is_filtered(&host).unwrap();
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["interrupted"], serde_json::json!([]));
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    assert_eq!(host.attached("eth0").unwrap().unwrap().name, NAME);
}
