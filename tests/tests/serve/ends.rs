//! What becomes of the filter, and of everything else, when it ends.

use std::time::{Duration, Instant};

use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6};
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use firewall_tests::harness::serving::{LIMIT, Serving, configure};

#[test]
fn the_filter_stays_in_force_however_it_ends() {
    let host = Host::new("ends").unwrap();
    let directory = temporary_directory("ends").unwrap();
    let config =
        configure(directory.path(), "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n").unwrap();
    let events = directory.path().join("events");
    let mut in_force = None;
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT, Signal::SIGABRT] {
        let mut serving =
            Serving::new(&host, &["--config", &config, "--events", &events.to_string_lossy()]).unwrap();
        serving.says("writing events of eth0").unwrap();
        let attached = host.attached("eth0").unwrap();
        assert!(attached.is_some() && attached == *in_force.get_or_insert(attached.clone()));
        serving.daemon.signal(signal).unwrap();
        let start = Instant::now();
        let status = serving.daemon.ended(LIMIT).unwrap();
        let is_clean = [Signal::SIGTERM, Signal::SIGINT].contains(&signal);
        assert_eq!(status.success(), is_clean, "{signal}: {status}");
        assert!(!is_clean || start.elapsed() < Duration::from_secs(10), "{signal} takes too long");
        assert_eq!(host.attached("eth0").unwrap(), attached, "{signal}");
        assert_eq!(host.rules().unwrap(), ["allow udp 500"], "{signal}");
        // It still filters.
        let dropped = || host.fragwall().statistics().unwrap().dropped();
        let before = dropped();
        let packet = ip6("2001:db8::2", "2001:db8::1").udp(9, 53, b"x");
        Neighbour::new(&host).unwrap().send(packet).unwrap();
        assert_eq!(dropped(), before + 1, "{signal}");
    }
}
