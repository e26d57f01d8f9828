//! What is told of the fragment table.

use std::fs;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::packet::{Ether, Internet as _, ip6, pattern};
use firewall_tests::harness::raw::RawSender;
use firewall_tests::harness::{temporary_directory, wait::wait_until};
use fragwall::observe::stats::TableStats;

use super::{stats, stats_at};

/// The smallest table.
const ENTRIES: u64 = 64;

/// How many datagrams are more than the table holds.
const MANY: u32 = 100;

/// The first fragment of a datagram to a port, and its trailing one.
fn datagram(port: u16, id: u32) -> [Vec<u8>; 2] {
    let packet = ip6("2001:db8::2", "2001:db8::1").udp(9, port, &pattern(1000));
    let fragments = packet.fragments(id, &[504]);
    [0, 1].map(|part| Ether::to(fragments[part].clone()).frame())
}

/// Datagrams come, are accepted, denied, early; more of them than fit; then all of them run out and give way.
#[test]
fn the_table_tells_what_it_holds_and_how_it_went() {
    let host = Host::quiet("table").unwrap();
    // So that no source finds its budget used up.
    host.netns.set_parameter("ipv6/ip6frag_high_thresh", "268435456").unwrap();
    let directory = temporary_directory("stats").unwrap();
    let file = directory.path().join("fragwall.toml");
    let config = r#"
        interfaces = ["eth0"]
        rules = ["allow udp 4500"]
        [fragments]
        table = 64
        timeout = "2s"
    "#;
    fs::write(&file, config).unwrap();
    host.ok(&["apply", file.to_str().unwrap()]).unwrap();
    let sender = RawSender::new(&host.neighbour, "eth0").unwrap();
    let mut sent = 0;
    let mut send = |frame: &[u8]| {
        sender.send_in_turn(frame).unwrap();
        sent += 1;
        sent
    };
    assert_eq!(stats(&host).unwrap().table, TableStats { entries: ENTRIES, ..TableStats::default() });

    // One of each kind. A datagram that is complete needs no entry.
    send(&datagram(4500, 1)[0]);
    send(&datagram(53, 2)[0]);
    send(&datagram(53, 2)[1]);
    send(&datagram(53, 3)[0]);
    send(&datagram(4500, 4)[1]);
    send(&datagram(4500, 5)[0]);
    let sent = send(&datagram(4500, 5)[1]);
    let table = stats_at(&host, sent).unwrap().table;
    assert_eq!((table.accepted, table.denied, table.early, table.expired), (1, 1, 1, 0), "{table:?}");
    assert_eq!((table.in_use(), table.hits), (3, 2), "{table:?}");
    assert_eq!((table.reused, table.evicted, table.unrecorded), (0, 0, 0), "{table:?}");

    // More accepted ones than there's room for, then denied ones, which push out none of them.
    let mut last = 0;
    for id in 1000..1000 + MANY {
        last = send(&datagram(4500, id)[0]);
    }
    let full = stats_at(&host, last).unwrap().table;
    assert_eq!(full.in_use() + full.evicted, table.in_use() + u64::from(MANY), "{full:?}");
    assert!(full.evicted >= u64::from(MANY) - ENTRIES, "{full:?}");
    assert_eq!(full.unrecorded, 0, "{full:?}");
    for id in 2000..2000 + MANY {
        last = send(&datagram(53, id)[0]);
    }
    let denied = stats_at(&host, last).unwrap().table;
    assert_eq!(denied.accepted, full.accepted, "{denied:?}");
    assert_eq!(
        denied.in_use() + denied.evicted + denied.unrecorded,
        full.in_use() + full.evicted + u64::from(MANY),
        "{denied:?}"
    );
    assert!(denied.unrecorded > 0, "{denied:?}");

    wait_until(|| Ok(stats(&host)?.table.expired == denied.in_use())).unwrap();
    // The clock that tells it is slewed, and the kernel's count of jiffies isn't.
    std::thread::sleep(std::time::Duration::from_millis(100));
    for id in 3000..3000 + MANY {
        last = send(&datagram(53, id)[0]);
    }
    let reused = stats_at(&host, last).unwrap().table;
    assert_eq!((reused.accepted, reused.unrecorded), (0, denied.unrecorded), "{reused:?}");
    assert_eq!(reused.reused + reused.expired, denied.in_use(), "{reused:?}");
    assert!(reused.reused > 0, "{reused:?}");
}
