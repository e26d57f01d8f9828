//! The first attach, by `attach` and by `apply`.

use firewall_tests::harness::stream::Stream;

use super::each_step::{End, kill_at_each_step};
use super::scene::{ALWAYS, PLAIN, Scene};

/// What is filtered is filtered by the rules, and what `status` and `list` tell.
fn is_whole(scene: &mut Scene, stream: &Stream, interfaces: Option<usize>, when: &str) {
    let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
    assert!(told.as_ref().is_none_or(|told| told.rules == [ALWAYS] && told.others.is_empty()), "{when}");
    let filtered = told.map(|told| told.filtered).unwrap_or_default();
    assert!(interfaces.is_none_or(|number| number == filtered.len()), "{when}: {filtered:?}");
    // Either all of what isn't allowed comes in, or nothing of it.
    assert_eq!(Scene::lets_in_all(stream).unwrap(), !filtered.contains("eth0"), "{when}: {filtered:?}");
}

/// The next command finishes or undoes what one that was killed did.
fn killed_at_each_step(scene: &mut Scene, command: &[&str], config: &str) {
    let stream = scene.stream();
    let steps = kill_at_each_step(scene, command, |scene, end, when| {
        is_whole(scene, &stream, end.is_done().then_some(2), when);
        if matches!(end, End::Killed(round) if round % 2 == 0) {
            scene.host.ok(&["apply", config]).unwrap_or_else(|error| panic!("{when}: {error:#}"));
            is_whole(scene, &stream, Some(2), &format!("{when}, and finished"));
        }
        scene.detach(when);
    });
    assert!(steps.contains(&"bpf(LINK_CREATE)") && steps.contains(&"bpf(OBJ_PIN)"), "{steps:?}");
    stream.end().unwrap();
}

fn config(scene: &Scene, more: &str) -> String {
    let text = format!("interfaces = [\"eth0\", \"eth1\"]\nrules = [\"{ALWAYS}\"]\n{more}");
    scene.config("both", &text).to_str().unwrap().to_owned()
}

#[test]
fn a_filter_is_attached() {
    let mut scene = Scene::new("attach");
    let config = config(&scene, "");
    killed_at_each_step(&mut scene, &["attach", "--config", &config], &config);
    scene.ends();
}

#[test]
fn a_configuration_is_applied_where_none_was() {
    let mut scene = Scene::new("first");
    let config = config(&scene, &format!("replies = false\n{PLAIN}"));
    killed_at_each_step(&mut scene, &["apply", &config], &config);
    scene.ends();
}
