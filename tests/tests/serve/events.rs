//! Events, in a file and in a journal.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::mounts;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip6, pattern};
use firewall_tests::harness::process::Daemon;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;
use serde_json::Value;

use firewall_tests::harness::serving::{LIMIT, Serving};

/// Sends a packet that is dropped.
fn send(host: &Host, port: u16) {
    let packet = ip6("2001:db8::2", "2001:db8::1").udp(9, port, b"x");
    Neighbour::new(host).unwrap().send(packet).unwrap();
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_file_is_appended_to_and_opened_anew() {
    let host = Host::new("file").unwrap();
    let directory = temporary_directory("file").unwrap();
    let path = directory.path().join("events");
    fs::write(&path, "{\"before\":true}\n").unwrap();
    let mut serving = Serving::new(&host, &["--events", &path.to_string_lossy()]).unwrap();
    serving.says("no events: no filter is attached").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    serving.says("writing events of eth0").unwrap();
    send(&host, 53);
    serving.until(|_| Ok(lines(&path).len() == 2)).unwrap();
    let told = lines(&path).remove(1);
    for (key, value) in [("version", 1.into()), ("reason", "default".into()), ("destination_port", 53.into())]
    {
        let value: Value = value;
        assert_eq!(told[key], value, "{told}");
    }

    // As logrotate does.
    let rotated = directory.path().join("events.1");
    fs::rename(&path, &rotated).unwrap();
    send(&host, 54);
    serving.until(|_| Ok(lines(&rotated).len() == 3)).unwrap();
    serving.daemon.signal(Signal::SIGHUP).unwrap();
    serving.until(|_| Ok(path.exists())).unwrap();
    send(&host, 55);
    serving.until(|_| Ok(lines(&path).len() == 1)).unwrap();
    assert_eq!((lines(&path)[0]["destination_port"].as_u64(), lines(&rotated).len()), (Some(55), 3));

    let metrics = serving.metrics().unwrap();
    assert_eq!(metrics["fragwall_events_watching"], 1.0);
    assert_eq!(metrics["fragwall_events_written_total"], 3.0);
    assert_eq!(metrics["fragwall_events_failed_total"], 0.0);
    // Another filter's events follow.
    host.ok(&["detach"]).unwrap();
    serving.says_times("no events: no filter is attached", 2).unwrap();
    assert_eq!(serving.metrics().unwrap()["fragwall_events_watching"], 0.0);
    host.ok(&["attach", "eth0"]).unwrap();
    serving.says_times("writing events of eth0", 2).unwrap();
    send(&host, 56);
    serving.until(|_| Ok(lines(&path).len() == 2)).unwrap();
    // What was told just before the end is written.
    send(&host, 57);
    serving.end().unwrap();
    assert_eq!(lines(&path).last().unwrap()["destination_port"], 57);
}

#[test]
fn a_full_disk_stops_nothing() {
    let host = Host::new("full").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut serving = Serving::new(&host, &["--events", "/dev/full"]).unwrap();
    serving.says("writing events of eth0").unwrap();
    for port in 1..=5 {
        send(&host, port);
    }
    let failed = |serving: &Serving<'_>| Ok(serving.metrics()?["fragwall_events_failed_total"] == 5.0);
    serving.until(failed).unwrap();
    serving.says("writing events to /dev/full: No space left on device").unwrap();
    assert_eq!(serving.metrics().unwrap()["fragwall_events_written_total"], 0.0);
    let said = serving.end().unwrap();
    assert_eq!(said.matches("/dev/full:").count(), 1, "it's said once: {said}");
}

#[test]
fn a_flood_is_written_in_part_and_counted_wholly() {
    let host = Host::new("flood").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let directory = temporary_directory("flood").unwrap();
    let path = directory.path().join("events");
    let mut serving =
        Serving::new(&host, &["--events", &path.to_string_lossy(), "--events-rate", "40"]).unwrap();
    serving.says("writing events of eth0").unwrap();
    let neighbour = Neighbour::new(&host).unwrap();
    for _ in 0..2000 {
        neighbour.send(ip6("2001:db8::2", "2001:db8::1").udp(9, 53, b"x")).unwrap();
    }
    let all = |serving: &Serving<'_>| {
        let metrics = serving.metrics()?;
        let [written, left_out] =
            ["written", "left_out"].map(|what| metrics[&format!("fragwall_events_{what}_total")]);
        Ok(written + left_out == 2000.0 && left_out > 0.0)
    };
    serving.until(all).unwrap();
    serving.end().unwrap();
    assert!(lines(&path).len() < 2000);
}

#[test]
fn one_watches_at_a_time() {
    let host = Host::new("watched").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let directory = temporary_directory("watched").unwrap();
    let path = directory.path().join("events");
    let mut monitor = host.fragwall().command().unwrap();
    let log = directory.path().join("log");
    let mut monitor = Daemon::spawn(monitor.arg("monitor"), &log).unwrap();
    let watches = || fs::read_to_string(&log).is_ok_and(|said| said.contains("watching eth0"));
    monitor.wait_until(watches, LIMIT).unwrap();
    let mut serving = Serving::new(&host, &["--events", &path.to_string_lossy()]).unwrap();
    serving.says("watches this filter, and only one can").unwrap();
    assert_eq!(serving.metrics().unwrap()["fragwall_events_watching"], 0.0);
    monitor.signal(Signal::SIGINT).unwrap();
    assert!(monitor.ended(LIMIT).unwrap().success());
    serving.says("writing events of eth0").unwrap();
    let refused = host.fragwall().run(&["monitor"]).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`top` or `serve` watches"), "{refused:?}");
    let said = serving.end().unwrap();
    assert_eq!(said.matches("only one can").count(), 1, "it's said once: {said}");
}

/// The fields of an entry of the journal's native protocol.
fn fields(entry: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8(entry.to_vec()).unwrap();
    let fields = text.lines().map(|line| line.split_once('=').unwrap());
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_journal_is_given_a_field_for_each_thing() {
    let host = Host::new("journal").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500 log"]).unwrap();
    // A directory in the place of /run, which has the journal's socket.
    let run = temporary_directory("run").unwrap();
    let place = run.path().join("systemd/journal");
    fs::create_dir_all(&place).unwrap();
    let mut command = host.netns.command(&binary().unwrap().to_string_lossy()).unwrap();
    command.arg("--bpffs").arg(host.bpffs.path()).args(["serve", "--events", "journal"]);
    mounts::replace(&mut command, c"/run", run.path()).unwrap();
    let mut serving = Serving::run(&host, &mut command).unwrap();
    serving.says("writing events of eth0").unwrap();
    // None is there yet.
    send(&host, 52);
    serving.says("writing events to the journal: No such file or directory").unwrap();
    let journal = UnixDatagram::bind(place.join("socket")).unwrap();
    journal.set_read_timeout(Some(LIMIT)).unwrap();
    let next = || {
        let mut buffer = [0; 65_536];
        let length = journal.recv(&mut buffer).unwrap();
        fields(&buffer[..length])
    };
    let neighbour = Neighbour::new(&host).unwrap();
    let v6 = || ip6("2001:db8::2", "2001:db8::1");
    neighbour.send(v6().udp(9, 4500, b"let in")).unwrap();
    let entry = next();
    serving.says("events are written again").unwrap();
    for (name, value) in [
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "fragwall"),
        ("FRAGWALL_INTERFACE", "eth0"),
        ("FRAGWALL_VERDICT", "pass"),
        ("FRAGWALL_REASON", "rule"),
        ("FRAGWALL_RULE", "1"),
        ("FRAGWALL_BY", "allow udp 4500 log"),
        ("FRAGWALL_OBSERVED", "false"),
        ("FRAGWALL_SOURCE", "2001:db8::2"),
        ("FRAGWALL_DESTINATION_PORT", "4500"),
    ] {
        assert_eq!(entry.get(name).map(String::as_str), Some(value), "{name} of {entry:?}");
    }
    assert!(
        entry["MESSAGE"].contains("eth0  pass  rule  udp [2001:db8::2]:9 > [2001:db8::1]:4500"),
        "{entry:?}"
    );
    assert!(!entry.contains_key("FRAGWALL_FRAGMENT"), "{entry:?}");
    neighbour.send(v6().udp(9, 53, &pattern(1000)).fragments(0x5efa_507c, &[504]).remove(0)).unwrap();
    let entry = next();
    assert_eq!((entry["PRIORITY"].as_str(), entry["FRAGWALL_VERDICT"].as_str()), ("5", "drop"));
    assert_eq!(
        (entry["FRAGWALL_FRAGMENT_OFFSET"].as_str(), entry["FRAGWALL_FRAGMENT_MORE"].as_str()),
        ("0", "true")
    );
    let metrics = serving.metrics().unwrap();
    assert_eq!(metrics["fragwall_events_failed_total"], 1.0);
    assert_eq!(metrics["fragwall_events_written_total"], 2.0);
    serving.end().unwrap();
}
