//! `fragwall apply --wait`: interfaces that come late, or not at all.

use std::thread::{scope, sleep};
use std::time::Duration;

use firewall_tests::harness::host::Host;

use super::{apply::File, run};

const THREE: &str = "interfaces = [\"eth0\", \"eth1\", \"eth2\"]\nrules = [\"allow udp 500\"]\n";

/// Puts a file into force that waits; meanwhile, interfaces come.
fn apply(host: &Host, file: &File, wait: &str, come: &[&str]) -> (Option<i32>, String) {
    scope(|scope| {
        let applied = scope.spawn(|| run(host, &["apply", "--wait", wait, &file.path]));
        for name in come {
            sleep(Duration::from_millis(300));
            assert!(!applied.is_finished(), "it doesn't wait for {name}");
            host.add_interface(name).unwrap();
        }
        applied.join().unwrap()
    })
}

#[test]
fn it_waits_for_all_and_no_longer() {
    let host = Host::new("wait-all").unwrap();
    let (code, says) = apply(&host, &File::new(THREE), "1h", &["eth1", "eth2"]);
    assert_eq!(code, Some(0), "{says}");
    for name in ["eth0", "eth1", "eth2"] {
        assert!(host.attached(name).unwrap().is_some(), "{name}");
    }
}

#[test]
fn those_that_come_are_filtered_and_those_that_dont_are_named() {
    let host = Host::new("wait-some").unwrap();
    let file = File::new(THREE);
    let (code, says) = apply(&host, &file, "3s", &["eth1"]);
    assert_eq!(code, Some(2), "{says}");
    let error = "fragwall: interface \"eth2\": not there after 3s; the other interfaces are filtered";
    assert_eq!(says.lines().last(), Some(error), "{says}");
    assert!(host.attached("eth0").unwrap().is_some() && host.attached("eth1").unwrap().is_some());

    // What is in force by then is no reason to be content.
    file.write("interfaces = [\"eth2\", \"eth1\", \"eth3\"]\nrules = [\"allow udp 500\"]\n");
    let output = host.fragwall().run(&["apply", "--wait", "10ms", "--json", &file.path]).unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{says}");
    assert!(says.contains("interface \"eth2\", \"eth3\": not there after 10ms"), "{says}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["detached"], serde_json::json!(["eth0"]), "the file doesn't name it any more");
    assert!(host.attached("eth1").unwrap().is_some());

    // It's all there the next time.
    host.add_interface("eth2").unwrap();
    host.add_interface("eth3").unwrap();
    assert_eq!(run(&host, &["apply", "--wait", "1h", &file.path]).0, Some(0));
    assert!(host.attached("eth3").unwrap().is_some());
}

#[test]
fn without_any_of_them_nothing_is_done() {
    let host = Host::new("wait-none").unwrap();
    let file = File::new("interfaces = [\"eth8\", \"eth9\"]\n");
    let (code, says) = run(&host, &["apply", "--wait", "10ms", &file.path]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("interface \"eth8\": there is none of that name"), "{says}");
    assert!(host.pins().unwrap().is_empty());
}

#[test]
fn what_is_wrong_besides_is_said_and_not_waited_for() {
    let host = Host::new("wait-wrong").unwrap();
    let (code, says) = run(&host, &["apply", "--wait", "soon", "/nowhere"]);
    assert!(code == Some(2) && says.contains("--wait"), "{says}");
    let file = File::new("interfaces = [\"eth9\"]\nrules = [\"allow udp\", \"nonsense\"]\n");
    let (code, says) = run(&host, &["apply", "--wait", "1h", &file.path]);
    assert!(code == Some(2) && says.contains("nonsense"), "{says}");
}
