//! The config file, at first and when it's read anew.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use firewall_tests::harness::serving::{Serving, configure};

#[test]
fn a_good_file_is_put_into_force_and_a_bad_one_changes_nothing() {
    let host = Host::new("reload").unwrap();
    let directory = temporary_directory("reload").unwrap();
    let write = |text: &str| configure(directory.path(), text).unwrap();
    let config = write("interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n");
    let mut serving = Serving::new(&host, &["--config", &config]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    assert!(host.attached("eth0").unwrap().is_some());
    assert_eq!(serving.get("/readyz").unwrap().status, 200);
    let first = serving.metrics().unwrap();
    let (successful, time) =
        ("fragwall_config_last_reload_successful", "fragwall_config_last_reload_success_timestamp_seconds");
    assert_eq!(first[successful], 1.0);

    write("interfaces = [\"eth0\"]\nrules = [\"allow udp 500\", \"allow udp 4500\", \"allow udp 4500\"]\n");
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says_times(": in force", 2).unwrap();
    serving.says("rule 3 never matches").unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500", "allow udp 4500"]);
    let second = serving.metrics().unwrap();
    assert!(second[time] > first[time]);

    let in_force = host.attached("eth0").unwrap();
    write("interfaces = [\"eth0\"]\nrules = [\n  \"allow udp 500\",\n  \"allow udpp 4500\",\n]\n");
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says("the config file was refused; what was in force before still is").unwrap();
    assert!(serving.daemon.log().contains(&format!("{config}:4:")), "{}", serving.daemon.log());
    assert_eq!(host.attached("eth0").unwrap(), in_force);
    let third = serving.metrics().unwrap();
    assert_eq!((third[successful], third[time]), (0.0, second[time]));
    assert_eq!(serving.get("/readyz").unwrap().status, 200, "the old rules are in force");

    // A change that isn't confirmed yet is left alone, and the file is put into force when it's read after that.
    write("interfaces = [\"eth0\"]\nrules = [\"deny udp 53\"]\n");
    host.ok(&["flush", "--confirm", "1h"]).unwrap();
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says("awaits confirmation").unwrap();
    assert_eq!(host.rules().unwrap(), Vec::<String>::new());
    host.ok(&["confirm"]).unwrap();
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says_times(": in force", 3).unwrap();
    assert_eq!(host.rules().unwrap(), ["deny udp 53"]);
    assert_eq!(serving.metrics().unwrap()[successful], 1.0);
    serving.end().unwrap();
    assert_eq!(host.rules().unwrap(), ["deny udp 53"], "it stays in force");
}

#[test]
fn without_a_file_a_hangup_changes_nothing() {
    let host = Host::new("hangup").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let in_force = host.attached("eth0").unwrap();
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    assert_eq!(serving.get("/readyz").unwrap().status, 200);
    serving.end().unwrap();
    assert_eq!(host.attached("eth0").unwrap(), in_force);
}
