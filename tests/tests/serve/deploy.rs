//! What comes with it for Prometheus and Grafana: it's valid, and asks for nothing that isn't told.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use firewall_common::verdict::Reason;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{run_ok, tool};
use firewall_tests::harness::{requirements, temporary_directory};
use fragwall::observe::metrics::FAMILIES;
use serde_json::Value;

use firewall_tests::harness::serving::{Serving, configure};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(name)
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_part(c));
    words.filter(|word| word.starts_with("fragwall_")).map(str::to_owned).collect()
}

/// The reasons that the queries of a text name.
fn reasons(text: &str) -> Vec<String> {
    let text = text.replace('\\', "").replace("=~", "=");
    let lists = text.split("reason=\"").skip(1).filter_map(|rest| rest.split('"').next());
    lists.flat_map(|list| list.split('|')).map(str::to_owned).collect()
}

#[test]
fn every_metric_that_is_asked_for_is_told() {
    let host = Host::new("deploy").unwrap();
    let directory = temporary_directory("deploy").unwrap();
    let text = "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n";
    let config = configure(directory.path(), text).unwrap();
    let events = directory.path().join("events");
    let serving = Serving::new(&host, &["--config", &config, "--events", &events.to_string_lossy()]).unwrap();
    let told: BTreeSet<String> = serving
        .metrics()
        .unwrap()
        .keys()
        .map(|sample| sample.split('{').next().unwrap().to_owned())
        .collect();
    let all: BTreeSet<String> = FAMILIES.iter().map(|family| family.sample_name()).collect();
    assert_eq!(told, all, "with a file and with events, everything is told");
    for name in ["grafana/fragwall.json", "prometheus/alerts.yml", "prometheus/scrape.yml"] {
        let text = fs::read_to_string(file(name)).unwrap();
        for reason in reasons(&text) {
            assert!(Reason::ALL.iter().any(|known| known.name() == reason), "{name}: reason {reason:?}");
        }
        let asked = named(&text);
        assert!(asked.is_subset(&told), "{name}: {:?}", asked.difference(&told));
        assert!(name.ends_with("scrape.yml") || asked.len() > 5, "{name}: {asked:?}");
    }
    serving.end().unwrap();
}

#[test]
fn prometheus_takes_the_alerts_and_the_configuration() {
    requirements::require(&["promtool"]).unwrap();
    run_ok(tool("promtool").args(["check", "rules"]).arg(file("prometheus/alerts.yml"))).unwrap();
    run_ok(tool("promtool").args(["check", "config"]).arg(file("prometheus/scrape.yml"))).unwrap();
    run_ok(tool("promtool").args(["test", "rules"]).arg(file("prometheus/alerts-test.yml"))).unwrap();
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(file("grafana/fragwall.json")).unwrap()).unwrap();
    assert!(
        dashboard["title"].is_string() && dashboard["schemaVersion"].is_u64() && dashboard["uid"].is_string()
    );
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each has an id of its own");
    let mut taken = BTreeSet::new();
    for panel in panels {
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in (place("x")..place("x") + place("w"))
            .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
        {
            assert!(x < 24 && taken.insert((x, y)), "panels lie over each other: {panel}");
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            assert!(query.contains("fragwall_"), "{query}");
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                assert_eq!(query.matches(open).count(), query.matches(close).count(), "{query}");
            }
        }
    }
}
