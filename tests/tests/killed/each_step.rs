//! A command that is run through once, and then again and again, and killed at one step after the other.

use firewall_tests::harness::stepwise::{kill_before, run_through, to_kill_before};

use super::scene::Scene;

/// How a command has ended.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// By itself, successfully.
    Done,
    /// It was killed, for the time of that number, from 0.
    Killed(usize),
}

impl End {
    pub(crate) fn is_done(self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Has `after` look at what the command has left behind each time, with words for when that was, and put back what was there before.
/// Returns the names of the steps that it was killed before.
pub(crate) fn kill_at_each_step(
    scene: &mut Scene,
    command: &[&str],
    mut after: impl FnMut(&mut Scene, End, &str),
) -> Vec<&'static str> {
    let whole = run_through(&mut scene.command(command)).unwrap();
    assert!(whole.status.success(), "{command:?}: {}", whole.said);
    after(scene, End::Done, &format!("{command:?}, done"));
    let chosen = to_kill_before(&whole.steps);
    for (round, &step) in chosen.iter().enumerate() {
        let run = kill_before(&mut scene.command(command), step).unwrap();
        let when = format!("{command:?}, killed before {step}");
        assert!(run.was_killed(), "{when}: it ended by itself: {}", run.said);
        after(scene, End::Killed(round), &when);
    }
    println!("{command:?}: killed before {} of {} steps", chosen.len(), whole.steps.len());
    chosen.iter().map(|step| step.name).collect()
}
