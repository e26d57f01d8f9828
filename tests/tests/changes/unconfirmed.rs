//! Going back where nothing was filtered before, and commands killed amid a change that goes back.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use aya::programs::{
    Xdp,
    links::{FdLink, PinnedLink},
};
use aya_obj::programs::XdpAttachType;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::loaded::Loaded;

use super::{LOST, Probe, generations, run};

const ROUNDS: u32 = 12;

#[test]
fn a_new_filter_that_isnt_confirmed_lets_everything_pass_again() {
    let host = Host::new("first").unwrap();
    let probe = Probe::new(&host);
    let mut loaded = Loaded::default();
    for next in
        [&["attach", "eth0", "--allow", "udp 7000"][..], &["detach"], &["confirm"], &["rollback"], &["flush"]]
    {
        host.ok(&["attach", "eth0", "--allow", "udp 7000", "--confirm", "1s"]).unwrap();
        loaded.note(host.bpffs.path()).unwrap();
        let start = Instant::now();
        while !probe.reaches(10) {
            assert!(start.elapsed() < LOST, "it isn't back");
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(run(&host, &["status"]).0, Some(3), "nothing is filtered");
        assert_eq!(run(&host, &["list"]).0, Some(3));

        let (code, words) = run(&host, next);
        let expected = match next[0] {
            "attach" | "rollback" => 0,
            "confirm" => 1,
            _ => 3,
        };
        assert_eq!(code, Some(expected), "{next:?}: {words}");
        if next[0] == "attach" {
            assert!(!probe.reaches(10), "a new filter, for good");
            host.ok(&["detach"]).unwrap();
        }
        assert_eq!(host.attached("eth0").unwrap(), None, "{next:?}");
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "{next:?}");
    }
    loaded.wait_until_freed().unwrap();
}

#[test]
fn a_new_filter_can_be_confirmed_or_undone() {
    let host = Host::new("undone").unwrap();
    let probe = Probe::new(&host);
    let attach = ["attach", "eth0", "--allow", "udp 7000", "--confirm", "10m"];
    host.ok(&attach).unwrap();
    assert!(!probe.reaches(10));
    host.ok(&["rollback"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    host.ok(&attach).unwrap();
    host.ok(&["confirm"]).unwrap();
    assert!(!probe.reaches(10));
    assert_eq!(generations(&host), ["2"]);
    // An interface can't be attached to for a while only, when the filter is in force.
    host.add_interface("eth1").unwrap();
    let (code, words) = run(&host, &["attach", "eth1", "--confirm", "10m"]);
    assert_eq!(code, Some(2), "{words}");
    assert_eq!(host.attached("eth1").unwrap(), None);
}

#[test]
fn killed_at_any_moment_the_old_rules_are_back_in_time() {
    let host = Host::new("killed").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", "udp 7000", "--allow", "udp 7001"]).unwrap();
    let probe = Probe::new(&host);
    let old = host.rules().unwrap();
    let start = Instant::now();
    host.ok(&["delete", "udp", "7001", "--confirm", "10m"]).unwrap();
    let takes = start.elapsed();
    host.ok(&["rollback"]).unwrap();
    let mut loaded = Loaded::default();

    for round in 0..ROUNDS {
        let mut command = host.fragwall().command().unwrap();
        command.args(["delete", "udp", "7001", "--confirm", "1s"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(takes * round / (ROUNDS - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        loaded.note(host.bpffs.path()).unwrap();
        thread::sleep(Duration::from_millis(1100));
        // Whether it was changed or not.
        let start = Instant::now();
        while !probe.reaches(10) {
            assert!(start.elapsed() < LOST, "round {round}: it isn't back");
        }
        assert_eq!(host.rules().unwrap(), old, "round {round}");
        // The next change finds one program everywhere.
        let port = (9000 + round).to_string();
        host.ok(&["allow", "tcp", &port]).unwrap();
        host.ok(&["delete", "tcp", &port]).unwrap();
        assert_eq!(generations(&host).len(), 1, "round {round}");
        assert_eq!(host.attached("eth0").unwrap(), host.attached("eth1").unwrap(), "round {round}");
    }
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    loaded.wait_until_freed().unwrap();
}

#[test]
fn confirming_and_undoing_can_be_killed_too() {
    let host = Host::new("midway").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", "udp 7000", "--allow", "udp 7001"]).unwrap();
    let old = host.rules().unwrap();
    let new = &old[..1];
    let start = Instant::now();
    host.ok(&["delete", "udp", "7001", "--confirm", "10m"]).unwrap();
    host.ok(&["confirm"]).unwrap();
    let takes = start.elapsed() / 2;
    host.ok(&["allow", "udp", "7001"]).unwrap();

    for round in 0..ROUNDS {
        host.ok(&["delete", "udp", "7001", "--confirm", "10m"]).unwrap();
        let ends = if round % 2 == 0 { "confirm" } else { "rollback" };
        let mut command = host.fragwall().command().unwrap();
        let mut child = command.arg(ends).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(takes * round / (ROUNDS - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = host.rules().unwrap();
        assert!(now == old || now == new, "round {round}, {ends}: {now:?}");
        // It's done, or can be done again.
        let code = run(&host, &[ends]).0;
        assert!(matches!(code, Some(0 | 1)), "round {round}");
        assert_eq!(host.rules().unwrap(), if ends == "confirm" { new } else { &old[..] }, "round {round}");
        let program = host.attached("eth0").unwrap();
        assert!(program.is_some() && program == host.attached("eth1").unwrap(), "round {round}");
        host.ok(&["allow", "udp", "7001"]).unwrap();
        assert_eq!(generations(&host).len(), 1, "round {round}");
    }
}

/// What an undoing that was killed amid its exchanges leaves: one interface has the program before, the other one the last.
#[test]
fn undone_on_one_interface_alone_it_is_undone_on_both() {
    let host = Host::new("halfway").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", "udp 7000", "--allow", "udp 7001"]).unwrap();
    let old = host.rules().unwrap();
    host.ok(&["delete", "udp", "7001", "--confirm", "10m"]).unwrap();
    let root = fs::read_dir(host.bpffs.path().join("fragwall")).unwrap().next().unwrap().unwrap().path();
    let mut program = Xdp::from_pin(root.join("generations/1/program"), XdpAttachType::Interface).unwrap();
    let index = host.netns.interface("eth0").unwrap().index.to_string();
    let link: FdLink = PinnedLink::from_pin(root.join("links").join(index)).unwrap().into();
    program.attach_to_link(link.try_into().unwrap()).unwrap();
    assert_ne!(host.attached("eth0").unwrap(), host.attached("eth1").unwrap());

    host.ok(&["rollback"]).unwrap();
    assert_eq!(host.rules().unwrap(), old);
    let program = host.attached("eth0").unwrap();
    assert!(program.is_some() && program == host.attached("eth1").unwrap());
    assert_eq!(generations(&host), ["1"]);
}
