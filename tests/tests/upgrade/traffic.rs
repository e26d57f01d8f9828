//! While fragmented datagrams come in without a pause: none of those that are allowed is lost, none that is denied comes through.

use std::net::IpAddr;

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::loaded::Loaded;
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::stream::{Ports, Stream};

use super::{older, pinned, program, upgrade};

const PORTS: Ports = Ports { allowed: 7000, denied: 7001 };
/// Makes three fragments on the link.
const DATAGRAM: usize = 3000;
/// How often the filter is taken over.
const ROUNDS: usize = 10;
/// How many numbers are judged at least between two takeovers.
const BETWEEN: u64 = 12;

/// The filter is taken over again and again from a version that left it as `becomes` makes it.
fn taken_over_under(to: IpAddr, label: &str, anew: &[&str], becomes: impl Fn(&Pinned)) {
    let host = older(label, &["udp 7000"], &becomes);
    let mut seen = Loaded::default();
    let stream = Stream::start(&host, to, PORTS, DATAGRAM).unwrap();
    for round in 0..ROUNDS {
        stream.judged(BETWEEN).unwrap();
        seen.note(host.bpffs.path()).unwrap();
        let program_before = host.attached("eth0").unwrap();
        assert_eq!(program(&host)["starts_anew"], serde_json::json!(anew), "round {round}");
        assert_eq!(upgrade(&host, &["upgrade"]), anew, "round {round}");
        assert_ne!(host.attached("eth0").unwrap(), program_before, "round {round}");
        assert_eq!(program(&host)["is_own"], true, "round {round}");
        let denied = stream.judged(BETWEEN).unwrap();
        assert!(!denied, "round {round}: what is denied has come in");
        assert!(host.fragwall().json(&["upgrade"]).unwrap()["taken_over"].is_null(), "round {round}");
        becomes(&pinned(&host));
    }
    let (sent, denied) = stream.end().unwrap();
    assert!(sent > 0 && !denied, "what is denied has come in");
    upgrade(&host, &["upgrade"]);
    is_tidy(&host, &seen);
}

/// Nothing is left of what was there before.
fn is_tidy(host: &Host, seen: &Loaded) {
    let pinned = pinned(host);
    let mut names = pinned.names(".").unwrap();
    names.retain(|name| name != "egress");
    assert_eq!(names, ["generations", "links", "tables"]);
    for directory in ["generations", "tables"] {
        assert_eq!(pinned.names(directory).unwrap().len(), 1, "{directory}");
    }
    let mut now = Loaded::default();
    now.note(host.bpffs.path()).unwrap();
    seen.without(&now).wait_until_freed().unwrap();
}

#[test]
fn the_same_tables_go_on() {
    taken_over_under(HOST[0], "same", &[], |pinned| pinned.means_otherwise_by(&[]).unwrap());
}

#[test]
fn those_of_layout_7_go_on() {
    taken_over_under(HOST[1], "layout7", &[], |pinned| pinned.becomes_layout_7().unwrap());
}

#[test]
fn others_start_anew_beside_them() {
    let anew = ["fragments", "sources", "counters", "interfaces", "flows"];
    taken_over_under(HOST[0], "anew", &anew, |pinned| pinned.means_otherwise_by(&anew).unwrap());
}
