//! A monitor while another version takes the filter over.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::pinned::Pinned;

use super::{
    lasting::send,
    watching::{LIMIT, Watching},
};

#[test]
fn it_goes_on_where_the_tables_go_on() {
    let host = Host::new("goes-on").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut watching = Watching::new(&host, &[]).unwrap();
    Pinned::of(&host).unwrap().becomes_layout_7().unwrap();
    host.ok(&["upgrade"]).unwrap();
    send(&host, 5353);
    watching.says(":5353  whole").unwrap();
    watching.end().unwrap();
}

/// It would hear nothing any more.
#[test]
fn it_ends_and_says_why_where_they_start_anew() {
    let host = Host::new("elsewhere").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut watching = Watching::new(&host, &[]).unwrap();
    Pinned::of(&host).unwrap().means_otherwise_by(&["watch", "events"]).unwrap();
    let said = host.ok(&["upgrade"]).unwrap().stderr;
    assert!(String::from_utf8_lossy(&said).contains("whoever watched must ask anew"));
    assert_eq!(watching.daemon.ended(LIMIT).unwrap().code(), Some(1));
    assert!(watching.daemon.log().contains("has taken the filter over"), "{}", watching.daemon.log());
    let mut again = Watching::new(&host, &[]).unwrap();
    send(&host, 5353);
    again.says(":5353  whole").unwrap();
    again.end().unwrap();
}
