//! One command at a time: a lock on the state's top directory, which the kernel lets go of with the process.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use nix::fcntl::{Flock, FlockArg};

use super::{Error, layout::Layout};

/// The lock, held until it's dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its Drop")] Flock<fs::File>);

impl Lock {
    /// Waits for the lock that excludes every other command, and makes the directory if it isn't there.
    ///
    /// # Errors
    /// The directory can't be made or opened.
    pub fn make(layout: &Layout) -> Result<Self, Error> {
        loop {
            super::layout::make(layout.top())?;
            if let Some(lock) = Self::try_once(layout, FlockArg::LockExclusive)? {
                return Ok(lock);
            }
        }
    }

    /// Waits for the lock that excludes every other command.
    ///
    /// # Errors
    /// [`Error::NotAttached`] if the directory isn't there: nothing is attached.
    pub fn exclusive(layout: &Layout) -> Result<Self, Error> {
        Self::existing(layout, FlockArg::LockExclusive)
    }

    /// Waits for the lock that excludes commands that change something.
    ///
    /// # Errors
    /// As [`Lock::exclusive`].
    pub fn shared(layout: &Layout) -> Result<Self, Error> {
        Self::existing(layout, FlockArg::LockShared)
    }

    fn existing(layout: &Layout, how: FlockArg) -> Result<Self, Error> {
        loop {
            if let Some(lock) = Self::try_once(layout, how)? {
                return Ok(lock);
            }
            if !layout.top().exists() {
                return Err(Error::NotAttached);
            }
        }
    }

    /// `None` if the directory isn't there, or was removed by the command that was waited for.
    fn try_once(layout: &Layout, how: FlockArg) -> Result<Option<Self>, Error> {
        let doing = || format!("locking {}", layout.top().display());
        let directory = match fs::File::open(layout.top()) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::os(doing(), error)),
        };
        let lock = Flock::lock(directory, how).map_err(|(_, errno)| Error::os(doing(), errno))?;
        let held = lock.metadata().map_err(|error| Error::os(doing(), error))?;
        let still_there =
            fs::metadata(layout.top()).is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino()));
        Ok(still_there.then_some(Self(lock)))
    }
}
