//! State that can't be understood. What can is taken over: `tests/upgrade`.

use std::fs;
use std::path::Path;

use aya::maps::Array;
use firewall_tests::harness::host::{Attached, Host};
use firewall_tests::harness::pinned::Pinned;

use super::{assert_refused, filtered};

/// The commands that have to understand what is pinned are refused and name what they don't understand; the filter stays
/// in force, and `detach` removes it.
fn refused_until_detached(host: &Host, pin: &Path, says: &[&str]) {
    let program: Option<Attached> = host.attached("eth0").unwrap();
    assert!(program.is_some());
    host.add_interface("eth1").unwrap();
    let path = pin.to_string_lossy();
    let mut all = vec![&*path, "another version", "fragwall detach"];
    all.extend(says);
    let commands: [&[&str]; 7] = [
        &["status"],
        &["list"],
        &["stats"],
        &["allow", "udp", "4500"],
        &["delete", "1"],
        &["flush"],
        &["attach", "eth1"],
    ];
    for arguments in commands {
        let refused = host.fragwall().run(arguments).unwrap();
        assert_refused(&refused, 1, &all, &arguments.join(" "));
        assert_eq!(host.attached("eth0").unwrap(), program, "{arguments:?}");
        assert_eq!(host.attached("eth1").unwrap(), None, "{arguments:?}");
    }
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
}

#[test]
fn a_document_that_is_too_old_is_told() {
    let host = filtered("document");
    let pinned = Pinned::of(&host).unwrap();
    pinned
        .rewrite(|document| {
            document.insert("abi".to_owned(), 6.into());
            document.insert("version".to_owned(), "0.0.1".into());
        })
        .unwrap();
    refused_until_detached(&host, &pinned.document().unwrap(), &["version 0.0.1", "layout 6", "older"]);
}

#[test]
fn a_document_that_is_no_document_is_told() {
    let host = filtered("garbage");
    let pin = Pinned::of(&host).unwrap().document().unwrap();
    fs::remove_file(&pin).unwrap();
    Array::<_, u64>::create(4, 0).unwrap().pin(&pin).unwrap();
    refused_until_detached(&host, &pin, &[]);
}
