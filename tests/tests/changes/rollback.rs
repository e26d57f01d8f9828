//! Changes that go back by themselves: the program does it, whatever becomes of the command.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::tool;

use super::{LOST, OPEN, Probe, TRIED, generations, run};

const OPEN_RULE: &str = "allow udp 7000";
const TRIED_RULE: &str = "allow udp 7001";

/// A host that allows both ports.
fn host(label: &str) -> Host {
    assert_eq!((OPEN, TRIED), (7000, 7001));
    let host = Host::new(label).unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 7000", "--allow", "udp 7001"]).unwrap();
    host
}

/// Waits until a port can be reached again.
fn wait_until_back(probe: &Probe) {
    let start = Instant::now();
    while !probe.reaches(10) {
        assert!(start.elapsed() < LOST, "it isn't back");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_isnt_confirmed_goes_back_and_the_next_change_mends() {
    let host = host("unconfirmed");
    let probe = Probe::new(&host);
    let old = host.attached("eth0").unwrap();
    let (code, words) = run(&host, &["delete", "udp", "7001", "--confirm", "3s"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("undone in 3s unless you `fragwall confirm`"), "{words}");
    let new = host.attached("eth0").unwrap();
    assert_ne!(new, old);
    if !probe.reaches(10) {
        // Unless the machine is so slow that it's over already.
        let status = host.fragwall().json(&["status"]).unwrap();
        assert!(status["confirm_within"].as_u64().is_none_or(|left| left <= 3), "{status}");
    }

    wait_until_back(&probe);
    // Nobody has put the old program back yet, and yet it's the old rules that are in force and told.
    assert_eq!(host.attached("eth0").unwrap(), new);
    assert_eq!(host.rules().unwrap(), [OPEN_RULE, TRIED_RULE]);
    assert!(host.fragwall().json(&["status"]).unwrap()["confirm_within"].is_null());
    assert!(probe.reaches(3000), "in fragments");

    let (code, words) = run(&host, &["confirm"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("too late"), "{words}");
    assert_eq!(host.attached("eth0").unwrap(), old, "it is back in the link");
    assert_eq!(generations(&host), ["1"]);
    host.ok(&["allow", "udp", "7002"]).unwrap();
    assert_eq!(host.rules().unwrap(), [OPEN_RULE, TRIED_RULE, "allow udp 7002"]);
    assert!(probe.reaches(10));
}

#[test]
fn frames_in_several_buffers_go_back_too() {
    let host = host("jumbo");
    for netns in [&host.netns, &host.neighbour] {
        netns.ip(&["link", "set", "eth0", "mtu", "9000"]).unwrap();
    }
    let probe = Probe::new(&host);
    assert!(probe.reaches(8000));
    host.ok(&["delete", "udp", "7001", "--confirm", "1s"]).unwrap();
    wait_until_back(&probe);
    assert!(probe.reaches(8000), "by the old program, which is called by the new one");
    assert!(probe.reaches(30_000), "in fragments");
}

#[test]
fn a_change_goes_back_though_its_terminal_is_gone() {
    let host = host("terminal");
    let probe = Probe::new(&host);
    let mut fragwall = host.fragwall().command().unwrap();
    fragwall.args(["delete", "udp", "7001", "--confirm", "3s"]);
    let words: Vec<String> = std::iter::once(fragwall.get_program())
        .chain(fragwall.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    // script(1) makes a terminal, which hangs up when it's killed. What it writes down is the test's own to remove.
    let directory = firewall_tests::harness::temporary_directory("terminal").unwrap();
    let typescript = directory.path().join("typescript");
    let line = format!("{}; echo done; sleep 60", words.join(" "));
    let mut script: Command = tool("script");
    let mut terminal = script
        .args(["--quiet", "--flush", "--command", &line])
        .arg(&typescript)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(terminal.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    assert!(lines.any(|line| line.trim() == "done"), "it was changed");
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    wait_until_back(&probe);
    assert_eq!(host.rules().unwrap(), [OPEN_RULE, TRIED_RULE]);
}

#[test]
fn what_is_confirmed_stays() {
    let host = host("confirmed");
    let probe = Probe::new(&host);
    assert_eq!(run(&host, &["confirm"]).0, Some(1), "nothing is to be confirmed");
    host.ok(&["delete", "udp", "7001", "--confirm", "20s"]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    assert_eq!(generations(&host).len(), 2, "the one to go back to is kept");
    host.ok(&["confirm"]).unwrap();
    assert_eq!(generations(&host).len(), 1);
    assert!(host.fragwall().json(&["status"]).unwrap()["confirm_within"].is_null());
    let (code, words) = run(&host, &["confirm"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("no change awaits confirmation"), "{words}");
    assert_eq!(run(&host, &["rollback"]).0, Some(1));
    assert!(!probe.reaches(10));
    thread::sleep(deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(500));
    assert!(!probe.reaches(10), "also when its time would have passed");
    assert_eq!(host.rules().unwrap(), [OPEN_RULE]);
}

#[test]
fn while_one_awaits_confirmation_no_other_change_is_made() {
    let host = host("waiting");
    host.add_interface("eth1").unwrap();
    let directory = firewall_tests::harness::temporary_directory("waiting").unwrap();
    let file = directory.path().join("fragwall.toml");
    std::fs::write(&file, "interfaces = [\"eth0\"]\n").unwrap();
    let file = file.to_string_lossy();
    host.ok(&["deny", "udp", "53", "--at", "1", "--confirm", "10m"]).unwrap();
    let program = host.attached("eth0").unwrap();
    let rules = host.rules().unwrap();
    assert_eq!(rules, ["deny udp 53", OPEN_RULE, TRIED_RULE]);
    let commands: [&[&str]; 8] = [
        &["allow", "udp", "9"],
        &["deny", "udp", "53", "--confirm", "1s"],
        &["delete", "1"],
        &["flush"],
        &["enforce"],
        &["apply", &file],
        &["attach", "eth1"],
        &["save", &file],
    ];
    for arguments in commands {
        let (code, words) = run(&host, arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {words}");
        for expected in ["awaits confirmation", "fragwall confirm", "fragwall rollback"] {
            assert!(words.contains(expected), "{arguments:?}: {words}");
        }
    }
    assert_eq!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.rules().unwrap(), rules);
    let list = host.ok(&["list"]).unwrap();
    assert!(String::from_utf8_lossy(&list.stderr).contains("awaits confirmation"));

    host.ok(&["rollback"]).unwrap();
    assert_eq!(host.rules().unwrap(), [OPEN_RULE, TRIED_RULE]);
    assert_eq!(generations(&host), ["1"]);
    host.ok(&["allow", "udp", "9"]).unwrap();
    // All of it can be taken off at any time.
    host.ok(&["flush", "--confirm", "10m"]).unwrap();
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn how_long_it_may_take_has_bounds() {
    let host = host("bounds");
    for time in ["0s", "999ms", "25h", "30", "soon", ""] {
        let (code, words) = run(&host, &["flush", "--confirm", time]);
        assert_eq!(code, Some(2), "{time:?}: {words}");
        assert!(words.contains("--confirm"), "{time:?}: {words}");
    }
    assert_eq!(host.rules().unwrap(), [OPEN_RULE, TRIED_RULE]);
}
