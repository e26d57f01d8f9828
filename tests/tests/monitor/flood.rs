//! A flood doesn't drown what is rare, and nothing goes uncounted.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6};

use super::watching::{Watching, objects};

/// How many packets flood in, and every how many another kind comes between them.
const PACKETS: usize = 60_000;
const RARE: usize = 10_000;

#[test]
fn what_is_shown_and_what_is_left_out_are_all_drops() {
    let host = Host::new("flood").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    host.ok(&["deny", "udp 7000"]).unwrap();
    let neighbour = Neighbour::new(&host).unwrap();
    // Drops that nobody watches aren't counted as left out.
    neighbour.send(ip6("2001:db8::2", "2001:db8::1").udp(9, 53, b"x")).unwrap();
    let watching = Watching::new(&host, &["--json", "--rate", "40"]).unwrap();
    let before = host.fragwall().statistics().unwrap().dropped();
    for n in 0..PACKETS {
        let port = if n % RARE == RARE / 2 { 7000 } else { 53 };
        neighbour.send(ip6("2001:db8::2", "2001:db8::1").udp(9, port, b"x")).unwrap();
    }
    let (told, summary) = objects(&watching.end().unwrap()).unwrap();
    let dropped = host.fragwall().statistics().unwrap().dropped() - before;
    assert_eq!(dropped, PACKETS as u64);
    let [shown, left_out] = ["shown", "left_out"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!((shown, shown + left_out), (told.len() as u64, dropped), "{summary}");
    assert!(left_out > 0, "all of a flood was told of");
    let rare = told.iter().filter(|object| object["reason"] == "rule").count();
    assert_eq!(rare, PACKETS / RARE, "what is rare was left out");
}
