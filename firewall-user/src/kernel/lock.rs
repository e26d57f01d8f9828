//! One command at a time: a lock on the state's top directory, which the kernel lets go of with the process.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Mutex,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
    unistd::geteuid,
};

use super::{Error, layout::Layout, locked_by::LockedBy};

/// What to call when a lock has to be waited for.
static ON_WAIT: Mutex<Option<Tell>> = Mutex::new(None);

/// It's given who holds the lock, if that is known.
type Tell = fn(Option<LockedBy>);

/// Has `tell` called the first time that this process has to wait for a lock. It isn't called again after that.
pub fn on_wait(tell: Tell) {
    *ON_WAIT.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(tell);
}

fn tell_of_waiting(file: &fs::Metadata) {
    let tell = ON_WAIT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(tell) = tell {
        tell(LockedBy::of(file));
    }
}

/// The lock, held until it's dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its Drop")] Flock<fs::File>);

impl Lock {
    /// Waits for the lock that excludes every other command, and makes the directory if it isn't there.
    ///
    /// # Errors
    /// The directory can't be made or opened, or is in somebody else's hands ([`Error::NotPrivate`]).
    pub fn make(layout: &Layout) -> Result<Self, Error> {
        loop {
            // What is there is opened and looked at next, whatever it is.
            if fs::symlink_metadata(layout.top()).is_err() {
                super::layout::make(layout.top())?;
            }
            if let Some(lock) = Self::try_once(layout, Kind::Exclusive)? {
                return Ok(lock);
            }
        }
    }

    /// Waits for the lock that excludes every other command.
    ///
    /// # Errors
    /// [`Error::NotAttached`] if the directory isn't there: nothing is attached. [`Error::NotPrivate`] if it's in somebody
    /// else's hands.
    pub fn exclusive(layout: &Layout) -> Result<Self, Error> {
        Self::existing(layout, Kind::Exclusive)
    }

    /// Waits for the lock that excludes commands that change something.
    ///
    /// # Errors
    /// As [`Lock::exclusive`].
    pub fn shared(layout: &Layout) -> Result<Self, Error> {
        Self::existing(layout, Kind::Shared)
    }

    fn existing(layout: &Layout, kind: Kind) -> Result<Self, Error> {
        loop {
            if let Some(lock) = Self::try_once(layout, kind)? {
                return Ok(lock);
            }
            if !layout.top().exists() {
                return Err(Error::NotAttached);
            }
        }
    }

    /// `None` if the directory isn't there, or was removed by the command that was waited for.
    fn try_once(layout: &Layout, kind: Kind) -> Result<Option<Self>, Error> {
        let top = layout.top();
        let doing = || format!("locking {}", top.display());
        let Some(directory) = open(top)? else { return Ok(None) };
        let held = directory.metadata().map_err(|error| Error::os(doing(), error))?;
        let lock = match Flock::lock(directory, kind.without_waiting()) {
            Err((directory, Errno::EWOULDBLOCK)) => {
                tell_of_waiting(&held);
                Flock::lock(directory, kind.waiting())
            }
            locked => locked,
        };
        let lock = lock.map_err(|(_, errno)| Error::os(doing(), errno))?;
        let still_there =
            fs::symlink_metadata(top).is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino()));
        Ok(still_there.then_some(Self(lock)))
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Exclusive,
    Shared,
}

impl Kind {
    fn waiting(self) -> FlockArg {
        match self {
            Self::Exclusive => FlockArg::LockExclusive,
            Self::Shared => FlockArg::LockShared,
        }
    }

    fn without_waiting(self) -> FlockArg {
        match self {
            Self::Exclusive => FlockArg::LockExclusiveNonblock,
            Self::Shared => FlockArg::LockSharedNonblock,
        }
    }
}

/// Opens the directory; `None` if it isn't there. On a bpffs that everybody may write to, as it's mounted unless told
/// otherwise, anybody may have put something in its place: a lock on what others may open, too, would be theirs to keep,
/// and what is pinned in a directory of theirs would be theirs to exchange.
fn open(top: &Path) -> Result<Option<fs::File>, Error> {
    let not_private = |problem| Err(Error::NotPrivate { path: top.to_owned(), problem });
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let directory = match fs::File::options().read(true).custom_flags(flags.bits()).open(top) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Which of the two a symbolic link gives depends on the kernel.
        Err(error)
            if [Errno::ENOTDIR, Errno::ELOOP]
                .map(|errno| Some(errno as i32))
                .contains(&error.raw_os_error()) =>
        {
            return not_private("it's no directory but a symbolic link or a file: remove it".to_owned());
        }
        Err(error) => return Err(Error::os(format!("opening {}", top.display()), error)),
    };
    let found =
        directory.metadata().map_err(|error| Error::os(format!("opening {}", top.display()), error))?;
    let own = geteuid().as_raw();
    if found.uid() != own {
        let owner = found.uid();
        return not_private(format!(
            "it belongs to user {owner} and not to user {own}, who this is: remove it, or run this as its owner"
        ));
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return not_private(format!(
            "its mode is {mode:04o}, which lets others in: see that nothing in it is theirs, then `chmod 0700 {}`",
            top.display()
        ));
    }
    Ok(Some(directory))
}
