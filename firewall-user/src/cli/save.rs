//! `fragwall save`

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::{Global, args::CONFIG_FILE, output};
use crate::{kernel::filter::Filter, ruleset::duration};

/// Write what is in force to a config file.
///
/// The file holds the rules, the default, the settings of fragments and the interfaces; `fragwall apply` of it changes
/// nothing. It's exchanged as a whole and keeps its mode and owner. Comments that were in it are lost; those of rules
/// (`comment "…"`) aren't.
#[derive(Args, Debug)]
pub(super) struct Save {
    /// The file; `-` is standard output.
    #[arg(default_value = CONFIG_FILE)]
    file: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
}

impl Save {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let filter = Filter::open(&global.bpffs)?;
        let text = filter.config().to_string();
        let left = filter.time_left()?;
        // Who reads may take their time.
        drop(filter);
        if self.file == Path::new("-") {
            return io::stdout().lock().write_all(text.as_bytes()).context("writing to standard output");
        }
        if let Some(left) = left {
            bail!(
                "what is in force awaits confirmation, for another {}: `fragwall confirm` or `fragwall rollback` first",
                duration::rounded_up(left)
            );
        }
        replace(&self.file, &text).with_context(|| format!("writing {}", self.file.display()))?;
        if global.json {
            return output::json(&Report { file: &self.file });
        }
        output::say(format_args!("{}: written", self.file.display()));
        Ok(())
    }
}

/// Puts a file with that text in the place of the one that is there, so that at any moment there's one or the other.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A symbolic link stays one.
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if path == Path::new(CONFIG_FILE) {
        fs::create_dir_all(directory)?;
    }
    let old = match fs::metadata(&path) {
        Ok(old) if old.is_file() => Some(old),
        // A device's or a pipe's place would be taken by a file, for everybody who uses it.
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it's no file: name one, or `-` for standard output",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // It's removed again unless all goes well, and nobody else may read it before it has its mode.
    let mut file = tempfile::Builder::new().prefix(".fragwall-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    let mode = old.as_ref().map_or(0o644, |old| old.mode() & 0o7777);
    if let Some(old) = &old {
        chown(file.path(), Some(old.uid()), Some(old.gid()))?;
    }
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_its_link() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        replace(&file, "new").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, "newer").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "newer");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_keeps_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let (socket, link) = (directory.path().join("socket"), directory.path().join("link"));
        let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&socket, &link).unwrap();
        for path in [socket.as_path(), &link, directory.path()] {
            let error = replace(path, "new").unwrap_err();
            assert!(error.to_string().contains("it's no file"), "{error}");
        }
        assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cant_be_written_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("file")).unwrap();
        fs::write(directory.path().join("file/inside"), "").unwrap();
        assert!(replace(&directory.path().join("file"), "new").is_err());
        assert!(replace(&directory.path().join("missing/file"), "new").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
