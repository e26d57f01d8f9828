//! What a filter in force has pinned, made to be as another version of Fragwall would have left it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, Map, MapData};
use serde_json::{Map as Object, Value};

use super::host::Host;

/// The size of an entry of the map that holds a document, in bytes.
const CHUNK: usize = 4096;

/// The state of the one filter on a BPF filesystem.
#[derive(Debug)]
pub struct Pinned {
    root: PathBuf,
}

impl Pinned {
    /// That of a host's filter.
    ///
    /// # Errors
    /// None is in force.
    pub fn of(host: &Host) -> Result<Self> {
        let mut namespaces = fs::read_dir(host.bpffs.path().join("fragwall"))?;
        let root = namespaces.next().context("nothing is pinned")??.path();
        ensure!(namespaces.next().is_none(), "more than one namespace has a filter");
        Ok(Self { root })
    }

    /// The directory that it's in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of what a directory in it holds, in order.
    ///
    /// # Errors
    /// It can't be read.
    pub fn names(&self, directory: &str) -> Result<Vec<String>> {
        let entries = fs::read_dir(self.root.join(directory))?;
        let mut names: Vec<String> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// The pin of the table of that name. There's one directory of tables.
    ///
    /// # Errors
    /// There are more, or it can't be read.
    pub fn table(&self, name: &str) -> Result<PathBuf> {
        let directories = self.names("tables")?;
        ensure!(directories.len() == 1, "there are the tables {directories:?}");
        Ok(self.root.join("tables").join(&directories[0]).join(name))
    }

    /// The pin of the newest generation's document.
    ///
    /// # Errors
    /// There's none, or it can't be read.
    pub fn document(&self) -> Result<PathBuf> {
        let names = self.names("generations")?;
        let newest = names.iter().filter_map(|name| name.parse::<u32>().ok()).max();
        let newest = newest.with_context(|| format!("there are the generations {names:?}"))?;
        Ok(self.root.join("generations").join(newest.to_string()).join("source"))
    }

    /// Changes that document.
    ///
    /// # Errors
    /// It can't be read or written, or is longer then than there's room for.
    pub fn rewrite(&self, change: impl FnOnce(&mut Object<String, Value>)) -> Result<()> {
        let map = Map::from_map_data(MapData::from_pin(self.document()?)?)?;
        let mut array: Array<_, [u8; CHUNK]> = Array::try_from(map)?;
        let mut bytes = Vec::new();
        for chunk in array.iter() {
            bytes.extend_from_slice(&chunk?);
        }
        let room = bytes.len();
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(room);
        let mut document: Object<String, Value> = serde_json::from_slice(&bytes[..end])?;
        change(&mut document);
        let mut bytes = serde_json::to_vec(&document)?;
        ensure!(bytes.len() <= room, "there's room for {room} bytes, not for {}", bytes.len());
        bytes.resize(room, 0);
        for (index, chunk) in (0..).zip(bytes.chunks_exact(CHUNK)) {
            array.set(index, <[u8; CHUNK]>::try_from(chunk)?, 0)?;
        }
        Ok(())
    }

    /// As layout 7 had it: its tables in the filter's own directory, and nothing said of the program and of what they mean.
    ///
    /// # Errors
    /// The state isn't a whole one of this version.
    pub fn becomes_layout_7(&self) -> Result<()> {
        let directories = self.names("tables")?;
        for directory in &directories {
            let directory = format!("tables/{directory}");
            for name in self.names(&directory)? {
                fs::rename(self.root.join(&directory).join(&name), self.root.join(&name))?;
            }
            fs::remove_dir(self.root.join(directory))?;
        }
        fs::remove_dir(self.root.join("tables"))?;
        self.rewrite(|document| {
            for newer in ["program", "tables", "meanings"] {
                document.remove(newer);
            }
            document.insert("abi".to_owned(), 7.into());
            document.insert("version".to_owned(), "0.0.9".into());
        })
    }

    /// As a version left it with another program, and with something else in these tables.
    ///
    /// # Errors
    /// The document can't be read or written.
    pub fn means_otherwise_by(&self, tables: &[&str]) -> Result<()> {
        self.rewrite(|document| {
            document.insert("version".to_owned(), "0.0.9".into());
            document.insert("program".to_owned(), "another".into());
            if let Some(meanings) = document.get_mut("meanings").and_then(Value::as_object_mut) {
                for table in tables {
                    meanings.insert((*table).to_owned(), 0.into());
                }
            }
        })
    }
}
