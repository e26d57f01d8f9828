//! What the metrics tell is what `fragwall stats` does.

use std::collections::BTreeMap;

use firewall_common::verdict::Reason;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip4, ip6, pattern};
use serde_json::Value;

use firewall_tests::harness::serving::Serving;

/// What the metrics must tell of these statistics, but for reasons that never occurred.
fn expected(stats: &Value) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let number = |value: &Value| value.as_f64().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let present = if stats["observing"] == true { "observing" } else { "enforcing" };
    for (stance, counted) in [("enforcing", stats), ("observing", &stats["observed"])] {
        for interface in counted["interfaces"].as_array().unwrap() {
            for (key, verdict) in [("passed", "pass"), ("dropped", "drop"), ("rejected", "reject")] {
                let name = interface["interface"].as_str().unwrap_or_default();
                let labels = format!("{{interface=\"{name}\",verdict=\"{verdict}\",stance=\"{stance}\"}}");
                for unit in ["packets", "bytes"] {
                    let value = number(&interface[key][unit]);
                    all.insert(format!("fragwall_interface_{unit}_total{labels}"), value);
                }
            }
        }
        for reason in counted["reasons"].as_array().unwrap() {
            let [name, verdict] = ["reason", "verdict"].map(|key| text(&reason[key]));
            let labels = format!("{{reason=\"{name}\",verdict=\"{verdict}\",stance=\"{stance}\"}}");
            for unit in ["packets", "bytes"] {
                all.insert(format!("fragwall_{unit}_total{labels}"), number(&reason[unit]));
            }
        }
        if stance != present && counted["reasons"].as_array().unwrap().is_empty() {
            continue;
        }
        let mut credited = |kind: &str, labels: &str, of: &Value| {
            for unit in ["packets", "bytes"] {
                all.insert(format!("fragwall_{kind}_{unit}_total{labels}"), number(&of[unit]));
                let trailing = number(&of["trailing"][unit]);
                all.insert(format!("fragwall_{kind}_trailing_{unit}_total{labels}"), trailing);
            }
        };
        for rule in counted["rules"].as_array().unwrap() {
            let (index, text) = (&rule["number"], text(&rule["rule"]).replace('"', "\\\""));
            let labels = format!("{{number=\"{index}\",rule=\"{text}\",stance=\"{stance}\"}}");
            credited("rule", &labels, rule);
        }
        let action = text(&counted["default"]["action"]);
        let labels = format!("{{action=\"{action}\",stance=\"{stance}\"}}");
        credited("default", &labels, &counted["default"]);
    }
    let table = &stats["table"];
    for state in ["accepted", "denied", "early", "expired"] {
        let name = format!("fragwall_fragment_table_entries{{state=\"{state}\"}}");
        all.insert(name, number(&table[state]));
    }
    all.insert("fragwall_fragment_table_capacity".to_owned(), number(&table["entries"]));
    for count in ["hits", "reused", "evicted", "unrecorded"] {
        all.insert(format!("fragwall_fragment_table_{count}_total"), number(&table[count]));
    }
    all.insert("fragwall_observing".to_owned(), f64::from(u8::from(stats["observing"] == true)));
    all
}

/// Packets of both IP versions: allowed, dropped and rejected ones, whole and in fragments, and malformed ones.
fn traffic(host: &Host) {
    let neighbour = Neighbour::new(host).unwrap();
    let v6 = || ip6("2001:db8::2", "2001:db8::1");
    let v4 = || ip4("192.0.2.2", "192.0.2.1");
    for (id, port) in [(1, 500), (2, 53)] {
        neighbour.send(v6().udp(9, port, b"whole")).unwrap();
        neighbour.send(v4().udp(9, port, b"whole")).unwrap();
        for fragment in v6().udp(9, port, &pattern(1000)).fragments(id, &[504]) {
            neighbour.send(fragment).unwrap();
        }
    }
    // Unfinished, so that the table holds something.
    neighbour.send(v6().udp(9, 500, &pattern(1000)).fragments(3, &[504]).remove(0)).unwrap();
    neighbour.send(v6().fragment(4, 8, true).raw(17, &[0; 9])).unwrap();
    neighbour.send(v6().tcp(9, 22, 2, b"rejected")).unwrap();
}

/// Compares what both tell of the same moment: nothing may have been counted between.
fn compare(serving: &Serving<'_>) -> (Value, BTreeMap<String, f64>) {
    loop {
        let fragwall = serving.host.fragwall();
        let before = fragwall.json(&["stats"]).unwrap();
        let metrics = serving.metrics().unwrap();
        let after = fragwall.json(&["stats"]).unwrap();
        let expected = expected(&before);
        if expected != self::expected(&after) {
            continue;
        }
        for (name, value) in &expected {
            assert_eq!(metrics.get(name), Some(value), "{name}");
        }
        for (name, value) in metrics.iter().filter(|(name, _)| !expected.contains_key(*name)) {
            let of_filter = ["fragwall_packets_", "fragwall_bytes_", "fragwall_rule_", "fragwall_default_"];
            let of_filter = of_filter.iter().any(|prefix| name.starts_with(prefix));
            assert!(!of_filter || *value == 0.0, "{name} {value} isn't in {before}");
        }
        return (before, metrics);
    }
}

#[test]
fn metrics_are_the_statistics() {
    let host = Host::new("metrics").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500 comment \"for IKE\""]).unwrap();
    host.ok(&["reject", "tcp 22"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let empty = serving.metrics().unwrap();
    for reason in Reason::ALL {
        for verdict in reason.verdicts() {
            for stance in ["enforcing", "observing"] {
                let [reason, verdict] = [reason.name(), verdict.name()];
                let labels = format!("{{reason=\"{reason}\",verdict=\"{verdict}\",stance=\"{stance}\"}}");
                for unit in ["packets", "bytes"] {
                    assert!(empty.contains_key(&format!("fragwall_{unit}_total{labels}")), "{labels}");
                }
            }
        }
    }
    traffic(&host);
    let (stats, metrics) = compare(&serving);
    let of = |name: &str| metrics[name];
    assert_eq!(of("fragwall_up"), 1.0);
    assert_eq!(of("fragwall_interface_attached{interface=\"eth0\"}"), 1.0);
    assert!(stats["rules"][0]["trailing"]["packets"] == 1 && stats["default"]["trailing"]["packets"] == 1);
    assert_eq!(of("fragwall_fragment_table_hits_total"), 2.0);
    assert!(of("fragwall_fragment_table_entries{state=\"accepted\"}") >= 1.0);
    assert_eq!(of("fragwall_packets_total{reason=\"rule\",verdict=\"reject\",stance=\"enforcing\"}"), 1.0);
    assert!(of("fragwall_rules_loaded_timestamp_seconds") > 1.7e9);
    assert!(!metrics.keys().any(|name| name.starts_with("fragwall_config_")), "there's no file");

    // Of a filter that is gone nothing is told, but that it's gone.
    host.ok(&["detach"]).unwrap();
    let gone = serving.metrics().unwrap();
    assert_eq!(gone["fragwall_up"], 0.0);
    assert!(!gone.keys().any(|name| name.contains("packets")), "{gone:?}");
    serving.end().unwrap();
}

#[test]
fn what_is_observed_is_told_apart() {
    let host = Host::new("observed").unwrap();
    host.ok(&["attach", "eth0", "--observe", "--allow", "udp 500"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    traffic(&host);
    let (_, metrics) = compare(&serving);
    let dropped = |stance| {
        metrics[&format!("fragwall_packets_total{{reason=\"default\",verdict=\"drop\",stance=\"{stance}\"}}")]
    };
    assert_eq!(metrics["fragwall_observing"], 1.0);
    assert!(dropped("observing") > 0.0 && dropped("enforcing") == 0.0);
    assert!(!metrics.keys().any(|name| name.contains("rule_packets") && name.contains("enforcing")));
    host.ok(&["enforce"]).unwrap();
    traffic(&host);
    let (_, metrics) = compare(&serving);
    assert_eq!(metrics["fragwall_observing"], 0.0);
    let rules = |stance: &str| {
        metrics.keys().filter(|name| name.contains("rule_packets") && name.contains(stance)).count()
    };
    assert_eq!((rules("enforcing"), rules("observing")), (1, 1), "what was observed isn't forgotten");
    serving.end().unwrap();
}
