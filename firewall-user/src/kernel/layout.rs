//! Where the state is pinned.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::sys::statfs::{FsType, statfs};

use super::{Error, netns, shared::SHARED, tables::Tables};

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const BPF_FS_MAGIC: FsType = FsType(0xcafe_4a11_u32 as _);

/// What the names of namespaces' directories begin with; the namespace's inode number follows.
const PREFIX: &str = "net-";

/// The directories and files of one network namespace's filter.
#[derive(Clone, Debug)]
pub struct Layout {
    top: PathBuf,
    root: PathBuf,
}

impl Layout {
    /// The state of the current network namespace on the bpffs at `bpffs`.
    ///
    /// # Errors
    /// There's no bpffs, or the namespace can't be told.
    pub fn new(bpffs: &Path) -> Result<Self, Error> {
        let missing = || Error::NoBpffs {
            path: bpffs.to_owned(),
            inside_netns: bpffs.starts_with("/sys").then(netns::of_ip_netns_exec).flatten(),
        };
        match statfs(bpffs) {
            Ok(stat) if stat.filesystem_type() == BPF_FS_MAGIC => {}
            Ok(_) | Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => return Err(missing()),
            Err(errno) => return Err(Error::os(bpffs.display().to_string(), errno)),
        }
        let namespace = fs::metadata(netns::CURRENT)
            .map_err(|error| Error::os("reading the current network namespace", error))?;
        let top = bpffs.join("fragwall");
        let root = top.join(format!("{PREFIX}{}", namespace.ino()));
        Ok(Self { top, root })
    }

    /// The state of every network namespace that has a directory.
    ///
    /// # Errors
    /// The top directory can't be read.
    pub(super) fn all(&self) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.top)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                all.push(Self { top: self.top.clone(), root: entry.path() });
            }
        }
        Ok(all)
    }

    /// Whether it's the current network namespace's.
    pub(super) fn is_current(&self) -> bool {
        let namespace = fs::metadata(netns::CURRENT);
        namespace.is_ok_and(|namespace| self.root == self.top.join(format!("{PREFIX}{}", namespace.ino())))
    }

    /// An entry of this namespace's directory that isn't ours: a later version's, perhaps.
    ///
    /// # Errors
    /// The directory can't be read.
    pub(super) fn unknown_entry(&self) -> Result<Option<String>, Error> {
        let failed = |error| Error::os(self.root.display().to_string(), error);
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let of_layout_7 = self.tables(None);
            let is_table = SHARED.iter().any(|shared| path == of_layout_7.pin(shared));
            let others = [self.links(), self.generations(), self.egress(), self.all_tables()];
            if !is_table && !others.contains(&path) {
                return Ok(Some(path.file_name().unwrap_or_default().to_string_lossy().into_owned()));
            }
        }
        Ok(None)
    }

    /// The directory of all namespaces' filters, which is also what commands lock.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The directory of this namespace's filter.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of links.
    pub fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// The pin of an interface's link.
    pub fn link(&self, interface: u32) -> PathBuf {
        self.links().join(interface.to_string())
    }

    /// The directory of what looks at what goes out.
    pub fn egress(&self) -> PathBuf {
        self.root.join("egress")
    }

    /// The pin of what looks at what goes out by an interface.
    pub fn egress_link(&self, interface: u32) -> PathBuf {
        self.egress().join(interface.to_string())
    }

    /// The directory of directories of tables.
    pub(super) fn all_tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    /// The tables that a document names ([`super::document::Document::tables`]).
    pub(super) fn tables(&self, number: Option<u32>) -> Tables {
        Tables::new(
            number.map_or_else(|| self.root.clone(), |number| self.all_tables().join(number.to_string())),
        )
    }

    /// The directory of generations.
    pub fn generations(&self) -> PathBuf {
        self.root.join("generations")
    }

    /// The directory of one generation.
    pub fn generation(&self, number: u32) -> PathBuf {
        self.generations().join(number.to_string())
    }
}

/// The entries of a directory whose names are numbers, in order; none if it isn't there.
///
/// # Errors
/// It can't be read.
pub(super) fn numbered(directory: &Path) -> Result<Vec<u32>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::os(directory.display().to_string(), error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::os(directory.display().to_string(), error))?;
        numbers.extend(entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a directory and those above it, for this user alone: who may open a directory may lock it, too.
pub(super) fn make(directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Error::os(directory.display().to_string(), error))
}

/// Removes a directory with all that is in it; it's no error if it isn't there.
pub(super) fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::os(format!("removing {}", directory.display()), error))
        }
        _ => Ok(()),
    }
}
