//! Packets explained by the filter in force.

use std::fs;

use firewall_tests::harness::{host::Host, temporary_directory};

use crate::{ALLOWED, exchange, pcap};

#[test]
fn the_rules_and_settings_in_force_decide() {
    let host = Host::new("attached").unwrap();
    host.add_interface("eth1").unwrap();
    let directory = temporary_directory("attached").unwrap();
    let [input, config] = ["input.pcap", "fragwall.toml"].map(|name| directory.path().join(name));
    fs::write(&input, pcap(&exchange())).unwrap();
    let input = input.to_string_lossy();
    let explain = |options: &[&str]| {
        let output = host.ok(&[&["explain", "--attached", "--json", &input], options].concat()).unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let rules = "rules = ['allow tcp 22', 'allow udp 4500 on eth0', 'deny udp']\n";
    fs::write(&config, format!("interfaces = ['eth0']\n{rules}[fragments]\nearly = 'drop'\n")).unwrap();
    host.ok(&["attach", "--config", &config.to_string_lossy()]).unwrap();
    let counted = || host.fragwall().json(&["stats"]).unwrap()["rules"].clone();
    let (program, before) = (host.attached("eth0").unwrap(), counted());

    let allowed = ALLOWED.replace(r#""rule":1"#, r#""rule":2"#);
    assert_eq!(explain(&[]), (allowed.clone(), String::new()), "the only interface is the one");
    let denied = ALLOWED.replace("pass", "drop").replace(r#""rule":1"#, r#""rule":3"#);
    assert_eq!(explain(&["--on", "eth1"]).0, denied);
    // Trailing fragments first.
    fs::write(&*input, pcap(&exchange().into_iter().rev().collect::<Vec<_>>())).unwrap();
    assert!(explain(&[]).0.starts_with(r#"{"packet":1,"verdict":"drop","reason":"early""#));
    fs::write(&*input, pcap(&exchange())).unwrap();

    assert_eq!(host.attached("eth0").unwrap(), program, "the filter isn't touched");
    assert_eq!(counted(), before);
    // On two interfaces, packets are said to have come in on neither.
    host.ok(&["attach", "eth1"]).unwrap();
    assert_eq!(explain(&[]).0, denied);
    // What is in force is what counts, whether or not it's carried out, or confirmed yet.
    host.ok(&["apply", &config.to_string_lossy(), "--observe"]).unwrap();
    let (lines, words) = explain(&[]);
    assert_eq!(lines, allowed);
    assert!(words.contains("observing"), "{words}");
    host.ok(&["delete", "2", "--confirm", "1h"]).unwrap();
    let (lines, words) = explain(&[]);
    assert_eq!(lines, denied.replace(r#""rule":3"#, r#""rule":2"#));
    assert!(words.contains("awaits confirmation"), "{words}");
    host.ok(&["rollback"]).unwrap();
    assert_eq!(explain(&[]).0, allowed);
}

#[test]
fn without_a_filter_in_force_it_is_refused() {
    let host = Host::new("unattached").unwrap();
    let directory = temporary_directory("unattached").unwrap();
    let input = directory.path().join("input.pcap");
    fs::write(&input, pcap(&exchange())).unwrap();
    let input = input.to_string_lossy();
    let output = host.fragwall().run(&["explain", "--attached", &input]).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{words}");
    assert!(words.contains("isn't attached") && words.contains("fragwall attach"), "{words}");
    assert!(output.stdout.is_empty());
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    for other in [["--config", "/dev/null"], ["--allow", "udp"], ["--default", "deny"]] {
        let output =
            host.fragwall().run(&[&["explain", "--attached", &*input], &other[..]].concat()).unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains("--attached") && words.contains(other[0]), "{words}");
    }
}
