//! A takeover that awaits confirmation: the older program with its own tables is in force again, unless it's confirmed.

use aya::maps::MapInfo;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp::only_the_allowed_is_reached;

use super::{older, pinned, program, upgrade};

const ANEW: [&str; 3] = ["fragments", "sources", "flows"];

/// The host, and the id of the older version's fragment table.
fn pending(label: &str) -> (Host, u32) {
    let host = older(label, &["udp 7000"], |pinned| pinned.means_otherwise_by(&ANEW).unwrap());
    let table = MapInfo::from_pin(pinned(&host).table("fragments").unwrap()).unwrap().id();
    assert_eq!(upgrade(&host, &["upgrade", "--confirm", "1h"]), ANEW);
    assert_eq!(pinned(&host).names("tables").unwrap(), ["1", "2"], "both are needed");
    assert_eq!(program(&host)["is_own"], true);
    is_filtered(&host);
    (host, table)
}

fn is_filtered(host: &Host) {
    only_the_allowed_is_reached(host, HOST[0], [7000, 7001], &[100, 3000]).unwrap();
}

#[test]
fn it_goes_back() {
    let (host, table) = pending("back");
    host.ok(&["rollback"]).unwrap();
    assert_eq!(program(&host)["version"], "0.0.9");
    assert_eq!(pinned(&host).names("tables").unwrap(), ["1"]);
    let fragments = pinned(&host).table("fragments").unwrap();
    assert_eq!(MapInfo::from_pin(fragments).unwrap().id(), table);
    is_filtered(&host);
    assert_eq!(upgrade(&host, &["upgrade"]), ANEW);
}

#[test]
fn it_stays() {
    let (host, table) = pending("stays");
    host.ok(&["confirm"]).unwrap();
    assert_eq!(program(&host)["is_own"], true);
    assert_eq!(pinned(&host).names("tables").unwrap(), ["2"]);
    let fragments = pinned(&host).table("fragments").unwrap();
    assert_ne!(MapInfo::from_pin(fragments).unwrap().id(), table);
    is_filtered(&host);
}
