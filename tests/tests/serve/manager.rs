//! What a service manager is told.

use std::os::unix::net::UnixDatagram;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use firewall_tests::harness::serving::{LIMIT, Serving, configure};

/// A service manager, as far as it listens.
struct Manager(UnixDatagram);

impl Manager {
    /// What it's told next, but for signs of life.
    fn next(&self) -> String {
        loop {
            let told = self.any();
            if told != "WATCHDOG=1\n" {
                return told;
            }
        }
    }

    fn any(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("it's told nothing more");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

#[test]
fn a_service_manager_is_told_how_things_are() {
    let host = Host::new("manager").unwrap();
    let directory = temporary_directory("manager").unwrap();
    let write = |text: &str| configure(directory.path(), text).unwrap();
    let config = write("interfaces = [\"eth0\", \"usb0\"]\n");
    let path = directory.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = host.fragwall().command().unwrap();
    command.args(["serve", "--config", &config]).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let serving = Serving::run(&host, &mut command).unwrap();
    assert!(host.attached("eth0").unwrap().is_some(), "not ready before that");
    assert_eq!(manager.next(), "READY=1\nSTATUS=filtering eth0; waiting for usb0\n");
    for _ in 0..5 {
        assert_eq!(manager.any(), "WATCHDOG=1\n");
    }
    host.add_interface("usb0").unwrap();
    assert_eq!(manager.next(), "STATUS=filtering eth0, usb0\n");

    let reload = || {
        let now = || nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
        let micros =
            |time: nix::sys::time::TimeSpec| (time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000) as u64;
        let before = micros(now());
        serving.daemon.signal(Signal::SIGHUP).unwrap();
        let told = manager.next();
        let since = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&told).trim_end();
        assert!((before..=micros(now())).contains(&since.parse().unwrap()), "{told}");
        manager.next()
    };
    write("interfaces = [\"eth0\"]\n");
    assert_eq!(reload(), "READY=1\nSTATUS=filtering eth0\n");
    write("nonsense");
    let refused =
        "READY=1\nSTATUS=filtering eth0; the config file was refused, and the rules before it are in force\n";
    assert_eq!(reload(), refused);

    // One that doesn't go round gives no sign of life.
    serving.daemon.signal(Signal::SIGSTOP).unwrap();
    manager.0.set_nonblocking(true).unwrap();
    // What was sent before it stopped.
    let drained = || std::iter::from_fn(|| manager.0.recv(&mut [0; 4096]).ok()).count();
    std::thread::sleep(std::time::Duration::from_millis(50));
    drained();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(drained(), 0);
    manager.0.set_nonblocking(false).unwrap();
    serving.daemon.signal(Signal::SIGCONT).unwrap();
    assert_eq!(manager.any(), "WATCHDOG=1\n");
    serving.end().unwrap();
    assert_eq!(manager.next(), "STOPPING=1\n");
}

#[test]
fn a_service_manager_that_is_gone_is_no_reason_to_end() {
    let host = Host::new("nomanager").unwrap();
    let mut command = host.fragwall().command().unwrap();
    command.args(["serve"]).env("NOTIFY_SOCKET", "/nonexistent/notify").env("WATCHDOG_USEC", "20000");
    let mut serving = Serving::run(&host, &mut command).unwrap();
    serving.says("telling the service manager (NOTIFY_SOCKET)").unwrap();
    assert_eq!(serving.get("/healthz").unwrap().status, 200);
    let said = serving.end().unwrap();
    assert_eq!(said.matches("NOTIFY_SOCKET").count(), 1, "it's said once: {said}");
}
