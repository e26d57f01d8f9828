//! Rules of iptables and nftables that drop fragments of what they let in.

use std::net::UdpSocket;
use std::process::Output;

use firewall_tests::harness::host::{Host, NEIGHBOUR};
use firewall_tests::harness::process::run_ok;
use firewall_tests::harness::requirements;

use super::Diagnosis;

/// Runs a tool inside the host.
fn tool(host: &Host, line: &str) -> Output {
    let mut words = line.split(' ');
    let mut command = host.netns.command(words.next().unwrap()).unwrap();
    run_ok(command.args(words)).unwrap()
}

/// A host that is filtered as it should be.
fn filtered(label: &str) -> Host {
    requirements::require(&["iptables", "ip6tables", "nft"]).unwrap();
    let host = Host::new(label).unwrap();
    host.ok(&["attach", "eth0", "--allow", "@ike"]).unwrap();
    host
}

#[test]
fn stateless_rules_of_ip6tables_are_a_problem_with_the_line() {
    let host = filtered("ip6tables");
    tool(&host, "ip6tables -A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT");
    tool(&host, "ip6tables -A INPUT -j DROP");
    let saved = String::from_utf8(tool(&host, "ip6tables-save").stdout).unwrap();
    let line = saved.lines().position(|line| line == "-A INPUT -j DROP").unwrap() + 1;
    let diagnosis = Diagnosis::of(&host.fragwall(), &[]).unwrap();
    // Once, although nft shows the same rules.
    assert_eq!(diagnosis.complaints(), ["rules"], "{diagnosis:#?}");
    let told = diagnosis.only("problem", "rules").unwrap();
    let wanted =
        format!("ip6tables-save:{line}: this ruleset drops the second fragment of every large IKE_AUTH");
    assert!(told.starts_with(&wanted), "{told}");
    assert!(told.contains("`ip6tables-save | fragwall import`"), "{told}");

    tool(&host, "ip6tables -F INPUT");
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn stateless_rules_of_nft_are_a_problem_with_the_rule() {
    let host = filtered("nft");
    tool(&host, "nft add table inet own");
    tool(&host, "nft add chain inet own in { type filter hook input priority 0 ; }");
    tool(&host, "nft add rule inet own in udp dport 5000 accept");
    tool(&host, "nft add rule inet own in drop");
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("problem", "rules").unwrap();
    let listed = String::from_utf8(tool(&host, "nft -a list ruleset").stdout).unwrap();
    let handle = listed.lines().find_map(|line| line.trim().strip_prefix("drop # handle ")).unwrap();
    assert!(told.contains(&format!("rule {handle} of inet own in")), "{told}\n{listed}");
    assert!(told.contains("drops every fragment but the first"), "{told}");
}

#[test]
fn rules_that_track_connections_are_a_note() {
    let host = filtered("tracks");
    tool(&host, "ip6tables -A INPUT -p udp -m udp --dport 500 -j ACCEPT");
    tool(&host, "ip6tables -A INPUT -j DROP");
    tool(&host, "nft add table inet own");
    tool(&host, "nft add chain inet own in { type filter hook input priority 10 ; }");
    tool(&host, "nft add rule inet own in ct state established accept");
    // A connection to be counted.
    host.netns.enter(|| Ok(UdpSocket::bind("[::]:0")?.send_to(&[1], (NEIGHBOUR[0], 9)).map(drop)?)).unwrap();
    let diagnosis = Diagnosis::of(&host.fragwall(), &[]).unwrap();
    assert_eq!(diagnosis.complaints(), ["tracking"], "{diagnosis:#?}");
    let told = diagnosis.only("note", "tracking").unwrap();
    assert!(told.contains("rules of IPv4 and IPv6 ask for it"), "{told}");
    assert!(!told.contains(", 0 of them"), "{told}");
}
