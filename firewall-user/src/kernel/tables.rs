//! A directory of tables: the maps that all generations share which name it in their documents.
//!
//! There's one, `tables/N`, but for the moment in which a version that has other tables takes a filter over: its own are pinned beside
//! the old ones then. Those whose content it understands are the same maps, pinned in both.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::maps::MapData;
use firewall_common::rules::Slot;

use super::{
    Error, batch,
    document::Document,
    shared::{BUCKETS, FLOWS, SHARED, Shared},
};
use crate::ruleset::Config;

/// Such a directory.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    directory: PathBuf,
}

impl Tables {
    /// Those in a directory, which need not be there yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The pin of one of them.
    pub(super) fn pin(&self, shared: &Shared) -> PathBuf {
        self.directory.join(shared.pin)
    }

    /// The pin of one of them, which is what this version takes it for.
    ///
    /// # Errors
    /// [`Error::OtherTable`] if it isn't.
    pub(super) fn known(&self, shared: &Shared, document: &Document) -> Result<PathBuf, Error> {
        let path = self.pin(shared);
        match self.difference(shared, document, &document.config)? {
            Some(what) => Err(Error::OtherTable { path, what, release: document.release.clone() }),
            None => Ok(path),
        }
    }

    /// How one of them, which a document names, differs from what this version's program has for a configuration.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub(super) fn difference(
        &self,
        shared: &Shared,
        document: &Document,
        config: &Config,
    ) -> Result<Option<String>, Error> {
        let path = self.pin(shared);
        if !document.means_the_same(shared) && path.exists() {
            return Ok(Some("its values mean something else".to_owned()));
        }
        shared.difference(&path, config)
    }

    /// Makes sure that what is there has the shape of what this version's program has for a configuration.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it hasn't.
    pub(super) fn check(&self, config: &Config) -> Result<(), Error> {
        SHARED.iter().try_for_each(|shared| {
            let path = self.pin(shared);
            shared
                .difference(&path, config)?
                .map_or(Ok(()), |what| Err(Error::Incompatible { path: path.clone(), what }))
        })
    }

    /// Fills up the buckets of limits that all sources share, of slots that are given to new rules. Those of single sources can't be
    /// told apart by slot: what is left in them is at most what another rule with that slot let be used up, thousands of rules ago.
    pub(super) fn fill_buckets(&self, slots: &[Slot]) -> Result<(), Error> {
        let path = self.pin(&BUCKETS);
        let doing = || format!("filling {}", path.display());
        let buckets = MapData::from_pin(&path).map_err(|error| Error::aya(doing(), error))?;
        let keys: Vec<u32> = slots.iter().map(|slot| slot.index() as u32).collect();
        batch::fill(&buckets, &keys, 0_u64).map_err(|error| Error::os(doing(), error))
    }

    /// Forgets all flows.
    pub(super) fn forget_flows(&self) -> Result<(), Error> {
        remove_file(&self.pin(&FLOWS))
    }

    /// Removes them, but not the directory.
    pub(super) fn clear(&self) -> Result<(), Error> {
        SHARED.iter().try_for_each(|shared| remove_file(&self.pin(shared)))
    }
}

/// Removes a pin; it's no error if it isn't there.
fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::os(format!("removing {}", path.display()), error))
        }
        _ => Ok(()),
    }
}
