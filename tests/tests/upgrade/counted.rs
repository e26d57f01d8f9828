//! What was counted goes on, or starts from zero.

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp::only_the_allowed_is_reached;
use serde_json::Value;

use super::{older, pinned, upgrade};

const DATAGRAMS: usize = 5;

fn counted(host: &Host) -> [Value; 3] {
    let stats = host.fragwall().json(&["stats"]).unwrap();
    [
        &stats["rules"][0]["packets"],
        &stats["default"]["packets"],
        &stats["interfaces"][0]["passed"]["packets"],
    ]
    .map(Clone::clone)
}

fn send(host: &Host) {
    only_the_allowed_is_reached(host, HOST[1], [7000, 7001], &[100; DATAGRAMS]).unwrap();
}

#[test]
fn counters_go_on() {
    let host = older("go-on", &["udp 7000"], |_| {});
    send(&host);
    let before = counted(&host);
    assert!(before.iter().all(|count| count.as_u64() >= Some(DATAGRAMS as u64)), "{before:?}");
    pinned(&host).becomes_layout_7().unwrap();
    let [rule, default, interface] = counted(&host);
    assert_eq!([&rule, &default], [&before[0], &before[1]], "this version reads those of layout 7");
    // Others may have come by it meanwhile, neighbour discovery say.
    assert!(interface.as_u64() >= before[2].as_u64(), "{interface} of {before:?}");
    assert_eq!(upgrade(&host, &["allow", "udp", "4500"]), Vec::<String>::new());
    let [rule, default, interface] = counted(&host);
    assert_eq!([&rule, &default], [&before[0], &before[1]]);
    assert!(interface.as_u64() >= before[2].as_u64(), "{interface} of {before:?}");
    send(&host);
    assert_eq!(counted(&host)[0], before[0].as_u64().unwrap() + DATAGRAMS as u64);
}

#[test]
fn counters_that_mean_something_else_arent_read_and_start_from_zero() {
    let host = older("zero", &["udp 7000"], |_| {});
    send(&host);
    pinned(&host).means_otherwise_by(&["counters", "interfaces"]).unwrap();
    for command in ["stats", "list"] {
        let refused = host.fragwall().run(&[command]).unwrap();
        let words = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{command}: {words}");
        let says = ["counters", "version 0.0.9", "fragwall upgrade", env!("CARGO_PKG_VERSION")];
        assert!(says.iter().all(|word| words.contains(word)), "{command}: {words}");
    }
    let status = String::from_utf8(host.ok(&["status"]).unwrap().stdout).unwrap();
    for said in ["version 0.0.9", "fragwall upgrade", "all counters start from zero"] {
        assert!(status.contains(said), "{status}");
    }
    let said = host.ok(&["upgrade"]).unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("version 0.0.9") && said.contains("all counters start from zero"), "{said}");
    assert_eq!(counted(&host)[..2], [Value::from(0), Value::from(0)]);
    send(&host);
    let after = counted(&host);
    assert!(after.iter().all(|count| count.as_u64() >= Some(DATAGRAMS as u64)), "{after:?}");
}

/// A map of another shape stands for one of a version that had another: it's never taken for this one's.
#[test]
fn tables_of_another_shape_start_anew() {
    use aya::maps::{Array, PerCpuArray};

    let host = older("shape", &["udp 7000"], |_| {});
    let [fragments, sources, counters] =
        ["fragments", "sources", "counters"].map(|name| pinned(&host).table(name).unwrap());
    for pin in [&fragments, &sources, &counters] {
        std::fs::remove_file(pin).unwrap();
    }
    // Of the same size in all, of another number of entries, and of another kind.
    Array::<_, [u8; 32]>::create(32_768, 0).unwrap().pin(&fragments).unwrap();
    Array::<_, [u8; 64]>::create(8192, 0).unwrap().pin(&sources).unwrap();
    PerCpuArray::<_, u64>::create(64, 0).unwrap().pin(&counters).unwrap();
    pinned(&host).means_otherwise_by(&[]).unwrap();
    let words = String::from_utf8_lossy(&host.fragwall().run(&["stats"]).unwrap().stderr).into_owned();
    assert!(words.contains("64 entries of 8 bytes"), "{words}");
    assert_eq!(upgrade(&host, &["upgrade"]), ["fragments", "sources", "counters"]);
    send(&host);
    assert!(counted(&host)[0].as_u64() >= Some(DATAGRAMS as u64));
}
