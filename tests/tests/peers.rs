//! Fragwall beside the tools that people have: ping, netcat, iperf3, tcpdump, nftables.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::{Daemon, run, run_ok};
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::{receive, socket};
use serde_json::Value;

/// The host's IPv6 address.
const ADDRESS: IpAddr = HOST[0];
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);
/// More than the links' MTU: three fragments.
const LARGE: usize = 3000;

/// Sends a datagram from the neighbour by netcat.
fn netcat(netns: &Netns, port: u16, length: usize) {
    let mut command = netns.command("nc.openbsd").unwrap();
    command.args(["-u", "-w1", &ADDRESS.to_string(), &port.to_string()]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&vec![0x55; length]).unwrap();
    assert!(child.wait().unwrap().success());
}

fn ping(netns: &Netns, length: usize) -> Command {
    let mut command = netns.command("ping").unwrap();
    command.args(["-n", "-c1", "-W1", "-s", &length.to_string(), &ADDRESS.to_string()]);
    command
}

/// Starts tcpdump and waits until it captures.
fn tcpdump(netns: &Netns, file: &Path) -> Daemon {
    let mut command = netns.command("tcpdump").unwrap();
    command.args(["-n", "-U", "-i", "eth0", "-Q", "out", "-w"]).arg(file).arg("ip6");
    let mut daemon = Daemon::spawn(&mut command, &file.with_extension("log")).unwrap();
    // It says that it listens before it has opened the file that it writes to.
    let begun = || file.metadata().is_ok_and(|file| file.len() >= 24);
    daemon.wait_until(begun, LIMIT).unwrap();
    daemon
}

#[test]
fn what_tcpdump_captured_is_explained() {
    let host = Host::new("tcpdump").unwrap();
    let directory = temporary_directory("tcpdump").unwrap();
    let file = directory.path().join("sent.pcap");
    let mut capture = tcpdump(&host.neighbour, &file);
    netcat(&host.neighbour, 4500, LARGE);
    netcat(&host.neighbour, 53, LARGE);
    // Each datagram is in the file once its last fragment is: 3000 bytes of payload each, and then some.
    let complete = || file.metadata().is_ok_and(|file| file.len() > 2 * LARGE as u64 + 6 * 60);
    capture.wait_until(complete, LIMIT).unwrap();
    drop(capture);

    let arguments = ["explain", "--allow", "@ike", "--json", file.to_str().unwrap()];
    let output = host.ok(&arguments).unwrap();
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fragments: Vec<(&str, &str, Option<u64>)> = lines
        .iter()
        .filter(|line| !line["fragment"].is_null())
        .map(|line| {
            (line["verdict"].as_str().unwrap(), line["reason"].as_str().unwrap(), line["rule"].as_u64())
        })
        .collect();
    assert_eq!(
        fragments,
        [
            ("pass", "rule", Some(1)),
            ("pass", "inherited", Some(1)),
            ("pass", "inherited", Some(1)),
            ("drop", "default", None),
            ("drop", "inherited", None),
            ("drop", "inherited", None),
        ]
    );
}

#[test]
fn ping_is_answered_where_a_rule_allows_it() {
    let host = Host::new("ping").unwrap();
    host.ok(&["attach", "eth0", "--allow", "@ike"]).unwrap();
    for length in [56, LARGE] {
        let refused = run(&mut ping(&host.neighbour, length), LIMIT).unwrap();
        assert!(!refused.status.success(), "{length} bytes are answered against the rules");
    }
    host.ok(&["allow", "icmpv6"]).unwrap();
    for length in [56, LARGE] {
        run_ok(&mut ping(&host.neighbour, length)).unwrap();
    }
}

#[test]
fn iperf3_loses_no_datagram_to_the_filter() {
    let host = Host::new("iperf3").unwrap();
    host.ok(&["attach", "eth0", "--allow", "tcp 5201", "--allow", "udp 5201"]).unwrap();
    let directory = temporary_directory("iperf3").unwrap();
    let mut server = host.netns.command("iperf3").unwrap();
    server.args(["--server", "--one-off", "--forceflush"]);
    let mut server = Daemon::spawn(&mut server, &directory.path().join("server.log")).unwrap();
    let log = directory.path().join("server.log");
    let listens = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("listening"));
    server.wait_until(listens, LIMIT).unwrap();
    // Two megabytes in datagrams of three fragments each.
    let mut client = host.neighbour.command("iperf3").unwrap();
    client.args(["--client", &ADDRESS.to_string(), "--udp", "--length", "3000", "--bytes", "2M"]);
    client.args(["--bitrate", "20M", "--json"]);
    let report: Value = serde_json::from_slice(&run(&mut client, LIMIT).unwrap().stdout).unwrap();
    let sent = report["end"]["sum"]["packets"].as_u64().unwrap_or_else(|| panic!("{report}"));
    assert!(sent > 600, "{report}");
    let statistics = host.fragwall().statistics().unwrap();
    // The server sends, too: from then on what the client sends are replies.
    assert_eq!(statistics.reason_packets("inherited"), 2 * sent, "{}", statistics.json());
    assert_eq!(statistics.dropped(), 0, "{}", statistics.json());
}

#[test]
fn a_datagram_that_stateless_nft_rules_lose_passes_fragwall() {
    const STATELESS: &str = "table ip6 stateless {
        chain input {
            type filter hook input priority filter; policy drop;
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
            udp dport { 500, 4500 } accept
        }
    }";
    let host = Host::new("nft").unwrap();
    let receiver = socket(&host.netns, ADDRESS, 4500).unwrap();
    let arrives = |length| {
        netcat(&host.neighbour, 4500, length);
        receive(&receiver, Duration::from_secs(1)).unwrap().map(|datagram| datagram.len())
    };
    let mut nft = host.netns.command("nft").unwrap();
    run_ok(nft.arg(STATELESS)).unwrap();
    assert_eq!(arrives(100), Some(100));
    assert_eq!(arrives(LARGE), None, "stateless rules have let a trailing fragment through");

    run_ok(host.netns.command("nft").unwrap().args(["delete", "table", "ip6", "stateless"])).unwrap();
    host.ok(&["attach", "eth0", "--allow", "@ike"]).unwrap();
    assert_eq!(arrives(100), Some(100));
    assert_eq!(arrives(LARGE), Some(LARGE));
}
