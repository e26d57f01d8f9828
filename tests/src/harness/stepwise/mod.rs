//! A command run system call by system call: it's killed before any that changes the kernel's state, that one is refused, or something
//! else happens first.
//!
//! What a process leaves behind changes by its system calls alone, so whoever kills it before each that changes something, and lets it end
//! once, has seen every state that it can leave behind.

mod call;
mod choice;
mod tracee;

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::Signal;

use call::{Call, changes};
pub use choice::{to_kill_before, to_refuse};
use tracee::{Stop, Tracee};

/// A system call of a command's that changes something.
///
/// It's told from others by its number among those of its name, not among all: maps are made in any order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Its name, and what bpf(2) is to do.
    pub name: &'static str,
    /// How many of that name come before it.
    pub nth: usize,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {}", self.name, self.nth + 1)
    }
}

/// How a command went.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it changed, or tried to change.
    pub steps: Vec<Step>,
    /// How it ended.
    pub status: ExitStatus,
    /// What it said on standard error.
    pub said: String,
}

impl Run {
    /// Whether it was killed, rather than ended by itself.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::SIGKILL as i32)
    }
}

/// Runs a command to its end, to see what it changes.
///
/// # Errors
/// It can't be run or followed, or doesn't end.
pub fn run_through(command: &mut Command) -> Result<Run> {
    run(command, |_, _| Ok(()))
}

/// Runs a command, and kills it before a step; it ends by itself if it doesn't come there.
///
/// # Errors
/// It can't be run or followed, or doesn't end.
pub fn kill_before(command: &mut Command, at: Step) -> Result<Run> {
    run(command, |tracee, step| if step == at { tracee.kill() } else { Ok(()) })
}

/// Runs a command to its end, but the kernel doesn't see one of its steps, and it's told that this was refused with an error.
///
/// # Errors
/// It can't be run or followed, or doesn't end.
pub fn refuse(command: &mut Command, at: Step, errno: Errno) -> Result<Run> {
    run(command, |tracee, step| if step == at { tracee.refuse(errno) } else { Ok(()) })
}

/// Runs a command to its end; right before a step something happens.
///
/// # Errors
/// It can't be run or followed, or doesn't end; or what happens fails.
pub fn forestall(command: &mut Command, at: Step, mut happens: impl FnMut() -> Result<()>) -> Result<Run> {
    run(command, |_, step| if step == at { happens() } else { Ok(()) })
}

/// Runs a command up to a step, and leaves it stopped by SIGSTOP once that one is made.
///
/// # Errors
/// It can't be run or followed, or ends before.
pub fn stop_at(command: &mut Command, at: Step) -> Result<Stopped> {
    let mut tracee = Tracee::spawn(command)?;
    let mut steps = Vec::new();
    loop {
        match tracee.next()? {
            Stop::Entry(call) => {
                if note(&mut steps, &call) == Some(at) {
                    return tracee.release_stopped().map(Stopped);
                }
            }
            Stop::Exit => {}
            Stop::Ended(status) => bail!("it ended with {status} before {at}"),
        }
    }
}

/// A command that is stopped; it's killed when this is dropped.
#[derive(Debug)]
pub struct Stopped(tracee::Released);

impl Stopped {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Has it go on, and waits for its end.
    ///
    /// # Errors
    /// It doesn't end.
    pub fn go_on(self) -> Result<ExitStatus> {
        self.0.end_by(Signal::SIGCONT)
    }

    /// Kills it.
    ///
    /// # Errors
    /// It doesn't end.
    pub fn kill(self) -> Result<ExitStatus> {
        self.0.end_by(Signal::SIGKILL)
    }
}

/// Runs a command to its end; `at` is called before each step.
fn run(command: &mut Command, mut at: impl FnMut(&mut Tracee, Step) -> Result<()>) -> Result<Run> {
    let mut tracee = Tracee::spawn(command)?;
    let mut steps = Vec::new();
    loop {
        match tracee.next()? {
            Stop::Entry(call) => {
                if let Some(step) = note(&mut steps, &call) {
                    at(&mut tracee, step)?;
                }
            }
            Stop::Exit => {}
            Stop::Ended(status) => {
                let said = tracee.said()?;
                let run = Run { steps, status, said };
                ensure!(
                    status.code().is_some() || run.was_killed(),
                    "it ended with {status} by itself: {}",
                    run.said
                );
                return Ok(run);
            }
        }
    }
}

/// Adds a system call to the steps if it's one.
fn note(steps: &mut Vec<Step>, call: &Call) -> Option<Step> {
    let name = changes(call)?;
    let step = Step { name, nth: steps.iter().filter(|step| step.name == name).count() };
    steps.push(step);
    Some(step)
}
