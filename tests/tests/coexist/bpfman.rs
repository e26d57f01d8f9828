//! What is there for bpfman names what is in the object.

use std::fs;

use firewall_tests::harness::entry::NAME;
use fragwall::kernel::entry::OBJECT;
use serde::Deserialize as _;
use serde_json::{Value, json};

fn file(name: &str) -> String {
    let path = format!("{}/../deploy/bpfman/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value of one of the image's labels.
fn label(containerfile: &str, name: &str) -> Value {
    let begin = format!("LABEL {name}='");
    let line = containerfile.lines().find_map(|line| line.strip_prefix(&begin)).expect(name);
    serde_json::from_str(line.strip_suffix('\'').expect("a quote at the end")).unwrap()
}

#[test]
fn the_labels_are_those_of_the_object() {
    let containerfile = file("Containerfile");
    let object = aya_obj::Object::parse(OBJECT).unwrap();
    let programs: Vec<_> = object.programs.keys().map(String::as_str).collect();
    assert_eq!(programs, [NAME]);
    assert_eq!(label(&containerfile, "io.ebpf.programs"), json!({ NAME: "xdp" }));
    let maps: Vec<_> = object.maps.keys().map(String::as_str).collect();
    assert_eq!(maps, ["FRAGWALL_ENTRY"]);
    assert_eq!(label(&containerfile, "io.ebpf.maps"), json!({ "FRAGWALL_ENTRY": "prog_array" }));
}

#[test]
fn the_manifest_loads_that_program_on_an_interface() {
    let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&file("fragwall-entry.yaml"))
        .map(|document| Value::deserialize(document).unwrap())
        .collect();
    let [application] = &documents[..] else { panic!("one document") };
    assert_eq!(application["kind"], "ClusterBpfApplication");
    let program = &application["spec"]["programs"][0];
    assert_eq!((&program["name"], &program["type"]), (&json!(NAME), &json!("XDP")));
    let link = &program["xdp"]["links"][0];
    assert!(link["interfaceSelector"]["interfaces"][0].is_string() && link["priority"].is_u64(), "{link}");
}
