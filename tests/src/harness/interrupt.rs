//! SIGINT, SIGTERM and SIGHUP as an error that unwinds, so that every guard gets to clean up.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The number of the first signal caught, or zero.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// The process was asked to stop; what waits gives up, and the guards on the stack clean up.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted(i32);

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Signal::try_from(self.0).map_or("a signal", Signal::as_str);
        write!(f, "stopped by {name}")
    }
}

impl std::error::Error for Interrupted {}

extern "C" fn note(signal: i32) {
    // The first one counts; whoever repeats it (a wrapper that forwards what the terminal has sent already) must
    // not cut the cleaning up short.
    let _ = CAUGHT.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
}

/// Turns SIGINT, SIGTERM and SIGHUP into an error of the next [`check`], for the whole process.
///
/// A handler is used rather than a signal mask, since child processes would inherit the mask.
///
/// # Errors
/// The kernel refused the handler.
pub fn install() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler does one atomic operation, which is async-signal-safe.
        unsafe { sigaction(signal, &action)? };
    }
    Ok(())
}

/// Whether a signal has come since [`install`].
///
/// # Errors
/// [`Interrupted`], once one has come and ever after.
pub fn check() -> Result<(), Interrupted> {
    match CAUGHT.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Interrupted(signal)),
    }
}

/// The exit code a shell expects of a process that a signal stopped: 128 and the signal's number.
fn exit_code() -> Option<u8> {
    let Interrupted(signal) = check().err()?;
    Some(128 + u8::try_from(signal).unwrap_or(0))
}

/// What a command ends with, which did what it should, or not, or failed; it says why it failed, or that it was stopped.
pub fn exit(outcome: anyhow::Result<bool>) -> ExitCode {
    match (outcome, exit_code()) {
        (Ok(true), None) => ExitCode::SUCCESS,
        (Ok(false), None) => ExitCode::FAILURE,
        (Err(error), None) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        (_, Some(code)) => {
            eprintln!("stopped; nothing is left behind");
            ExitCode::from(code)
        }
    }
}
