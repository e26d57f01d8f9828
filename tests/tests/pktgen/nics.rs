//! Over two network cards instead of a veth, as between two hosts: in the virtual machines.

use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::nics::NicPair;
use firewall_tests::harness::wait::wait_until;

use super::tool::{has_pktgen, pktgen};

/// How many datagrams, and how many a second: few enough for an emulated link.
const COUNT: u64 = 500;
const RATE: &str = "200";

/// A host whose neighbour is reached by network cards, and that allows UDP 4500, with the cards, which are kept longer than the host; `None` if there
/// are no such cards, which is said.
fn host() -> Option<(NicPair, Host)> {
    let Some(nics) = NicPair::given().unwrap() else {
        println!("network cards: left out, this machine has no two that lead to each other");
        return None;
    };
    let host = Host::with_nics("pktgen", &nics).unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500"]).unwrap();
    Some((nics, host))
}

/// Sends from the neighbour; the kernel finds the host's Ethernet address.
fn send(host: &Host, options: &[&str]) -> std::process::Output {
    let to = HOST[0].to_string();
    let count = COUNT.to_string();
    let way =
        ["--netns", host.neighbour.name(), "--dev", "eth0", "--to", &to, "--count", &count, "--rate", RATE];
    pktgen(&[&way, options].concat()).unwrap()
}

/// That the filter counts each of them, with that reason.
fn assert_counted(host: &Host, reason: &str) {
    let counted = || Ok(host.fragwall().statistics()?.reason_packets(reason) >= COUNT);
    wait_until(counted)
        .unwrap_or_else(|_| panic!("{reason}: {}", host.fragwall().statistics().unwrap().json()));
    assert_eq!(host.fragwall().statistics().unwrap().reason_packets(reason), COUNT);
}

#[test]
fn whole_packets_arrive() {
    if !has_pktgen() {
        return;
    }
    let Some((_nics, host)) = host() else { return };
    let output = send(&host, &[]);
    assert!(output.status.success(), "{output:?}");
    assert_counted(&host, "rule");
}

#[test]
fn fragments_need_a_program_at_the_sender() {
    let Some((_nics, host)) = host() else { return };
    let options = ["--fragments", "in-order"];
    let output = send(&host, &options);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("`fragwall attach eth0 --default allow`"), "{said}");
    let sender = Fragwall { netns: &host.neighbour, bpffs: &host.bpffs };
    sender.run_ok(&["attach", "eth0", "--default", "allow"]).unwrap();
    let output = send(&host, &options);
    assert!(output.status.success(), "{output:?}");
    for reason in ["rule", "inherited"] {
        assert_counted(&host, reason);
    }
}
