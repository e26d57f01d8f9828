//! Telling a service manager how things are (sd_notify(3)).

use std::{cell::Cell, io, time::Duration};

use sd_notify::NotifyState;

use super::Say;

/// The service manager, or nobody.
pub(super) struct Notify {
    say: Say,
    has_failed: Cell<bool>,
}

/// Within which time it wants to hear of this process, if it does.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

impl Notify {
    pub(super) const fn new(say: Say) -> Self {
        Self { say, has_failed: Cell::new(false) }
    }

    /// What was to be done at first, or anew, is done.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// How things are, in a line.
    pub(super) fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// The configuration is about to be read.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => self.failed(&error),
        }
    }

    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// The loop goes round.
    pub(super) fn alive(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            self.failed(&error);
        }
    }

    fn failed(&self, error: &io::Error) {
        if !self.has_failed.replace(true) {
            (self.say)(&format_args!("telling the service manager (NOTIFY_SOCKET): {error}"));
        }
    }
}
