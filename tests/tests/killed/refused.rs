//! Commands that the kernel refuses something, at each system call that would change its state: they fail with a word of it, and the filter
//! before stays in force, whole; or they do without, and succeed.

use firewall_tests::harness::stepwise::{Run, Step, refuse, run_through, to_refuse};
use nix::errno::Errno;

use super::scene::{ALWAYS, PLAIN, SOMETIMES, Scene};

const REFUSALS: [Errno; 3] = [Errno::ENOMEM, Errno::EBUSY, Errno::EPERM];

/// One line says what went wrong; it's no panic.
fn says_why(said: &str) -> bool {
    said.lines().filter(|line| line.starts_with("fragwall: ")).count() == 1 && !said.contains("panicked")
}

/// Refuses the command one step after the other. `after` looks at what has become of it each time, with the steps before that one and
/// words for when that was, and puts back what was there.
fn refuse_each_step(
    scene: &mut Scene,
    command: &[&str],
    mut after: impl FnMut(&mut Scene, &Run, &[Step], &str),
) {
    let whole = run_through(&mut scene.command(command)).unwrap();
    assert!(whole.status.success(), "{}", whole.said);
    after(scene, &whole, &whole.steps, "done");
    let chosen = to_refuse(&whole.steps);
    let mut failed = 0;
    for (round, &step) in chosen.iter().enumerate() {
        let errno = REFUSALS[round % REFUSALS.len()];
        let run = refuse(&mut scene.command(command), step, errno).unwrap();
        let when = format!("{step}, refused with {errno}");
        let place = run.steps.iter().position(|&made| made == step);
        let place = place.unwrap_or_else(|| panic!("{when}: it isn't made this time"));
        if !run.status.success() {
            failed += 1;
            assert!(says_why(&run.said), "{when}: {}", run.said);
        }
        after(scene, &run, &run.steps[..place], &when);
    }
    let (tried, of) = (chosen.len(), whole.steps.len());
    println!("{command:?}: {tried} of {of} steps were refused, of which {failed} made it fail");
    assert!(failed > tried / 2, "only {failed} of {tried} refusals made it fail");
}

#[test]
fn a_change_that_is_refused_something_fails_whole() {
    let mut scene = Scene::new("refused");
    let rules = scene.config("old", &format!("rules = [\"{ALWAYS}\"]\n"));
    scene.host.ok(&["attach", "eth0", "--config", rules.to_str().unwrap()]).unwrap();
    let old = ["apply", rules.to_str().unwrap()];
    let stream = scene.stream();
    refuse_each_step(&mut scene, &["allow", "udp 7002"], |scene, run, before, when| {
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let told = told.unwrap_or_else(|| panic!("{when}: nothing is filtered any more")).rules;
        let is_new = told == [ALWAYS, SOMETIMES];
        assert!(is_new || told == [ALWAYS], "{when}: {told:?}");
        assert_eq!(scene.reaches_changing().unwrap(), is_new, "{when}");
        assert!(!Scene::lets_in_all(&stream).unwrap(), "{when}: what is denied has come in");
        if run.status.success() {
            assert!(is_new, "{when}: it succeeded, and did nothing: {}", run.said);
        } else {
            // Past the exchange nothing is left but clearing away.
            let is_past = before.iter().any(|step| step.name == "bpf(LINK_UPDATE)");
            assert!(!is_new || is_past, "{when}: it failed, and the new rules are in force: {}", run.said);
        }
        scene.host.ok(&old).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        assert_eq!(scene.told().unwrap().unwrap().rules, [ALWAYS], "{when}, and taken back");
    });
    let (_, let_in) = stream.end().unwrap();
    assert!(!let_in, "what is denied has come in");
    scene.ends();
}

/// Either all of the interfaces are filtered, or none.
#[test]
fn an_attach_that_is_refused_something_leaves_nothing() {
    let mut scene = Scene::new("refused");
    let text = format!("interfaces = [\"eth0\", \"eth1\"]\nrules = [\"{ALWAYS}\"]\n{PLAIN}");
    let config = scene.config("both", &text).to_str().unwrap().to_owned();
    refuse_each_step(&mut scene, &["attach", "--config", &config], |scene, run, _, when| {
        let told = scene.told().unwrap_or_else(|error| panic!("{when}: {error:#}"));
        if run.status.success() {
            let told = told.unwrap_or_else(|| panic!("{when}: it succeeded, and did nothing: {}", run.said));
            assert_eq!(told.rules, [ALWAYS], "{when}: {}", run.said);
            assert_eq!(told.filtered.len(), 2, "{when}: {}", run.said);
        } else {
            assert!(told.is_none(), "{when}: it failed, and filters {told:?}: {}", run.said);
        }
        scene.detach(when);
    });
    scene.ends();
}
