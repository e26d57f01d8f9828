//! Datagrams of which a fragment has come before the takeover, and the others come after it.

use std::time::Duration;

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6};
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::{pending, receive, socket};

use super::{pinned, upgrade};

const ALLOWED: u16 = 7000;
const DENIED: u16 = 7001;
/// Far longer than a datagram takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(20);
/// The bytes of a datagram, and of those which are in its first fragment, beside the UDP header.
const LENGTH: usize = 1800;
const CUT: usize = 1000;

/// A first fragment, `becomes`, the takeover, a trailing fragment. Whether the datagram to the allowed port arrives, and what its
/// trailing fragment and that to the denied one count for.
fn in_two(label: &str, early: &str, becomes: impl FnOnce(&Pinned)) -> (bool, [u64; 2]) {
    let host = Host::new(label).unwrap();
    // That of the frames' destination, so that the stack takes them.
    host.netns.ip(&["link", "set", "eth0", "address", "02:00:00:00:00:02"]).unwrap();
    let directory = temporary_directory(label).unwrap();
    let file = directory.path().join("config");
    let config = format!(
        "interfaces = [\"eth0\"]\nrules = [\"allow udp {ALLOWED},9999\"]\n[fragments]\nearly = \"{early}\"\n"
    );
    std::fs::write(&file, config).unwrap();
    host.ok(&["apply", file.to_str().unwrap()]).unwrap();
    let receivers = [ALLOWED, DENIED, 9999].map(|port| socket(&host.netns, HOST[0], port).unwrap());
    let [allowed, denied, last] = &receivers;
    let neighbour = Neighbour::new(&host).unwrap();
    // What is sent last has been judged last.
    let all_judged = || {
        neighbour.send(ip6("2001:db8::2", "2001:db8::1").udp(9, 9999, b"last")).unwrap();
        assert!(receive(last, LOST).unwrap().is_some(), "a whole datagram is lost");
    };
    let of =
        |port, id| ip6("2001:db8::2", "2001:db8::1").udp(9, port, &[0x5a; LENGTH]).fragments(id, &[8 + CUT]);
    let (allowed_fragments, denied_fragments) = (of(ALLOWED, 0x5efa_507c), of(DENIED, 0x5efa_507d));
    for fragments in [&allowed_fragments, &denied_fragments] {
        neighbour.send(fragments[0].clone()).unwrap();
    }
    all_judged();

    becomes(&pinned(&host));
    upgrade(&host, &["apply", file.to_str().unwrap()]);
    for fragments in [&allowed_fragments, &denied_fragments] {
        neighbour.send(fragments[1].clone()).unwrap();
    }
    all_judged();
    let statistics = host.fragwall().statistics().unwrap();
    let counts = ["inherited", "early"].map(|reason| statistics.reason_packets(reason));
    // The stack has it once both fragments have passed.
    let arrives = pending(allowed).unwrap().iter().any(|datagram| datagram.len() == LENGTH);
    assert!(pending(denied).unwrap().is_empty(), "what is denied has come in");
    (arrives, counts)
}

/// Even where nothing that is early passes.
#[test]
fn the_rest_inherits_the_verdict_where_the_table_goes_on() {
    let same = in_two("rest", "drop", |pinned| pinned.means_otherwise_by(&["counters"]).unwrap());
    assert_eq!(same, (true, [2, 0]));
    let layout_7 = in_two("rest7", "drop", |pinned| pinned.becomes_layout_7().unwrap());
    assert_eq!(layout_7, (true, [2, 0]));
}

/// That of the denied one comes to nothing in the stack.
#[test]
fn the_rest_is_early_where_the_table_starts_anew() {
    let anew = |pinned: &Pinned| pinned.means_otherwise_by(&["fragments"]).unwrap();
    assert_eq!(in_two("early", "pass", anew), (true, [0, 2]));
    assert_eq!(in_two("strict", "drop", anew), (false, [0, 2]));
}
