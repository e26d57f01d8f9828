//! Commands killed at any moment: the old or the new rules are in force, and the next command finds its way.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use firewall_tests::harness::host::Host;
use firewall_tests::harness::loaded::Loaded;

const KILLS: u32 = 80;
const INTERFACES: [&str; 2] = ["eth0", "eth1"];

/// Numbers that look random and are the same each time (xorshift, by Marsaglia).
struct Moments(u64);

impl Moments {
    /// One within a length of time.
    fn within(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        limit * u32::try_from(self.0 % 1000).unwrap() / 1000
    }
}

/// Starts a command and kills it after a while; whether that came in time.
fn kill_after(host: &Host, arguments: &[&str], delay: Duration) -> bool {
    let mut child = host
        .fragwall()
        .command()
        .unwrap()
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(delay);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    let killed = status.signal() == Some(nix::libc::SIGKILL);
    assert!(killed || status.success(), "{arguments:?} failed by itself: {status}");
    killed
}

/// How long a command takes here and now.
fn duration(mut command: impl FnMut()) -> Duration {
    let start = Instant::now();
    command();
    start.elapsed()
}

/// The generations that are pinned.
fn generations(host: &Host) -> Vec<PathBuf> {
    let mut namespaces = std::fs::read_dir(host.bpffs.path().join("fragwall")).unwrap();
    let root = namespaces.next().unwrap().unwrap().path();
    let generations = std::fs::read_dir(root.join("generations")).unwrap();
    generations.map(|entry| entry.unwrap().path()).collect()
}

/// Each interface holds a program that is pinned with its source.
fn assert_whole(host: &Host, when: &str) {
    let whole: Vec<u64> = generations(host)
        .iter()
        .filter(|path| path.join("source").exists())
        .filter_map(|path| aya::programs::ProgramInfo::from_pin(path.join("program")).ok())
        .map(|program| u64::from(program.id()))
        .collect();
    for interface in INTERFACES {
        let program = host.attached(interface).unwrap();
        let program = program.unwrap_or_else(|| panic!("{when}: {interface} isn't filtered any more"));
        assert!(whole.contains(&program.id), "{when}: {interface} has {program:?}, pinned are {whole:?}");
    }
}

#[test]
fn killed_changes_leave_the_old_rules_or_the_new() {
    let host = Host::new("killed").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", "udp 500"]).unwrap();
    let mut loaded = Loaded::default();
    let mut moments = Moments(0x5efa_507c);
    let takes = duration(|| drop(host.ok(&["allow", "udp", "7999"]).unwrap()));
    host.ok(&["delete", "udp", "7999"]).unwrap();

    let mut killed = 0;
    for round in 0..KILLS {
        let old = host.rules().unwrap();
        let port = format!("udp {}", 7000 + round / 2);
        let rule = format!("allow {port}");
        let mut new = old.clone();
        let command = if old.contains(&rule) {
            new.retain(|old| *old != rule);
            "delete"
        } else {
            new.push(rule);
            "allow"
        };
        let in_time = kill_after(&host, &[command, &port], moments.within(takes * 5 / 4));
        killed += u32::from(in_time);

        let when = format!("round {round}, {command} {port}");
        assert_whole(&host, &when);
        let now = host.rules().unwrap();
        assert!(now == old || now == new, "{when}: {old:?} became {now:?} instead of {new:?}");
        assert!(in_time || now == new, "{when}: it ended, and did nothing");
        loaded.note(host.bpffs.path()).unwrap();

        // The next command that changes something puts one generation everywhere, and clears away all others.
        if round % 4 == 3 {
            host.ok(&["allow", "tcp", &(1000 + round).to_string()]).unwrap();
            assert_eq!(generations(&host).len(), 1, "{when}");
            let programs = INTERFACES.map(|interface| host.attached(interface).unwrap());
            assert_eq!(programs[0], programs[1], "{when}");
        }
    }
    assert!(killed >= KILLS / 2, "only {killed} of {KILLS} were killed in time");

    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    for interface in INTERFACES {
        assert_eq!(host.attached(interface).unwrap(), None);
    }
    loaded.wait_until_freed().unwrap();
}

#[test]
fn a_killed_attach_can_be_finished_or_undone() {
    let host = Host::new("attach").unwrap();
    host.add_interface("eth1").unwrap();
    let attach = ["attach", "eth0", "eth1", "--allow", "udp 500"];
    let mut moments = Moments(0x1232_0376);
    let mut loaded = Loaded::default();
    let takes = duration(|| drop(host.ok(&attach).unwrap()));
    host.ok(&["detach"]).unwrap();

    for round in 0..KILLS / 2 {
        kill_after(&host, &attach, moments.within(takes * 5 / 4));
        let filtered: Vec<&str> =
            INTERFACES.into_iter().filter(|interface| host.attached(interface).unwrap().is_some()).collect();
        let status = host.fragwall().run(&["status"]).unwrap();
        let expected = if filtered.is_empty() { 3 } else { 0 };
        assert_eq!(status.status.code(), Some(expected), "round {round}: {filtered:?} filtered, {status:?}");
        if filtered.is_empty() {
            if round % 2 == 0 {
                host.ok(&attach).unwrap();
            }
        } else {
            assert_eq!(host.rules().unwrap(), ["allow udp 500"], "round {round}");
            if round % 2 == 0 && filtered == ["eth0"] {
                host.ok(&["attach", "eth1"]).unwrap();
            }
        }
        loaded.note(host.bpffs.path()).unwrap();

        let detached = host.fragwall().run(&["detach"]).unwrap();
        assert!(matches!(detached.status.code(), Some(0 | 3)), "{detached:?}");
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "round {round}");
        for interface in INTERFACES {
            assert_eq!(host.attached(interface).unwrap(), None, "round {round}");
        }
    }
    loaded.wait_until_freed().unwrap();
}

#[test]
fn a_killed_detach_can_be_repeated() {
    let host = Host::new("detach").unwrap();
    host.add_interface("eth1").unwrap();
    let attach = ["attach", "eth0", "eth1", "--allow", "udp 500"];
    let mut moments = Moments(0x0608_d879);
    host.ok(&attach).unwrap();
    let takes = duration(|| drop(host.ok(&["detach"]).unwrap()));

    for round in 0..KILLS / 2 {
        host.ok(&attach).unwrap();
        kill_after(&host, &["detach"], moments.within(takes * 5 / 4));
        let detached = host.fragwall().run(&["detach"]).unwrap();
        assert!(matches!(detached.status.code(), Some(0 | 3)), "round {round}: {detached:?}");
        assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "round {round}");
        for interface in INTERFACES {
            assert_eq!(host.attached(interface).unwrap(), None, "round {round}");
        }
    }
}
