//! Interfaces that come, go, and come back.

use std::process::Command;

use firewall_tests::harness::foreign::Foreign;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use firewall_tests::harness::serving::{Serving, configure};

#[test]
fn an_interface_is_filtered_whenever_it_comes() {
    let host = Host::new("comes").unwrap();
    let directory = temporary_directory("comes").unwrap();
    let text = "interfaces = [\"eth0\", \"usb0\"]\nrules = [\"allow udp 500\"]\n";
    let config = configure(directory.path(), text).unwrap();
    let mut serving = Serving::new(&host, &["--config", &config]).unwrap();
    serving.says("usb0: there's no such interface yet").unwrap();
    let eth0 = host.attached("eth0").unwrap();
    assert!(eth0.is_some());
    let ready = |serving: &Serving<'_>| serving.get("/readyz").unwrap();
    assert!(ready(&serving).status == 503 && ready(&serving).body.contains("usb0"));
    assert_eq!(serving.metrics().unwrap()["fragwall_interface_attached{interface=\"usb0\"}"], 0.0);

    // Rules that were changed meanwhile are what it's filtered by.
    host.ok(&["allow", "udp 4500"]).unwrap();
    let eth0 = (host.attached("eth0").unwrap(), eth0).0;
    for times in 1..=3 {
        host.add_interface("usb0").unwrap();
        serving.says_times("usb0: attached in", times).unwrap();
        assert_eq!(host.attached("usb0").unwrap().map(|on| on.id), eth0.as_ref().map(|on| on.id));
        assert_eq!(ready(&serving).status, 200);
        host.netns.ip(&["link", "del", "usb0"]).unwrap();
        serving.says_times("usb0: it's gone", times).unwrap();
        assert_eq!(ready(&serving).status, 503);
    }
    assert_eq!(host.attached("eth0").unwrap(), eth0, "the others aren't disturbed");
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500"]);

    // One that has another name at first.
    host.add_interface("other").unwrap();
    host.netns.ip(&["link", "set", "other", "name", "usb0"]).unwrap();
    serving.says_times("usb0: attached in", 4).unwrap();
    // Whoever takes the filter off an interface means it.
    host.ok(&["detach", "usb0"]).unwrap();
    host.add_interface("another").unwrap();
    serving.until(|serving| Ok(serving.get("/readyz")?.status == 503)).unwrap();
    assert!(host.attached("usb0").unwrap().is_none());
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says_times("usb0: attached in", 5).unwrap();
    serving.end().unwrap();
}

#[test]
fn the_only_interface_may_come_later() {
    let host = Host::new("later").unwrap();
    let directory = temporary_directory("later").unwrap();
    let write = |rule: &str| {
        let text = format!("interfaces = [\"usb0\"]\nrules = [\"{rule}\"]\n");
        configure(directory.path(), &text).unwrap()
    };
    let config = write("allow udp 500");
    let mut serving = Serving::new(&host, &["--config", &config]).unwrap();
    serving.says("usb0: there's no such interface yet").unwrap();
    assert_eq!(serving.metrics().unwrap()["fragwall_up"], 0.0);
    host.add_interface("usb0").unwrap();
    serving.says_times("usb0: attached in", 1).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    // What is read while it's away goes for it when it's back.
    host.netns.ip(&["link", "del", "usb0"]).unwrap();
    serving.says("usb0: it's gone").unwrap();
    write("allow udp 4500");
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.says_times("usb0: there's no such interface yet", 2).unwrap();
    host.add_interface("usb0").unwrap();
    serving.says_times("usb0: attached in", 2).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 4500"]);
    // It comes back when nothing is left of the filter: not without the file's rules.
    host.ok(&["detach"]).unwrap();
    host.netns.ip(&["link", "del", "usb0"]).unwrap();
    serving.says_times("usb0: it's gone", 2).unwrap();
    host.add_interface("usb0").unwrap();
    serving.says_times("usb0: attached in", 3).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 4500"]);
    serving.end().unwrap();
}

#[test]
fn one_that_is_held_is_left_alone_until_it_is_free() {
    let host = Host::new("held").unwrap();
    let directory = temporary_directory("held").unwrap();
    let config = configure(directory.path(), "interfaces = [\"eth0\", \"usb0\", \"usb1\"]\n").unwrap();
    let mut serving = Serving::new(&host, &["--config", &config]).unwrap();
    host.add_interface("held").unwrap();
    let foreign = Foreign::attach(&host.netns, "held").unwrap();
    host.netns.ip(&["link", "set", "held", "name", "usb0"]).unwrap();
    serving.says("\"usb0\" is held by another XDP program").unwrap();
    // One more process has the link open the next time that it's tried, which is before the next interface's turn.
    let mut other = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "sleep", "60"])
        .stdin(foreign.link().unwrap())
        .spawn()
        .unwrap();
    host.add_interface("usb1").unwrap();
    serving.says("usb1: attached in").unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    drop(foreign);
    serving.says("usb0: attached in").unwrap();
    let said = serving.end().unwrap();
    assert_eq!(said.matches("is held by").count(), 1, "it's said once: {said}");
}
