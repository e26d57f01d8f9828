//! Signals, taken in turn with everything else.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal, kill, raise},
    signalfd::{SfdFlags, SignalFd},
};
use nix::unistd::Pid;

/// Those that are taken: from the moment that it's made on, and in the threads that are started after that.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

/// What one of them asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// To end.
    End,
    /// To stop.
    Stop,
    /// To go on: the terminal may have been somebody else's meanwhile.
    Continue,
    /// To look at the terminal's size.
    Resize,
}

/// Who is to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    /// All that the terminal would stop, had it seen the key.
    Group,
    /// This process alone.
    Process,
}

impl Signals {
    /// Takes them.
    ///
    /// # Errors
    /// There are no more file descriptors.
    pub(super) fn new() -> io::Result<Self> {
        let signals = SigSet::from_iter([
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
            Signal::SIGQUIT,
            Signal::SIGTSTP,
            Signal::SIGCONT,
            Signal::SIGWINCH,
        ]);
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// What the next one asks for, if one has come.
    ///
    /// # Errors
    /// They can't be read.
    pub(super) fn next(&self) -> io::Result<Option<Asked>> {
        let signal = self.0.read_signal()?;
        Ok(signal.map(|signal| match Signal::try_from(signal.ssi_signo as i32) {
            Ok(Signal::SIGTSTP) => Asked::Stop,
            Ok(Signal::SIGCONT) => Asked::Continue,
            Ok(Signal::SIGWINCH) => Asked::Resize,
            _ => Asked::End,
        }))
    }

    /// Stops, and returns when the process is to go on: at once where nobody could let it, since no shell waits for it.
    ///
    /// # Errors
    /// The signal can't be sent.
    pub(super) fn stop(&self, who: Who) -> io::Result<()> {
        match who {
            Who::Group => kill(Pid::from_raw(0), Signal::SIGTSTP)?,
            Who::Process => raise(Signal::SIGTSTP)?,
        }
        // It has been kept until here.
        let stop = SigSet::from(Signal::SIGTSTP);
        stop.thread_unblock()?;
        stop.thread_block()?;
        Ok(())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
