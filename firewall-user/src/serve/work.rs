//! What is to be done to the filter, a thing at a time.

use std::future::pending;

use tokio::{task::JoinHandle, time::Instant};

use super::{
    Error, SETTLED, Say,
    keeper::{Keeper, Outcome},
};

/// What is to be done to the filter, a thing at a time.
pub(super) struct Work {
    /// Nobody's at work if it's here.
    keeper: Option<Keeper>,
    job: Option<JoinHandle<(Keeper, Outcome)>>,
    /// Whether the file is to be read.
    reload: bool,
    /// When interfaces are to be looked at.
    look: Option<Instant>,
    say: Say,
}

impl Work {
    /// Nothing is to be done yet. Without a keeper nothing ever is.
    pub(super) const fn new(keeper: Option<Keeper>, say: Say) -> Self {
        Self { keeper, job: None, reload: false, look: None, say }
    }

    /// Has the file read, as soon as nobody is at work; false if there's none to be read.
    pub(super) const fn reload(&mut self) -> bool {
        self.reload = self.keeper.is_some() || self.job.is_some();
        self.reload
    }

    /// When interfaces are to be looked at.
    pub(super) const fn look(&self) -> Option<Instant> {
        self.look
    }

    /// Whether the file is going to be read.
    pub(super) const fn will_reload(&self) -> bool {
        self.reload
    }

    /// Waits until what is being done is done; what has come of it.
    pub(super) async fn done(&mut self) -> Result<Outcome, Error> {
        let Some(job) = &mut self.job else { return pending().await };
        let done = job.await;
        self.job = None;
        let (keeper, outcome) = done.map_err(Error::panicked)?;
        self.keeper = Some(keeper);
        Ok(outcome)
    }

    /// Has interfaces looked at by then.
    pub(super) fn look_at(&mut self, moment: Instant) {
        self.look = Some(self.look.map_or(moment, |look| look.min(moment)));
    }

    /// The moment has come to look at interfaces.
    pub(super) fn is_due(&mut self) {
        self.look = None;
        if self.keeper.is_some() {
            self.have(Keeper::look);
        } else if self.job.is_some() {
            // It may have looked already.
            self.look = Some(Instant::now() + SETTLED);
        }
    }

    /// Has the file looked at, unless somebody is at work; the next time isn't far.
    pub(super) fn look_at_file(&mut self) {
        self.have(Keeper::look_at_file);
    }

    /// Begins to read the file, if it's to be read and nobody is at work.
    pub(super) fn begin(&mut self) {
        if self.reload && self.keeper.is_some() {
            self.reload = false;
            (self.say)(&"reading the config file");
            self.have(Keeper::reload);
        }
    }

    /// Has something done, if nobody is at work.
    fn have(&mut self, done: fn(&mut Keeper) -> Outcome) {
        if let Some(mut keeper) = self.keeper.take() {
            self.job = Some(tokio::task::spawn_blocking(move || {
                let outcome = done(&mut keeper);
                (keeper, outcome)
            }));
        }
    }
}
