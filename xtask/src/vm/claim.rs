//! A kernel's files, for one command at a time.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use anyhow::{Context as _, Result};

/// What a command has while it reads and writes a kernel's files, and nobody else has then; it's given back on drop, or when the process ends.
pub(super) struct Claim {
    _locked: File,
}

impl Claim {
    /// Waits until nobody else has it; if it must wait it says so, by that name. What is locked is a file beside the folder, since that is
    /// removed and made anew.
    ///
    /// # Errors
    ///
    /// The file can't be made or locked.
    pub(super) fn on(folder: &Path, name: &str) -> Result<Self> {
        let file = folder.with_extension("lock");
        if let Some(home) = file.parent() {
            fs::create_dir_all(home).with_context(|| format!("can't make {}", home.display()))?;
        }
        let locked = File::create(&file).with_context(|| format!("can't write {}", file.display()))?;
        let result = match locked.try_lock() {
            Err(TryLockError::WouldBlock) => {
                eprintln!("{name}: another command is using it; waiting until that has ended");
                locked.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        result.with_context(|| format!("can't lock {}", file.display()))?;
        Ok(Self { _locked: locked })
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process, sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let home = env::temp_dir().join(format!("fragwall-claim-{}", process::id()));
        let folder = home.join("bookworm-backports");
        let first = Claim::on(&folder, "first").unwrap();
        // Another kernel's is another.
        drop(Claim::on(&home.join("bookworm"), "other").unwrap());
        let (has_it, second_has_it) = mpsc::channel();
        let second = thread::spawn(move || {
            let claim = Claim::on(&folder, "second").unwrap();
            has_it.send(()).unwrap();
            drop(claim);
        });
        second_has_it.recv_timeout(Duration::from_millis(100)).unwrap_err();
        drop(first);
        second.join().unwrap();
        second_has_it.recv().unwrap();
        fs::remove_dir_all(&home).unwrap();
    }
}
