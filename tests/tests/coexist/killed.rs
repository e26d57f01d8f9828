//! Commands killed before each step: packets are judged by one filter, or by none, and the next command finds its way.

use anyhow::{Result, ensure};
use firewall_tests::harness::entry::{Entry, NAME, Way};
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::stepwise::{kill_before, run_through, to_kill_before};
use firewall_tests::harness::stream::{Ports, Stream};

use super::{ALLOW, PORTS};

/// How many datagrams are judged each time.
const JUDGED: u64 = 3;

fn stream(host: &Host) -> Stream {
    Stream::start(host, HOST[0], Ports { allowed: PORTS[0], denied: PORTS[1] }, 100).unwrap()
}

/// Whether what the rules deny comes in now; it's what `status` tells.
fn lets_in_all(host: &Host, stream: &Stream) -> Result<bool> {
    stream.judged(0)?;
    let all = stream.judged(JUDGED)?;
    let status = host.fragwall().run(&["status"])?;
    let expected = if all { Some(3) } else { Some(0) };
    ensure!(status.status.code() == expected, "denied datagrams come in: {all}, and it says {status:?}");
    ensure!(host.attached("eth0")?.is_some_and(|program| program.name == NAME), "it's others' interface");
    Ok(all)
}

/// Kills a command at each step that leaves something else behind.
fn killed(host: &Host, command: &[&str], mut before: impl FnMut(), mut after: impl FnMut(&str)) {
    let run = || {
        let mut all = host.fragwall().command().unwrap();
        all.args(command);
        all
    };
    before();
    let whole = run_through(&mut run()).unwrap();
    assert!(whole.status.success(), "{command:?}: {}", whole.said);
    after(&format!("{command:?}, done"));
    for step in to_kill_before(&whole.steps) {
        before();
        let killed = kill_before(&mut run(), step).unwrap();
        assert!(killed.was_killed(), "{command:?} before {step}: {}", killed.said);
        after(&format!("{command:?}, killed before {step}"));
    }
}

#[test]
fn attaching_and_detaching() {
    let host = Host::new("killed").unwrap();
    let _entry = Entry::on(&host, Way { frags: false, typed: false, native: true }).unwrap();
    let stream = stream(&host);
    let attach = ["attach", "eth0", "--allow", ALLOW];
    let ends = |when: &str| {
        lets_in_all(&host, &stream).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let detached = host.fragwall().run(&["detach"]).unwrap();
        assert!(matches!(detached.status.code(), Some(0 | 3)), "{when}: {detached:?}");
        assert!(lets_in_all(&host, &stream).unwrap(), "{when}, and detached");
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "{when}");
    };
    killed(&host, &attach, || (), ends);
    killed(&host, &["detach"], || drop(host.ok(&attach).unwrap()), ends);
    stream.end().unwrap();
}

#[test]
fn changing_rules() {
    let host = Host::new("changed").unwrap();
    let _entry = Entry::on(&host, Way { frags: false, typed: false, native: true }).unwrap();
    let stream = stream(&host);
    host.ok(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    let judged = |when: &str| {
        assert!(!lets_in_all(&host, &stream).unwrap_or_else(|error| panic!("{when}: {error:#}")), "{when}");
        let rules = host.rules().unwrap();
        assert!(rules.len() == 1 || rules == ["allow udp 7000", "allow udp 7002"], "{when}: {rules:?}");
        // Whatever was left is mended.
        host.ok(&["allow", "udp", "7002"]).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        assert_eq!(host.rules().unwrap(), ["allow udp 7000", "allow udp 7002"], "{when}");
        assert!(!lets_in_all(&host, &stream).unwrap(), "{when}");
    };
    let before = || drop(host.fragwall().run(&["delete", "udp 7002"]).unwrap());
    killed(&host, &["allow", "udp", "7002"], before, judged);
    let (_, came_in) = stream.end().unwrap();
    assert!(!came_in);
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}
