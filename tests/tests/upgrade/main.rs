//! Another version takes over the filter in force: what goes on, what is told to start anew, and what is refused.

mod commands;
mod counted;
mod downgrade;
mod in_flight;
mod replies;
mod traffic;
mod undone;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::pinned::Pinned;

/// What the filter of a host has pinned.
fn pinned(host: &Host) -> Pinned {
    Pinned::of(host).unwrap()
}

/// A host whose filter another version has attached; `becomes` makes it so.
fn older(label: &str, rules: &[&str], becomes: impl FnOnce(&Pinned)) -> Host {
    let host = Host::new(label).unwrap();
    let rules: Vec<&str> = rules.iter().flat_map(|rule| ["--allow", rule]).collect();
    host.ok(&[&["attach", "eth0"], &rules[..]].concat()).unwrap();
    becomes(&pinned(&host));
    host
}

/// The names of the tables that a command says start anew, as it takes the filter over from version 0.0.9.
fn upgrade(host: &Host, command: &[&str]) -> Vec<String> {
    let report = host.fragwall().json(command).unwrap();
    let taken_over = &report["taken_over"];
    assert_eq!(taken_over["version"], "0.0.9", "{command:?}: {report}");
    let anew = taken_over["anew"].as_array().unwrap().iter();
    anew.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What `status` says of the program.
fn program(host: &Host) -> serde_json::Value {
    host.fragwall().json(&["status"]).unwrap()["program"].clone()
}
