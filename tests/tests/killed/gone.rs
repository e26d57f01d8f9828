//! An interface goes while a command changes the filter on it, right before each system call that changes the kernel's state: it takes no
//! part in it any more, and all else is as if it had never been there.

use firewall_tests::harness::stepwise::{forestall, run_through, to_kill_before};

use super::scene::{ALWAYS, SOMETIMES, Scene};

#[test]
fn a_change_doesnt_mind_that_an_interface_goes() {
    let mut scene = Scene::new("gone");
    let both = format!("interfaces = [\"eth0\", \"eth1\"]\nrules = [\"{ALWAYS}\"]\n");
    let both = scene.config("both", &both);
    let back = ["apply", both.to_str().unwrap()];
    scene.host.ok(&back).unwrap();
    let stream = scene.stream();
    let command = ["allow", "udp 7002"];
    let whole = run_through(&mut scene.command(&command)).unwrap();
    assert!(whole.status.success(), "{}", whole.said);
    scene.host.ok(&back).unwrap();
    let chosen = to_kill_before(&whole.steps);
    for &step in &chosen {
        let gone = || scene.host.netns.ip(&["link", "del", "eth1"]);
        let run = forestall(&mut scene.command(&command), step, gone).unwrap();
        let when = format!("gone before {step}");
        assert!(run.status.success(), "{when}: {}", run.said);
        // Another one of that name.
        scene.host.add_interface("eth1").unwrap();
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}")).unwrap();
        assert_eq!(told.rules, [ALWAYS, SOMETIMES], "{when}");
        assert!(told.filtered.iter().eq(&["eth0"]) && told.others.is_empty(), "{when}: {told:?}");
        assert!(scene.reaches_changing().unwrap(), "{when}");
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}: what is denied has come in");
        scene.host.ok(&back).unwrap_or_else(|error| panic!("{when}: {error:#}"));
    }
    println!("{command:?}: the interface went before {} of {} steps", chosen.len(), whole.steps.len());
    assert!(chosen.iter().any(|step| step.name == "bpf(LINK_UPDATE)"), "{chosen:?}");
    let (_, let_in) = stream.end().unwrap();
    assert!(!let_in, "what is denied has come in");
    scene.ends();
}
