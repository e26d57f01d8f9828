//! Filters that only observe: every packet passes, and what would have become of it is counted.

use firewall_tests::harness::host::Host;
use serde_json::{Value, json};

use super::{Probe, run};

/// The packets of a rule, by its number from 1, or of the default.
fn packets(counted: &Value, rule: usize) -> u64 {
    let of = if rule == 0 { &counted["default"] } else { &counted["rules"][rule - 1] };
    of["packets"].as_u64().unwrap_or_else(|| panic!("{counted}"))
}

fn stats(host: &Host) -> Value {
    host.fragwall().json(&["stats"]).unwrap()
}

#[test]
fn what_is_observed_passes_and_is_counted_apart() {
    let host = Host::new("observe").unwrap();
    let probe = Probe::new(&host);
    host.ok(&["attach", "eth0", "--observe", "--allow", "udp 7000"]).unwrap();
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["observing"], true);
    let status = host.ok(&["status"]).unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("observing"), "{status:?}");
    assert!(probe.reaches(10));
    assert!(probe.reaches(3000), "in fragments");

    let observed = stats(&host);
    assert_eq!(observed["observing"], true);
    assert_eq!((packets(&observed, 0), packets(&observed, 1)), (0, 0), "nothing was enforced: {observed}");
    assert_eq!(observed["reasons"], json!([]), "{observed}");
    assert_eq!(packets(&observed["observed"], 1), 2, "{observed}");
    // A whole one and three fragments.
    assert_eq!(packets(&observed["observed"], 0), 4, "{observed}");
    let list = host.fragwall().json(&["list"]).unwrap();
    assert_eq!((&list["observing"], &list["rules"][0]["packets"]), (&json!(true), &json!(2)), "{list}");
    let text = String::from_utf8(host.ok(&["stats"]).unwrap().stdout).unwrap();
    assert!(text.contains("would have become"), "{text}");

    // Rules change, and it goes on observing.
    host.ok(&["deny", "udp", "7001"]).unwrap();
    assert!(probe.reaches(10));
    let observed = stats(&host);
    assert_eq!((&observed["observing"], packets(&observed["observed"], 2)), (&json!(true), 1), "{observed}");

    let enforce = || host.fragwall().json(&["enforce"]).unwrap();
    assert_eq!(enforce(), json!({"version": 1, "changed": true, "taken_over": null}));
    assert!(!probe.reaches(10));
    assert!(!probe.reaches(3000));
    let enforced = stats(&host);
    assert_eq!(enforced["observing"], false);
    assert_eq!(packets(&enforced, 2), 4, "{enforced}");
    assert_eq!(packets(&enforced["observed"], 2), 1, "as it was: {enforced}");
    let program = host.attached("eth0").unwrap();
    assert_eq!(enforce(), json!({"version": 1, "changed": false, "taken_over": null}));
    assert_eq!(host.attached("eth0").unwrap(), program);
}

#[test]
fn enforcing_can_go_back_to_observing() {
    let host = Host::new("enforce").unwrap();
    let probe = Probe::new(&host);
    host.ok(&["attach", "eth0", "--observe", "--allow", "udp 7000"]).unwrap();
    host.ok(&["enforce", "--confirm", "10m"]).unwrap();
    assert!(!probe.reaches(10));
    host.ok(&["rollback"]).unwrap();
    assert!(probe.reaches(10));
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["observing"], true);
}

#[test]
fn a_file_can_be_observed_first() {
    let host = Host::new("first").unwrap();
    let probe = Probe::new(&host);
    let directory = firewall_tests::harness::temporary_directory("observe").unwrap();
    let file = directory.path().join("fragwall.toml");
    std::fs::write(&file, "interfaces = [\"eth0\"]\nrules = [\"allow udp 7000\"]\n").unwrap();
    let file = file.to_string_lossy();
    host.ok(&["apply", &file, "--observe"]).unwrap();
    assert!(probe.reaches(10));
    // Applied again it goes on observing, until it's told to enforce.
    assert_eq!(host.fragwall().json(&["apply", &file]).unwrap()["changed"], false);
    assert!(probe.reaches(10));
    host.ok(&["enforce"]).unwrap();
    assert!(!probe.reaches(10));
    assert_eq!(host.fragwall().json(&["apply", &file]).unwrap()["changed"], false);
    assert!(!probe.reaches(10));
    // And back, if that is asked for.
    assert_eq!(host.fragwall().json(&["apply", &file, "--observe"]).unwrap()["changed"], true);
    assert!(probe.reaches(10));
}

#[test]
fn another_interface_is_observed_as_the_first_is() {
    let host = Host::new("another").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let (code, words) = run(&host, &["attach", "eth1", "--observe"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("--observe"), "{words}");
    host.ok(&["detach"]).unwrap();
    host.ok(&["attach", "eth0", "--observe"]).unwrap();
    host.ok(&["attach", "eth1", "--observe"]).unwrap();
    assert_eq!(host.attached("eth1").unwrap(), host.attached("eth0").unwrap());
}
