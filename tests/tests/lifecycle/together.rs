//! Commands that run at the same time.

use std::process::{Child, Stdio};

use firewall_tests::harness::foreign::Foreign;
use firewall_tests::harness::host::Host;

fn start(host: &Host, arguments: &[&str]) -> Child {
    let mut command = host.fragwall().command().unwrap();
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The exit code, and what it said.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn rules_added_at_once_are_all_in_force() {
    let host = Host::new("at-once").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let ports: Vec<String> = (7001..=7010).map(|port| port.to_string()).collect();
    let adding: Vec<Child> = ports.iter().map(|port| start(&host, &["allow", "udp", port])).collect();
    for child in adding {
        let (code, words) = end(child);
        assert_eq!(code, Some(0), "{words}");
    }
    let mut rules = host.rules().unwrap();
    rules.sort();
    let expected: Vec<String> = ports.iter().map(|port| format!("allow udp {port}")).collect();
    assert_eq!(rules, expected);

    let deleting: Vec<Child> = ports.iter().map(|port| start(&host, &["delete", "udp", port])).collect();
    for child in deleting {
        let (code, words) = end(child);
        assert_eq!(code, Some(0), "{words}");
    }
    assert_eq!(host.rules().unwrap(), Vec::<String>::new());
}

#[test]
fn of_two_that_attach_at_once_one_succeeds() {
    let host = Host::new("race").unwrap();
    for round in 0..10 {
        let attaching =
            ["udp 500", "udp 4500"].map(|rule| start(&host, &["attach", "eth0", "--allow", rule]));
        let [one, other] = attaching.map(end);
        let mut codes = [one.0, other.0];
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(1)], "round {round}: {one:?} {other:?}");
        let rules = host.rules().unwrap();
        let winner = if one.0 == Some(0) { "allow udp 500" } else { "allow udp 4500" };
        assert_eq!(rules, [winner], "round {round}");
        host.ok(&["detach"]).unwrap();
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn an_attach_that_fails_is_in_no_others_way() {
    let host = Host::new("failing").unwrap();
    host.add_interface("eth1").unwrap();
    let _foreign = Foreign::attach(&host.netns, "eth1").unwrap();
    for round in 0..25 {
        let failing = [(); 3].map(|()| start(&host, &["attach", "eth1"]));
        let succeeding = start(&host, &["attach", "eth0", "--allow", "udp 500"]);
        let (code, words) = end(succeeding);
        assert_eq!(code, Some(0), "round {round}: {words}");
        for child in failing {
            let (code, words) = end(child);
            assert_eq!(code, Some(4), "round {round}: {words}");
        }
        assert_eq!(host.rules().unwrap(), ["allow udp 500"], "round {round}");
        host.ok(&["detach"]).unwrap();
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn a_change_beside_a_detach_leaves_nothing_behind() {
    let host = Host::new("beside").unwrap();
    for round in 0..15 {
        host.ok(&["attach", "eth0"]).unwrap();
        let changing = [(); 3].map(|()| start(&host, &["allow", "udp", "500"]));
        let (code, words) = end(start(&host, &["detach"]));
        assert_eq!(code, Some(0), "round {round}: {words}");
        for child in changing {
            let (code, words) = end(child);
            assert!(matches!(code, Some(0 | 3)), "round {round}: {words}");
        }
        assert_eq!(host.attached("eth0").unwrap(), None);
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "round {round}");
    }
}
