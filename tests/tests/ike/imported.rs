//! IKE behind rules that `fragwall import` has made of the usual rulesets with connection tracking, with nothing added to them.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::rules;
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::run;
use firewall_tests::harness::udp::{pending, socket};
use firewall_tests::harness::{conntrack, gro, interrupt, requirements, temporary_directory};
use firewall_tests::ike::certificates::{Certificates, Role};
use firewall_tests::ike::charon::Outcome;
use firewall_tests::ike::hosts::{Daemons, Family, Hosts, INTERFACE};
use firewall_tests::ike::require_tools;

/// The importer's rulesets.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firewall-user/tests/import/corpus");
/// Those that track connections, allow IKE, and reject the rest with `icmp6-port-unreachable`.
const CLASSIC: [&str; 5] = [
    "classic-state/rules.v6",
    "classic-state-new/rules.v6",
    "classic-conntrack/rules.v6",
    "classic-conntrack-new/rules.v6",
    "nft-classic/ruleset.nft",
];
/// A port that they don't allow.
const OTHER: u16 = 4501;
/// Far longer than an answer takes.
const LIMIT: Duration = Duration::from_secs(20);

/// Two hosts with their daemons, whose link has the least MTU that IPv6 allows.
fn with_daemons(check: impl FnOnce(&Hosts, &Daemons)) {
    interrupt::install().unwrap();
    require_tools()
        .and_then(|()| requirements::require(&["nc.openbsd"]))
        .unwrap_or_else(|error| panic!("{error}"));
    let certificates = Certificates::shared().unwrap_or_else(|error| panic!("{error:?}"));
    let hosts = Hosts::new(Family::V6, 1280, 1).unwrap();
    for role in Role::BOTH {
        // Without it, a veth takes no answers from an XDP program on its peer.
        gro::enable(hosts.of(role), INTERFACE).unwrap();
    }
    let daemons = hosts.start_daemons(&certificates).unwrap_or_else(|error| panic!("{error:?}"));
    check(&hosts, &daemons);
}

/// Attaches a filter with the rules that are made of a ruleset.
fn attach_imported(fragwall: Fragwall<'_>, ruleset: &str) -> Result<()> {
    let imported = fragwall.run_ok(&["import", &format!("{CORPUS}/{ruleset}")])?;
    let directory = temporary_directory("imported")?;
    let file = directory.path().join("fragwall.toml");
    fs::write(&file, imported.stdout)?;
    let file = file.to_str().context("a temporary directory whose name isn't UTF-8")?;
    fragwall.run_ok(&["attach", INTERFACE, "--config", file]).map(drop)
}

/// Sets up an IKE SA, and ends it again.
fn exchange(daemons: &Daemons) -> Result<Outcome> {
    let outcome = daemons.exchange()?;
    if outcome == Outcome::Established {
        daemons.end_exchange()?;
    }
    Ok(outcome)
}

/// Both netcat and a socket of one's own are told that a port is unreachable, although somebody listens there.
fn assert_refused(from: &Netns, to: &Netns, address: IpAddr) {
    let listener = socket(to, address, OTHER).unwrap();
    let client = socket(from, address, 0).unwrap();
    assert_eq!(says(&client, SocketAddr::new(address, OTHER)).unwrap(), ErrorKind::ConnectionRefused);
    // It sends several datagrams, and succeeds if there's no error.
    let mut netcat = from.command("nc.openbsd").unwrap();
    netcat.args(["-u", "-v", "-z", &address.to_string(), &OTHER.to_string()]);
    let output = run(&mut netcat, LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(pending(&listener).unwrap(), Vec::<Vec<u8>>::new());
}

/// What becomes of a datagram that is sent there.
fn says(socket: &UdpSocket, to: SocketAddr) -> Result<ErrorKind> {
    socket.connect(to)?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.send(b"is anybody there?")?;
    Ok(socket.recv(&mut [0; 8]).map_or_else(|error| error.kind(), |_| ErrorKind::Other))
}

#[test]
fn established_behind_each_at_the_responder() {
    with_daemons(|hosts, daemons| {
        let bpffs = Bpffs::new().unwrap();
        let fragwall = Fragwall { netns: &hosts.responder, bpffs: &bpffs };
        for ruleset in CLASSIC {
            attach_imported(fragwall, ruleset).unwrap();
            assert_eq!(exchange(daemons).unwrap(), Outcome::Established, "{ruleset}");
            // The initiator's IKE_AUTH came by the rule: until it's answered there's no flow that it could be a reply of.
            let statistics = fragwall.statistics().unwrap();
            let allows = rules(&fragwall).unwrap().iter().position(|rule| rule.contains("4500")).unwrap();
            assert!(statistics.rule_trailing_fragments(allows as u64 + 1) >= 2, "{ruleset}: {statistics:#?}");
            assert_eq!(conntrack::entries(&hosts.responder).unwrap(), 0);
            assert_refused(&hosts.initiator, &hosts.responder, Family::V6.address(Role::Responder));
            // With the filter goes what it knows of flows, so that the next ruleset has to allow them itself.
            fragwall.run_ok(&["detach"]).unwrap();
        }
    });
}

#[test]
fn established_at_both() {
    with_daemons(|hosts, daemons| {
        let bpffs = Bpffs::new().unwrap();
        for role in Role::BOTH {
            attach_imported(Fragwall { netns: hosts.of(role), bpffs: &bpffs }, CLASSIC[0]).unwrap();
        }
        assert_eq!(exchange(daemons).unwrap(), Outcome::Established);
        let statistics = Fragwall { netns: &hosts.initiator, bpffs: &bpffs }.statistics().unwrap();
        assert!(statistics.reason_packets("reply") >= 2, "{statistics:#?}");
        assert!(statistics.reason_packets("inherited") >= 2, "{statistics:#?}");
        for role in Role::BOTH {
            assert_refused(hosts.of(role.peer()), hosts.of(role), Family::V6.address(role));
        }
    });
}
