//! What is read on another thread while this one has something else to do.
//!
//! Nothing is changed there. So it's the steps of one thread, one after the other, that tell what a command leaves behind wherever it's
//! killed.

use std::{
    panic::resume_unwind,
    thread::{Builder, Scope, ScopedJoinHandle},
};

/// Work that reads something.
#[derive(Debug)]
pub(super) enum Beside<'scope, T, F> {
    /// Another thread does it.
    Begun(ScopedJoinHandle<'scope, T>),
    /// It's still to be done.
    Later(F),
}

impl<'scope, T, F> Beside<'scope, T, F>
where
    T: Send + 'scope,
    F: FnOnce() -> T + Copy + Send + 'scope,
{
    /// Begins with it; where there can't be another thread, it's done when it's asked for.
    pub(super) fn begin(scope: &'scope Scope<'scope, '_>, work: F) -> Self {
        Builder::new().spawn_scoped(scope, work).map_or(Self::Later(work), Self::Begun)
    }

    /// What has come of it.
    pub(super) fn end(self) -> T {
        match self {
            Self::Begun(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Self::Later(work) => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_is_done_once_by_whichever_thread() {
        let own = thread::current().id();
        thread::scope(|scope| {
            assert_ne!(Beside::begin(scope, || thread::current().id()).end(), own);
            assert_eq!(Beside::Later(|| thread::current().id()).end(), own);
        });
    }
}
