//! Whether the config file is another than the one that was read: without events, which come of neither a symbolic link somewhere on the
//! way to it nor of a network's filesystem.

use std::{
    fs::{self, Metadata},
    io, mem,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// What tells a file from another, and from what it was before. The time at which it was changed in any way tells it from one that was put
/// in its place with the same size and an old time of its contents, as rsync and tar do, and perhaps with the same number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    number: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of what the path leads to, by whatever symbolic links. None of what is no plain file: a pipe is another after each reading.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        let metadata = fs::metadata(path)?;
        Ok(metadata.is_file().then(|| Self::from(&metadata)))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What is known of a file. It has to be the same at two looks until it's taken for what it is: whoever writes it in place may be in the
/// middle of it, and half of a config may be one, too.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What it was when it was read.
    read: Option<Stamp>,
    /// What it was at the last look; none if it was away.
    seen: Option<Stamp>,
    /// Whether it was said that it's away.
    is_away: bool,
}

/// What a look has found.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that is to be told.
    Nothing,
    /// Another file than the one that was read.
    Another,
    /// None, for this reason.
    Away(io::Error),
    /// The one that was read, which was away.
    Back,
}

impl Watch {
    /// The file is about to be read. What is changed from now on is found, although some of it may be read already.
    pub(super) fn reads(&mut self, path: &Path) {
        let stamp = Stamp::of(path);
        // Whoever reads it says so.
        self.is_away = stamp.is_err();
        self.read = stamp.unwrap_or_default();
        self.seen = self.read;
    }

    /// Looks at it.
    pub(super) fn look(&mut self, path: &Path) -> Found {
        let stamp = match Stamp::of(path) {
            Ok(Some(stamp)) => Ok(stamp),
            Ok(None) => return Found::Nothing,
            Err(error) => Err(error),
        };
        let now = stamp.as_ref().ok().copied();
        if mem::replace(&mut self.seen, now) != now {
            return Found::Nothing;
        }
        match stamp {
            Ok(stamp) if self.read != Some(stamp) => Found::Another,
            Ok(_) if mem::take(&mut self.is_away) => Found::Back,
            Err(error) if !mem::replace(&mut self.is_away, true) => Found::Away(error),
            Ok(_) | Err(_) => Found::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::FileTimes, os::unix::fs::symlink, time::SystemTime};

    use super::*;

    /// Looks as often as it takes to believe it.
    fn look(watch: &mut Watch, path: &Path) -> Found {
        assert!(matches!(watch.look(path), Found::Nothing), "at the first look it may be half of it");
        watch.look(path)
    }

    #[test]
    fn another_file_is_found_whatever_it_has_in_common() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| directory.path().join(name));
        let mut watch = Watch::default();
        let then = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        let write = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            fs::File::options().append(true).open(path).unwrap().set_times(then).unwrap();
        };
        write(&path, "one");
        watch.reads(&path);
        assert!(matches!(look(&mut watch, &path), Found::Nothing));
        write(&other, "two");
        fs::rename(&other, &path).unwrap();
        assert!(matches!(look(&mut watch, &path), Found::Another));
        assert!(matches!(watch.look(&path), Found::Another), "until it's read");
        watch.reads(&path);
        assert!(matches!(look(&mut watch, &path), Found::Nothing));
        write(&path, "three");
        assert!(matches!(look(&mut watch, &path), Found::Another), "the size alone tells");
    }

    #[test]
    fn one_that_is_away_is_told_once_and_so_is_its_return() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| directory.path().join(name));
        let mut watch = Watch::default();
        fs::write(&other, "one").unwrap();
        symlink("other", &path).unwrap();
        watch.reads(&path);
        fs::remove_file(&path).unwrap();
        assert!(matches!(watch.look(&path), Found::Nothing), "it may come back at once");
        symlink("other", &path).unwrap();
        assert!(matches!(look(&mut watch, &path), Found::Nothing));
        fs::remove_file(&path).unwrap();
        assert!(matches!(look(&mut watch, &path), Found::Away(_)));
        assert!(matches!(watch.look(&path), Found::Nothing), "it's said");
        symlink("other", &path).unwrap();
        assert!(matches!(look(&mut watch, &path), Found::Back));
        // One that was away when it was to be read is another when it's there.
        fs::remove_file(&path).unwrap();
        watch.reads(&path);
        assert!(matches!(look(&mut watch, &path), Found::Nothing));
        symlink("other", &path).unwrap();
        assert!(matches!(look(&mut watch, &path), Found::Another));
    }

    #[test]
    fn what_is_no_file_never_changes() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::default();
        watch.reads(directory.path());
        fs::write(directory.path().join("file"), "").unwrap();
        watch.look(directory.path());
        assert!(matches!(watch.look(directory.path()), Found::Nothing));
    }
}
