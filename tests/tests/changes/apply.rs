//! A config file made the one in force.

use std::fs;

use firewall_tests::harness::foreign::Foreign;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Probe, generations, run};

/// A config file that changes.
pub(super) struct File {
    _directory: TempDir,
    pub(super) path: String,
}

impl File {
    pub(super) fn new(text: &str) -> Self {
        let directory = temporary_directory("file").unwrap();
        let path = directory.path().join("fragwall.toml").to_string_lossy().into_owned();
        let file = Self { _directory: directory, path };
        file.write(text);
        file
    }

    pub(super) fn write(&self, text: &str) {
        fs::write(&self.path, text).unwrap();
    }
}

fn apply(host: &Host, file: &File) -> Value {
    host.fragwall().json(&["apply", &file.path]).unwrap()
}

#[test]
fn a_file_is_put_into_force_and_again_changes_nothing() {
    let host = Host::new("apply").unwrap();
    let probe = Probe::new(&host);
    let file = File::new("interfaces = [\"eth0\"]\nrules = [\"allow udp 7000\", \"allow udp 7001\"]\n");
    let applied = apply(&host, &file);
    assert_eq!((&applied["changed"], &applied["attached"][0]["name"]), (&json!(true), &json!("eth0")));
    assert!(probe.reaches(10));
    let program = host.attached("eth0").unwrap();
    assert_eq!(
        apply(&host, &file),
        json!({"version": 1, "changed": false, "attached": [], "detached": [], "taken_over": null})
    );
    assert_eq!(host.attached("eth0").unwrap(), program);
    let again = host.ok(&["apply", &file.path]).unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing changes"), "{again:?}");

    let settings = "[fragments]\nearly = \"drop\"\nearly-budget = 16\ntimeout = \"5s\"\n";
    file.write(&format!("default = \"allow\"\nrules = [\"deny udp 7001\", \"allow udp 7000\"]\n{settings}"));
    assert_eq!(
        apply(&host, &file),
        json!({"version": 1, "changed": true, "attached": [], "detached": [], "taken_over": null})
    );
    assert!(!probe.reaches(10));
    assert_eq!(host.rules().unwrap(), ["deny udp 7001", "allow udp 7000"]);
    assert_eq!(generations(&host).len(), 1);
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!((&status["default"], &status["fragments"]["early"]), (&json!("allow"), &json!("drop")));
    assert_eq!(
        (&status["fragments"]["early_budget"], &status["fragments"]["timeout"]),
        (&json!(16), &json!("5s"))
    );
    // The rule that stayed has counted on.
    let rule = &host.fragwall().json(&["stats"]).unwrap()["rules"][1];
    assert_eq!((&rule["rule"], &rule["packets"]), (&json!("allow udp 7000"), &json!(2)));
}

#[test]
fn interfaces_are_attached_to_and_detached_from_as_the_file_says() {
    let host = Host::new("interfaces").unwrap();
    host.add_interface("eth1").unwrap();
    host.add_interface("eth2").unwrap();
    let file = File::new("interfaces = [\"eth0\", \"eth1\"]\nrules = [\"allow udp 500\"]\n");
    apply(&host, &file);
    let first = host.attached("eth0").unwrap();
    assert!(first.is_some() && first == host.attached("eth1").unwrap());

    file.write("interfaces = [\"eth2\", \"eth0\"]\nrules = [\"allow udp 500\"]\n");
    let (code, words) = run(&host, &["apply", &file.path, "--confirm", "10m"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("--confirm") && words.contains("detach IFACE"), "{words}");
    let applied = apply(&host, &file);
    assert_eq!((&applied["changed"], &applied["detached"]), (&json!(false), &json!(["eth1"])), "{applied}");
    assert_eq!(applied["attached"][0]["name"], "eth2");
    assert_eq!(host.attached("eth1").unwrap(), None);
    assert_eq!(host.attached("eth2").unwrap(), first);
    assert_eq!(host.attached("eth0").unwrap(), first, "its rules are the same");

    // Another one and other rules at once, and one whose name isn't among them.
    file.write("interfaces = [\"eth1\"]\nrules = [\"allow udp 4500\"]\n");
    apply(&host, &file);
    assert_eq!(["eth0", "eth2"].map(|name| host.attached(name).unwrap()), [None, None]);
    assert_ne!(host.attached("eth1").unwrap(), first);
    assert_eq!(host.rules().unwrap(), ["allow udp 4500"]);
    // A file without interfaces leaves them.
    file.write("rules = [\"allow udp 1701\"]\n");
    apply(&host, &file);
    assert!(host.attached("eth1").unwrap().is_some());
    assert_eq!(host.rules().unwrap(), ["allow udp 1701"]);
}

#[test]
fn what_cant_be_applied_leaves_everything_as_it_was() {
    let host = Host::new("refused").unwrap();
    host.add_interface("eth1").unwrap();
    host.add_interface("eth2").unwrap();
    let file = File::new("interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n");
    apply(&host, &file);
    let program = host.attached("eth0").unwrap();
    let foreign = Foreign::attach(&host.netns, "eth1").unwrap();
    for (text, code, says) in [
        (
            "interfaces = [\"eth0\", \"eth2\", \"eth1\"]\nrules = [\"allow udp 1\"]\n",
            4,
            "another XDP program",
        ),
        ("interfaces = [\"eth0\", \"eth9\"]\nrules = [\"allow udp 1\"]\n", 2, "\"eth9\""),
        ("rules = [\"allow udp 0\"]\n", 2, "port 0"),
        ("rules = [\"allow udp 1\"]\n[fragments]\ntable = 1024\n", 2, "fragwall detach"),
        ("rule = []\n", 2, "rule"),
    ] {
        file.write(text);
        let (refused, words) = run(&host, &["apply", &file.path]);
        assert_eq!(refused, Some(code), "{text}: {words}");
        assert!(words.contains(says), "{text}: {words}");
        assert_eq!(host.attached("eth0").unwrap(), program, "{text}");
        assert_eq!(host.attached("eth2").unwrap(), None, "{text}");
        assert_eq!(host.rules().unwrap(), ["allow udp 500"], "{text}");
        assert_eq!(generations(&host).len(), 1, "{text}");
    }
    drop(foreign);
}

#[test]
fn an_interface_that_refuses_midway_undoes_all_of_it() {
    let host = Host::new("midway").unwrap();
    host.add_interface("eth1").unwrap();
    let file = File::new("interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n");
    apply(&host, &file);
    let program = host.attached("eth0").unwrap();
    // The loopback's driver has no native mode, which shows only when the kernel is asked.
    file.write("interfaces = [\"eth0\", \"eth1\", \"lo\"]\nrules = [\"allow udp 1\"]\n");
    let (code, words) = run(&host, &["apply", &file.path, "--mode", "native"]);
    assert_eq!(code, Some(3), "{words}");
    assert_eq!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.attached("eth1").unwrap(), None);
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    assert_eq!(generations(&host).len(), 1);
}

#[test]
fn nothing_is_attached_without_an_interface() {
    let host = Host::new("nowhere").unwrap();
    let file = File::new("rules = [\"allow udp 500\"]\n");
    let (code, words) = run(&host, &["apply", &file.path]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("names none"), "{words}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn a_check_shows_what_would_change() {
    let host = Host::new("check").unwrap();
    host.add_interface("eth1").unwrap();
    let file = File::new(
        "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\", \"deny tcp 23\", \"allow esp\", \"allow ah\"]\n",
    );
    let check = || host.fragwall().json(&["check", &file.path]).unwrap()["changes"].clone();
    assert!(check().is_null(), "nothing is attached");
    apply(&host, &file);
    let program = host.attached("eth0").unwrap();
    let none = json!({"default": null, "icmp_errors": null, "fragments": [], "replies": [], "services": [], "removed": [],
                      "added": [], "moved": [], "attach": [], "detach": []});
    assert_eq!(check(), none);
    let text = host.ok(&["check", &file.path]).unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("nothing would change"), "{text:?}");

    file.write(
        "interfaces = [\"eth1\"]\ndefault = \"allow\"\n\
         rules = [\"allow ah\", \"allow udp 500\", \"allow udp 4500\", \"allow esp\"]\nreplies = false\nicmp-errors = false\n[fragments]\ntimeout = \"5s\"\n",
    );
    assert_eq!(
        check(),
        json!({
            "default": {"from": "deny", "to": "allow"},
            "icmp_errors": {"from": "true", "to": "false"},
            "services": [],
            "fragments": [{"name": "timeout", "from": "30s", "to": "5s"}],
            "replies": [{"name": "replies", "from": "true", "to": "false"}],
            "removed": [{"number": 2, "rule": "deny tcp 23"}],
            "added": [{"number": 3, "rule": "allow udp 4500"}],
            "moved": [{"from": 4, "to": 1, "rule": "allow ah"}],
            "attach": ["eth1"],
            "detach": ["eth0"],
        })
    );
    let text = host.ok(&["check", &file.path]).unwrap();
    let shown = String::from_utf8_lossy(&text.stdout);
    for line in [
        "--- in force",
        "-interfaces = [\"eth0\"]",
        "+interfaces = [\"eth1\"]",
        "-  \"deny tcp 23\",",
        "+  \"allow udp 4500\",",
        "   \"allow esp\",",
        "+timeout = \"5s\"",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no {line:?} in {shown}");
    }
    assert!(String::from_utf8_lossy(&text.stderr).contains("1 added, 1 removed, 1 moved"), "{text:?}");
    assert_eq!(host.attached("eth0").unwrap(), program, "nothing has changed");
}
