//! What it can't begin with: each is told, and nothing has been changed.

use std::fs;
use std::process::{Command, Output};

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::nobody::Nobody;
use firewall_tests::harness::temporary_directory;

use firewall_tests::harness::serving::configure;

fn assert_refused(output: &Output, code: i32, says: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    says.iter().for_each(|words| assert!(said.contains(words), "no {words:?} in {said}"));
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn what_it_cant_begin_with_is_told() {
    let host = Host::new("refused").unwrap();
    let directory = temporary_directory("refused").unwrap();
    let run = |arguments: &[&str]| host.fragwall().run(&[&["serve"], arguments].concat()).unwrap();
    for (arguments, code, says) in [
        (&["--config", "/nonexistent/x.toml"][..], 2, &["/nonexistent/x.toml"][..]),
        (&["--listen", "localhost:9837"], 2, &["--listen", "127.0.0.1:9837", "unix:PATH"]),
        (&["--events", "/nonexistent/events"], 1, &["/nonexistent/events", "for events"]),
        (&["--events-rate", "5"], 2, &["--events"]),
        (&["--events", "journal", "--events-rate", "0"], 2, &["1..=1000000"]),
        (&["--mode", "generic"], 2, &["--config"]),
    ] {
        assert_refused(&run(arguments), code, says);
    }
    let bad = configure(directory.path(), "interfaces = [\"eth0\"]\nrules = [\"alow udp 500\"]\n").unwrap();
    assert_refused(&run(&["--config", &bad]), 2, &[&format!("{bad}:2:"), "rule 1"]);
    let none = configure(directory.path(), "rules = [\"allow udp 500\"]\n").unwrap();
    assert_refused(&run(&["--config", &none]), 2, &["names none"]);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn without_root_or_a_bpffs_the_reason_is_told() {
    let host = Host::new("nobody").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let directory = temporary_directory("nobody").unwrap();
    let config = configure(directory.path(), "interfaces = [\"eth0\"]\n").unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let nobody = Nobody::new().unwrap();
    for arguments in [&["serve"][..], &["serve", "--config", &config]] {
        let mut command = nobody.inside(&host.netns).unwrap();
        command.arg("--bpffs").arg(host.bpffs.path()).args(arguments);
        assert_refused(&command.output().unwrap(), 1, &["permission denied", "root"]);
        let mut command = Command::new(binary().unwrap());
        let path = directory.path().to_string_lossy();
        command.args(["--netns", host.netns.name(), "--bpffs", &path]).args(arguments);
        assert_refused(&command.output().unwrap(), 3, &["no bpffs", &path]);
    }
}
