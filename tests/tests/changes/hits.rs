//! When each rule matched last, and that new ones have matched nothing.

use std::ops::Range;

use firewall_common::rules::SLOTS;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use serde_json::Value;

use super::Probe;

#[test]
fn the_last_hit_is_told_and_outlives_a_change() {
    let host = Host::new("hits").unwrap();
    let probe = Probe::new(&host);
    host.ok(&["attach", "eth0", "--allow", "udp 7000", "--allow", "udp 7001", "--allow", "udp 9"]).unwrap();
    let hosts_time = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let before = hosts_time();
    assert!(probe.reaches(10));
    let last = |command: &str, number: usize| -> Value {
        host.fragwall().json(&[command]).unwrap()["rules"][number - 1]["last"].clone()
    };
    for command in ["list", "stats"] {
        let hit = last(command, 2);
        let ago = hit["seconds_ago"].as_u64().unwrap_or_else(|| panic!("{command}: {hit}"));
        assert!(ago <= hosts_time() - before + 1, "{command}: {hit}");
        let time = hit["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z') && time.starts_with("20"), "{command}: {hit}");
        assert!(last(command, 3).is_null(), "{command}: it never matched");
    }
    host.ok(&["deny", "udp", "53", "--at", "1"]).unwrap();
    assert!(last("list", 1).is_null(), "a new rule");
    assert!(last("list", 3).is_object(), "a rule that stayed");
    let text = String::from_utf8(host.ok(&["list"]).unwrap().stdout).unwrap();
    let line = text.lines().find(|line| line.contains("udp 7001")).unwrap();
    assert!(line.contains("s ago  allow udp 7001") || line.contains("m ago  allow udp 7001"), "{text}");
    // A rule that is deleted and comes again hasn't matched yet.
    host.ok(&["delete", "udp", "7001"]).unwrap();
    host.ok(&["allow", "udp", "7001"]).unwrap();
    assert!(last("list", 4).is_null());
}

/// More new rules than are looked at one by one, of which one gets the place that a rule with counts had: places are given again
/// as late as can be.
#[test]
fn many_new_rules_have_matched_nothing_and_totals_stay() {
    let host = Host::new("manynew").unwrap();
    let probe = Probe::new(&host);
    host.ok(&["attach", "eth0", "--allow", "udp 7000", "--allow", "udp 7001"]).unwrap();
    assert!(probe.reaches(10));
    host.ok(&["delete", "udp", "7001"]).unwrap();
    let by_rule = |stats: &Value| -> u64 {
        let reasons = stats["reasons"].as_array().unwrap();
        reasons
            .iter()
            .filter(|each| each["reason"] == "rule")
            .map(|each| each["packets"].as_u64().unwrap())
            .sum()
    };
    let before = by_rule(&host.fragwall().json(&["stats"]).unwrap());
    assert!(before >= 2, "what deleted rules have matched counts: {before}");
    let directory = temporary_directory("many").unwrap();
    let config = directory.path().join("fragwall.toml");
    let with = |ports: Range<usize>| {
        let rules: Vec<String> = ports.map(|port| format!("\"allow udp {port}\"")).collect();
        let text = format!("interfaces = [\"eth0\"]\nrules = [\"allow udp 7000\", {}]\n", rules.join(", "));
        std::fs::write(&config, text).unwrap();
        host.ok(&["apply", config.to_str().unwrap(), "--force"]).unwrap();
        host.fragwall().json(&["stats"]).unwrap()
    };
    // Nearly all places, and then more than are left: the last ones are had for the second time.
    const { assert!(4_000 < SLOTS && SLOTS < 4_000 + 150) };
    with(10_000..14_000);
    let stats = with(20_000..20_150);
    let packets: Vec<u64> =
        stats["rules"].as_array().unwrap().iter().map(|rule| rule["packets"].as_u64().unwrap()).collect();
    assert_eq!((packets.len(), packets[0]), (151, 1), "{packets:?}");
    assert!(packets[1..].iter().all(|&packets| packets == 0), "{packets:?}");
    assert_eq!(by_rule(&stats), before);
}
