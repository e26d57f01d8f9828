//! Two strongSwan daemons set up IPsec by an IKE_AUTH larger than the MTU, behind every kind of filter.

mod imported;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use firewall_tests::harness::interrupt;
use firewall_tests::ike::certificates::Certificates;
use firewall_tests::ike::charon::Outcome;
use firewall_tests::ike::hosts::Family;
use firewall_tests::ike::require_tools;
use firewall_tests::ike::scenario::{Filter, Placement, Report, Scenario};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn run(family: Family, mtu: u32, filter: Filter) -> Report {
    interrupt::install().unwrap();
    require_tools().unwrap_or_else(|error| panic!("{error}"));
    let certificates = Certificates::shared().unwrap_or_else(|error| panic!("{error:?}"));
    let report =
        Scenario { family, mtu, filter }.run(&certificates).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report.conntrack_in_use(), filter == Filter::Conntrack, "{report:#?}");
    report
}

/// Each host sends an IKE_AUTH with three certificates, which makes a first and several trailing fragments.
fn assert_fragmented_exchange(report: &Report) {
    assert_eq!(report.outcome, Outcome::Established, "{report:#?}");
    assert!(report.wire.ike_auth_first_fragments >= 2, "{report:#?}");
    assert!(
        report.wire.ike_auth_trailing_fragments >= 2 * report.wire.ike_auth_first_fragments,
        "{report:#?}"
    );
}

fn established_without_a_filter(family: Family, mtu: u32) {
    assert_fragmented_exchange(&run(family, mtu, Filter::None));
}

fn established_behind_fragwall(family: Family, mtu: u32, placement: Placement) {
    let report = run(family, mtu, Filter::Fragwall(placement));
    assert_fragmented_exchange(&report);
    let expected = match placement {
        Placement::Initiator => [true, false],
        Placement::Responder => [false, true],
        Placement::Both => [true, true],
    };
    assert_eq!(report.hosts().map(|host| host.statistics.is_some()), expected);
    let [initiator, responder] = report.hosts().map(|host| host.statistics.as_ref());
    if let Some(statistics) = responder {
        // An IKE_AUTH of three certificates arrives as a first and two trailing fragments at least, after a whole datagram of
        // IKE_SA_INIT; all of them are the one rule's.
        let trailing = statistics.rule_trailing_fragments(1);
        assert!(trailing >= 2, "{statistics:#?}");
        assert!(statistics.rule_packets(1) >= trailing + 2, "{statistics:#?}");
    }
    if let Some(statistics) = initiator {
        // What arrives at the one who asks are replies, whatever the rules say.
        assert!(statistics.reason_packets("inherited") >= 2, "{statistics:#?}");
        assert!(statistics.reason_packets("reply") >= 2, "{statistics:#?}");
    }
}

macro_rules! matrix {
    ($($name:ident: $family:expr, $mtu:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn established_without_a_filter() {
                super::established_without_a_filter($family, $mtu);
            }

            #[test]
            fn established_behind_fragwall_at_the_responder() {
                established_behind_fragwall($family, $mtu, Placement::Responder);
            }

            #[test]
            fn established_behind_fragwall_at_the_initiator() {
                established_behind_fragwall($family, $mtu, Placement::Initiator);
            }

            #[test]
            fn established_behind_fragwall_at_both() {
                established_behind_fragwall($family, $mtu, Placement::Both);
            }
        }
    )*};
}

matrix! {
    ipv6_mtu_1280: Family::V6, 1280;
    ipv6_mtu_1500: Family::V6, 1500;
    ipv4_mtu_1280: Family::V4, 1280;
    ipv4_mtu_1500: Family::V4, 1500;
}

#[test]
fn stateless_rules_at_an_ipv6_responder_break_the_exchange() {
    let report = run(Family::V6, 1280, Filter::Stateless);
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    assert!(report.wire.retransmissions >= 3, "{report:#?}");
    let verdicts = report.responder.verdicts.expect("there is a filter at the responder");
    assert!(verdicts.dropped >= report.wire.ike_auth_trailing_fragments, "{report:#?}");
}

#[test]
fn connection_tracking_lets_the_exchange_through() {
    let report = run(Family::V6, 1280, Filter::Conntrack);
    assert_fragmented_exchange(&report);
    assert!(report.responder.conntrack_entries > 0, "{report:#?}");
}

#[test]
fn denied_ports_end_the_exchange_behind_fragwall() {
    let report = run(Family::V6, 1500, Filter::FragwallDenying);
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    assert!(report.wire.retransmissions >= 3, "{report:#?}");
    let statistics = report.responder.statistics.as_ref().expect("Fragwall is attached at the responder");
    assert!(statistics.rule_packets(1) > report.wire.retransmissions, "{report:#?}");
}

/// A demonstration in a temporary directory of its own, killed if a test fails.
struct Demonstration(Child);

impl Demonstration {
    fn start(temporary: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_demo"))
            .env("TMPDIR", temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// The network namespaces that are this demonstration's.
    fn namespaces(&self) -> usize {
        let prefix = format!("fw{}-", self.0.id());
        let Ok(names) = fs::read_dir("/run/netns") else {
            return 0;
        };
        names.flatten().filter(|name| name.file_name().to_string_lossy().starts_with(&prefix)).count()
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command lines of processes that name a directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let directory = directory.to_string_lossy();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&*directory))
        .collect()
}

fn wait_for(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "{what}: not within {} s", limit.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_demonstration_leaves_nothing_behind() {
    require_tools().unwrap_or_else(|error| panic!("{error}"));
    let temporary = tempfile::tempdir().unwrap();
    let mut demonstration = Demonstration::start(temporary.path());
    let seconds = Duration::from_secs;
    wait_for("two daemons", seconds(900), || {
        let exited = demonstration.0.try_wait().unwrap();
        assert!(exited.is_none(), "the demonstration ended by itself: {exited:?}");
        processes_of(temporary.path()).iter().filter(|line| line.contains("/charon")).count() >= 2
    });
    assert!(demonstration.namespaces() >= 2);

    kill(Pid::from_raw(demonstration.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();

    let mut status = None;
    wait_for("the demonstration's end", seconds(60), || {
        status = demonstration.0.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(128 + 15));
    assert_eq!(demonstration.namespaces(), 0);
    assert_eq!(processes_of(temporary.path()), Vec::<String>::new());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&*temporary.path().to_string_lossy()), "{mounts}");
    let files: Vec<_> = fs::read_dir(temporary.path()).unwrap().flatten().map(|file| file.path()).collect();
    assert!(files.is_empty(), "{files:?}");
}
