//! What happens to the filter meanwhile.

use std::fs::File;

use firewall_tests::harness::process::Daemon;
use firewall_tests::harness::temporary_directory;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use super::terminal::Terminal;
use super::traffic::{Traffic, filtered};

#[test]
fn a_filter_that_goes_is_waited_for() {
    let host = filtered("goes").unwrap();
    let traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows(":53  whole").unwrap();
    host.ok(&["detach"]).unwrap();
    terminal.shows("DETACHED, waiting for a filter").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500"]).unwrap();
    terminal.hides("DETACHED").unwrap();
    terminal.shows("allow udp 4500").unwrap();
    // Its packets are told of, too.
    terminal.shows(":500  whole").unwrap();
    drop(traffic);
    // One that takes another's place between two looks as well.
    terminal.key("p").unwrap();
    terminal.shows("PAUSED").unwrap();
    host.ok(&["detach"]).unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 53"]).unwrap();
    terminal.key("p").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    terminal.shows("allow udp 53").unwrap();
    terminal.shows("tcp [2001:db8::2]:9 > [2001:db8::1]:23  whole, 74 bytes  default: deny").unwrap();
}

#[test]
fn somebody_else_may_watch_packets() {
    let host = filtered("watched").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    let directory = temporary_directory("watched").unwrap();
    let log = directory.path().join("log");
    let mut monitor =
        Daemon::spawn(host.fragwall().command().unwrap().args(["monitor", "--rate", "1"]), &log).unwrap();
    let limit = std::time::Duration::from_secs(60);
    let watches = || std::fs::read_to_string(&log).is_ok_and(|said| said.contains("watching eth0"));
    monitor.wait_until(watches, limit).unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("somebody else watches").unwrap();
    terminal.shows("allow udp 500").unwrap();
    monitor.signal(Signal::SIGINT).unwrap();
    assert!(monitor.ended(limit).unwrap().success());
    terminal.hides("somebody else watches").unwrap();
    terminal.shows(":53  whole").unwrap();
    // Who quits watches no more, at once.
    terminal.quit().unwrap();
    host.ok(&["monitor", "--count", "1"]).unwrap();
}

#[test]
fn keys_are_answered_while_another_command_has_the_lock() {
    let host = filtered("lock").unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("allow udp 500").unwrap();
    let top = File::open(host.bpffs.path().join("fragwall")).unwrap();
    let held = Flock::lock(top, FlockArg::LockExclusive).unwrap();
    for (key, text) in [("Tab", "▸Reasons"), ("+", "every 0.5 s"), ("?", "this help"), ("?", "▸Reasons")]
    {
        terminal.key(key).unwrap();
        terminal.shows(text).unwrap();
    }
    let screen = terminal.screen().unwrap();
    assert!(!screen.contains("waiting for another"), "{screen}");
    terminal.quit().unwrap();
    assert_eq!(terminal.state().unwrap(), (false, true));
    drop(held);
}
