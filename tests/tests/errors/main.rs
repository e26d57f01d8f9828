//! What can go wrong on the command line: the exit code, words that name the thing, and a filter that stays as it was.

mod input;
mod interfaces;
mod older;
mod private;
mod privileges;

use std::process::{Command, Output, Stdio};

use firewall_tests::harness::host::{Attached, Host};
use serde_json::Value;

/// Every command that looks for the filter in force.
const COMMANDS: [&[&str]; 8] = [
    &["attach", "eth0"],
    &["detach"],
    &["status"],
    &["list"],
    &["stats"],
    &["allow", "udp", "4500"],
    &["delete", "1"],
    &["flush"],
];

/// A filter in force, with all that an error must leave alone.
#[derive(Debug, PartialEq)]
struct InForce {
    program: Option<Attached>,
    rules: Value,
    status: Value,
}

fn in_force(host: &Host) -> InForce {
    let fragwall = host.fragwall();
    InForce {
        program: host.attached("eth0").unwrap(),
        rules: fragwall.json(&["list"]).unwrap(),
        status: fragwall.json(&["status"]).unwrap(),
    }
}

/// A host with a filter on its `eth0`.
fn filtered(label: &str) -> Host {
    let host = Host::new(label).unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    host
}

/// A failing command line.
struct Case<'a> {
    arguments: &'a [&'a str],
    code: i32,
    /// What standard error must hold.
    says: &'a [&'a str],
}

/// Checks what a failing command said and did.
fn assert_refused(output: &Output, code: i32, says: &[&str], what: &str) {
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {words}");
    assert!(output.stdout.is_empty(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
    for expected in says {
        assert!(words.contains(expected), "{what}: no {expected:?} in: {words}");
    }
    // A cause that is told twice.
    assert!(words.matches("(os error").count() <= 1, "{what}: {words}");
}

/// Runs the cases, with and without `--json`; the filter in force must outlast each as it was.
fn assert_all_refused(host: &Host, cases: &[Case<'_>]) {
    let before = in_force(host);
    for case in cases {
        for arguments in [case.arguments.to_vec(), [&["--json"], case.arguments].concat()] {
            let what = arguments.join(" ");
            let output = host.fragwall().run(&arguments).unwrap();
            assert_refused(&output, case.code, case.says, &what);
            assert_eq!(in_force(host), before, "{what}");
        }
    }
}

/// Runs a command that was made by hand.
fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}
