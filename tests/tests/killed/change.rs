//! Changes of a filter in force, on the interface that packets come by and on another.

use super::each_step::kill_at_each_step;
use super::scene::{ALWAYS, PLAIN, SOMETIMES, Scene};

/// The rules and the interfaces that are in force.
struct InForce<'a> {
    rules: &'a [&'a str],
    interfaces: &'a [&'a str],
}

/// Kills the command, which changes what is there into what is `new`. What takes it `back` finds its way each time. Returns whether
/// `status` has said of an interface that it goes by other rules than those it tells.
fn killed_at_each_step(
    scene: &mut Scene,
    command: &[&str],
    new: &InForce<'_>,
    back: &[&str],
    old: &InForce<'_>,
) -> bool {
    let stream = scene.stream();
    let mut was_mixed = false;
    let steps = kill_at_each_step(scene, command, |scene, end, when| {
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let told = told.unwrap_or_else(|| panic!("{when}: nothing is filtered any more"));
        let is_new = told.rules == new.rules;
        assert!(is_new || told.rules == old.rules, "{when}: {told:?}");
        // An interface goes by all of the new rules or all of the old ones.
        let of_eth0 = if is_new != told.others.contains("eth0") { new } else { old };
        assert_eq!(
            scene.reaches_changing().unwrap_or_else(|error| panic!("{when}: {error:#}")),
            of_eth0.rules.contains(&SOMETIMES),
            "{when}: {told:?}"
        );
        was_mixed |= !told.others.is_empty();
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}: what is denied has come in");
        // The interfaces come and go one by one.
        let filtered = &told.filtered;
        let [was, will_be] = [old, new].map(|of| of.interfaces);
        let may_be = |name: &&str| was.contains(name) || will_be.contains(name);
        let must_be = |name: &&&str| was.contains(name) && will_be.contains(name);
        assert!(filtered.iter().all(may_be), "{when}: {filtered:?} are filtered");
        assert!(was.iter().filter(must_be).all(|name| filtered.contains(name)), "{when}: {filtered:?}");
        if end.is_done() {
            assert!(is_new && told.others.is_empty(), "{when}: {told:?}");
            assert!(filtered.iter().eq(will_be), "{when}: {filtered:?}");
        }
        scene.host.ok(back).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let told = scene.told().unwrap().unwrap();
        assert!(told.rules == old.rules && told.others.is_empty(), "{when}, and taken back: {told:?}");
        assert!(told.filtered.iter().eq(was), "{when}, and taken back: {told:?}");
    });
    assert!(steps.contains(&"bpf(LINK_UPDATE)"), "{steps:?}");
    let (sent, let_in) = stream.end().unwrap();
    assert!(sent > 0 && !let_in, "what is denied has come in");
    was_mixed
}

const FEWER: &[&str] = &[ALWAYS];
const MORE: &[&str] = &[ALWAYS, SOMETIMES];

/// The command that puts these into force, without looking at what goes out if replies aren't accepted.
fn apply(scene: &Scene, of: &InForce<'_>, replies: bool) -> [String; 2] {
    let InForce { rules, interfaces } = of;
    let text = format!("interfaces = {interfaces:?}\nreplies = {replies}\nrules = {rules:?}\n{PLAIN}");
    let name = format!("{}-{}-{replies}", rules.len(), interfaces.len());
    ["apply".to_owned(), scene.config(&name, &text).to_str().unwrap().to_owned()]
}

fn words(command: &[String; 2]) -> [&str; 2] {
    command.each_ref().map(String::as_str)
}

#[test]
fn a_rule_is_allowed() {
    let mut scene = Scene::new("allow");
    let interfaces = &["eth0", "eth1"][..];
    let (old, new) = (InForce { rules: FEWER, interfaces }, InForce { rules: MORE, interfaces });
    let back = apply(&scene, &old, true);
    scene.host.ok(&words(&back)).unwrap();
    assert!(killed_at_each_step(&mut scene, &["allow", "udp 7002"], &new, &words(&back), &old));
    scene.ends();
}

#[test]
fn a_rule_is_deleted() {
    let mut scene = Scene::new("delete");
    let interfaces = &["eth0"][..];
    let (old, new) = (InForce { rules: MORE, interfaces }, InForce { rules: FEWER, interfaces });
    let back = apply(&scene, &old, false);
    scene.host.ok(&words(&back)).unwrap();
    assert!(!killed_at_each_step(&mut scene, &["delete", "2"], &new, &words(&back), &old));
    scene.ends();
}

/// Other rules, and replies no longer accepted, and back.
#[test]
fn another_configuration_is_applied() {
    let mut scene = Scene::new("apply");
    let interfaces = &["eth0"][..];
    let (fewer, more) = (InForce { rules: FEWER, interfaces }, InForce { rules: MORE, interfaces });
    let (there, back) = (apply(&scene, &more, false), apply(&scene, &fewer, true));
    let (there, back) = (words(&there), words(&back));
    scene.host.ok(&back).unwrap();
    assert!(!killed_at_each_step(&mut scene, &there, &more, &back, &fewer));
    scene.host.ok(&there).unwrap();
    assert!(!killed_at_each_step(&mut scene, &back, &fewer, &there, &more));
    scene.ends();
}

/// The further interface has the new rules first, and the other one the old ones until then; `status` says so.
#[test]
fn other_rules_are_applied_on_a_further_interface() {
    let mut scene = Scene::new("further");
    let old = InForce { rules: FEWER, interfaces: &["eth0"] };
    let new = InForce { rules: MORE, interfaces: &["eth0", "eth1"] };
    let (there, back) = (apply(&scene, &new, false), apply(&scene, &old, false));
    scene.host.ok(&words(&back)).unwrap();
    assert!(killed_at_each_step(&mut scene, &words(&there), &new, &words(&back), &old));
    scene.ends();
}
