//! Taking the filter off.

use super::each_step::{End, kill_at_each_step};
use super::scene::{ALWAYS, PLAIN, Scene};

/// After each time the filter is made anew; every other time the detach is repeated before.
fn killed_at_each_step(label: &str, command: &[&str]) {
    let mut scene = Scene::new(label);
    let text = format!("interfaces = [\"eth0\", \"eth1\"]\nrules = [\"{ALWAYS}\"]\n{PLAIN}");
    let config = scene.config("both", &text).to_str().unwrap().to_owned();
    scene.host.ok(&["apply", &config]).unwrap();
    let stream = scene.stream();
    let steps = kill_at_each_step(&mut scene, command, |scene, end, when| {
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
        assert!(told.as_ref().is_none_or(|told| told.rules == [ALWAYS] && told.others.is_empty()), "{when}");
        let filtered = told.map(|told| told.filtered).unwrap_or_default();
        assert_eq!(Scene::lets_in_all(&stream).unwrap(), !filtered.contains("eth0"), "{when}: {filtered:?}");
        let is_named = |name: &&str| command.len() == 1 || command.contains(name);
        assert!(["eth0", "eth1"].iter().all(|name| is_named(name) || filtered.contains(name)), "{when}");
        assert!(!end.is_done() || !filtered.iter().any(is_named), "{when}: {filtered:?}");
        if matches!(end, End::Killed(round) if round % 2 == 0) {
            scene.detach(when);
        }
        scene.host.ok(&["apply", &config]).unwrap_or_else(|error| panic!("{when}, and applied: {error:#}"));
        assert_eq!(scene.told().unwrap().unwrap().filtered.len(), 2, "{when}, and applied");
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}, and applied");
    });
    assert!(steps.contains(&"bpf(LINK_DETACH)"), "{steps:?}");
    stream.end().unwrap();
    scene.ends();
}

#[test]
fn all_of_it_is_taken_off() {
    killed_at_each_step("detach", &["detach"]);
}

#[test]
fn it_is_taken_off_one_of_two_interfaces() {
    killed_at_each_step("one", &["detach", "eth1"]);
}
