//! The signals that are taken.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are taken.
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on none of them ends this by itself.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one; whether it ends this. If not, files are to be opened anew.
    pub(super) async fn next(&mut self) -> bool {
        let Self { hangup, interrupt, terminate } = self;
        tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            _ = hangup.recv() => false,
        }
    }

    /// Waits for one that ends this.
    pub(super) async fn end(&mut self) {
        let Self { hangup: _, interrupt, terminate } = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
