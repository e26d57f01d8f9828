//! Every command that loads a program takes the filter over; `apply` does so even if nothing else changes.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;

use super::{older, pinned, program, upgrade};

fn is_taken_over(host: &Host, command: &[&str]) {
    pinned(host).means_otherwise_by(&[]).unwrap();
    let before = program(host);
    assert_eq!((&before["version"], &before["is_own"]), (&"0.0.9".into(), &false.into()), "{command:?}");
    assert_eq!(upgrade(host, command), Vec::<String>::new(), "{command:?}");
    let after = program(host);
    assert_eq!(
        (&after["version"], &after["is_own"], &after["is_newer"]),
        (&env!("CARGO_PKG_VERSION").into(), &true.into(), &false.into()),
        "{command:?}"
    );
}

#[test]
fn whatever_loads_a_program_takes_the_filter_over() {
    let host = older("commands", &["udp 500"], |_| {});
    host.add_interface("eth1").unwrap();
    is_taken_over(&host, &["allow", "udp", "4500"]);
    is_taken_over(&host, &["deny", "tcp", "23"]);
    is_taken_over(&host, &["delete", "3"]);
    is_taken_over(&host, &["attach", "eth1"]);
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500"]);
    host.ok(&["deny", "tcp", "--confirm", "10m"]).unwrap();
    is_taken_over(&host, &["confirm"]);
    is_taken_over(&host, &["flush"]);
    for interface in ["eth0", "eth1"] {
        assert!(host.attached(interface).unwrap().is_some(), "{interface}");
    }
}

#[test]
fn a_file_that_is_in_force_already_is_put_into_force_by_this_versions_program() {
    let host = Host::new("file").unwrap();
    let directory = temporary_directory("file").unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n").unwrap();
    let file = file.to_str().unwrap();
    host.ok(&["apply", file]).unwrap();
    is_taken_over(&host, &["apply", file]);
    pinned(&host).means_otherwise_by(&[]).unwrap();
    let said = String::from_utf8_lossy(&host.ok(&["apply", file]).unwrap().stderr).into_owned();
    assert!(said.contains("version 0.0.9") && said.contains("were in force already"), "{said}");
    let before = host.attached("eth0").unwrap();
    let said = String::from_utf8_lossy(&host.ok(&["apply", file]).unwrap().stderr).into_owned();
    assert!(said.contains("nothing changes"), "{said}");
    assert_eq!(host.attached("eth0").unwrap(), before);
}

/// Its rules go on, which no file has.
#[test]
fn another_build_of_the_same_version_is_told_and_replaced() {
    let host = older("build", &["udp 500"], |_| {});
    host.ok(&["deny", "tcp", "23", "limit", "5/s"]).unwrap();
    let rules = host.rules().unwrap();
    pinned(&host)
        .rewrite(|document| drop(document.insert("program".to_owned(), "0123456789abcdef".into())))
        .unwrap();
    let status = String::from_utf8(host.ok(&["status"]).unwrap().stdout).unwrap();
    assert!(status.contains("of another build of version"), "{status}");
    let said = String::from_utf8_lossy(&host.ok(&["upgrade"]).unwrap().stderr).into_owned();
    assert!(said.contains("another build of version"), "{said}");
    assert_eq!(host.rules().unwrap(), rules);
    let said = String::from_utf8_lossy(&host.ok(&["upgrade"]).unwrap().stderr).into_owned();
    assert!(said.contains("nothing changes"), "{said}");
}

#[test]
fn nothing_is_upgraded_where_nothing_is_attached() {
    let host = Host::new("nothing").unwrap();
    let refused = host.fragwall().run(&["upgrade"]).unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}
