//! Whatever sends, and what it has to say.

use std::time::Duration;

use anyhow::Result;

/// Something that sends frames until it's done or told to stop. It ends, and leaves nothing behind, on drop.
pub(super) trait Sending {
    /// How many frames it has sent until now, by its own count.
    ///
    /// # Errors
    /// It can't tell.
    fn frames(&self) -> Result<u64>;

    /// Tells it to stop; it may take a moment, and may have to be told again.
    ///
    /// # Errors
    /// It can't be told.
    fn stop(&self) -> Result<()>;

    /// Whether it has ended.
    ///
    /// # Errors
    /// It has ended by something else than what it was told, or doesn't.
    fn is_over(&mut self) -> Result<bool>;

    /// What each of its threads has to say; it must have ended.
    ///
    /// # Errors
    /// One has failed.
    fn end(self: Box<Self>) -> Result<Vec<Thread>>;
}

/// What came of a thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Thread {
    /// Its name.
    pub(super) name: String,
    /// The frames that it sent.
    pub(super) frames: u64,
    /// Those that the driver refused.
    pub(super) errors: u64,
    /// How long it took.
    pub(super) time: Duration,
    /// What it says itself, in its own words.
    pub(super) result: Option<String>,
}
