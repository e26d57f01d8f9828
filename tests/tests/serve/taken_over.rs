//! A filter that another version attached.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6};
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::temporary_directory;

use firewall_tests::harness::serving::{Serving, configure};

#[test]
fn the_file_that_is_in_force_already_is_put_into_force_by_this_versions_program() {
    let host = Host::new("taken-over").unwrap();
    let directory = temporary_directory("taken-over").unwrap();
    let config =
        configure(directory.path(), "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n").unwrap();
    host.ok(&["apply", &config]).unwrap();
    Pinned::of(&host).unwrap().becomes_layout_7().unwrap();
    let program = host.attached("eth0").unwrap();
    let mut serving = Serving::new(&host, &["--config", &config]).unwrap();
    serving.says("the program of version 0.0.9 was replaced").unwrap();
    assert_ne!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    assert_eq!(serving.get("/readyz").unwrap().status, 200);
}

/// Events go on, and so do metrics, by whatever command it's taken over, and with whichever tables.
#[test]
fn what_runs_goes_on_when_a_command_takes_it_over() {
    let host = Host::new("goes-on").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let directory = temporary_directory("goes-on").unwrap();
    let events = directory.path().join("events");
    let mut serving = Serving::new(&host, &["--events", events.to_str().unwrap()]).unwrap();
    serving.says("writing events of eth0").unwrap();
    Pinned::of(&host).unwrap().means_otherwise_by(&["watch", "events", "left-out", "counters"]).unwrap();
    host.ok(&["upgrade"]).unwrap();
    serving.says_times("writing events of eth0", 2).unwrap();
    Neighbour::new(&host).unwrap().send(ip6("2001:db8::2", "2001:db8::1").udp(9, 5353, b"x")).unwrap();
    serving.until(|_| Ok(std::fs::read_to_string(&events)?.contains("\"destination_port\":5353"))).unwrap();
    assert_eq!(serving.get("/metrics").unwrap().status, 200);
}
