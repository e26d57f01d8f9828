//! Taking over the filter of another version, on two interfaces.

use std::collections::BTreeSet;

use firewall_tests::harness::pinned::Pinned;

use super::each_step::kill_at_each_step;
use super::scene::{ALWAYS, PLAIN, Scene};

/// Tables that start anew. What is asked of the filter each time doesn't read them.
const ANEW: &[&str] = &["sources", "buckets", "flows"];

/// The filter is the older version's or this one's, as `status` tells, and whole; then it's taken over, whatever was left, and made the
/// older version's again by `becomes`.
fn killed_at_each_step(label: &str, command: &[&str], becomes: impl Fn(&Pinned)) {
    let mut scene = Scene::new(label);
    let text = format!("interfaces = [\"eth0\", \"eth1\"]\nreplies = true\nrules = [\"{ALWAYS}\"]\n{PLAIN}");
    let config = scene.config("both", &text).to_str().unwrap().to_owned();
    scene.host.ok(&["apply", &config]).unwrap();
    let command: Vec<&str> =
        command.iter().map(|word| if *word == "FILE" { &*config } else { word }).collect();
    becomes(&Pinned::of(&scene.host).unwrap());
    let stream = scene.stream();
    let mut were_left = BTreeSet::new();
    let steps = kill_at_each_step(&mut scene, &command, |scene, end, when| {
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let told = told.unwrap_or_else(|| panic!("{when}: nothing is filtered any more"));
        assert_eq!((&told.rules[..], told.filtered.len()), (&[ALWAYS.to_owned()][..], 2), "{when}: {told:?}");
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}: what is denied has come in");
        let status = scene.host.fragwall().json(&["status"]).unwrap();
        let is_own = status["program"]["is_own"].as_bool().unwrap();
        assert!(!end.is_done() || is_own && told.others.is_empty(), "{when}: {status}");
        were_left.insert((is_own, told.others.is_empty()));

        scene.host.ok(&["upgrade"]).unwrap_or_else(|error| panic!("{when}, and upgraded: {error:#}"));
        let told = scene.told().unwrap().unwrap();
        assert!(told.others.is_empty(), "{when}, and upgraded: {told:?}");
        let status = scene.host.fragwall().json(&["status"]).unwrap();
        assert_eq!(status["program"]["is_own"], true, "{when}, and upgraded: {status}");
        let pinned = Pinned::of(&scene.host).unwrap();
        for directory in ["generations", "tables"] {
            assert_eq!(pinned.names(directory).unwrap().len(), 1, "{when}, and upgraded: {directory}");
        }
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}, and upgraded: what is denied has come in");
        becomes(&pinned);
    });
    assert!(steps.contains(&"bpf(LINK_UPDATE)") && steps.contains(&"bpf(OBJ_PIN)"), "{steps:?}");
    assert_eq!(were_left, BTreeSet::from([(false, true), (true, false), (true, true)]));
    let (sent, let_in) = stream.end().unwrap();
    assert!(sent > 0 && !let_in, "what is denied has come in");
    scene.ends();
}

#[test]
fn some_tables_start_anew() {
    killed_at_each_step("upgrade", &["upgrade"], |pinned| pinned.means_otherwise_by(ANEW).unwrap());
}

#[test]
fn those_of_layout_7_go_on() {
    killed_at_each_step("seven", &["apply", "FILE"], |pinned| pinned.becomes_layout_7().unwrap());
}
