//! Taking over a filter that another Fragwall loaded: which of its tables go on, and which start anew.
//!
//! The tables of a version that means something else by them are pinned in a directory of their own, beside those of the program in
//! force, together with all those that are the same. Then the program is exchanged in the links, as by any change of the rules: each
//! packet is judged by the one with its tables or by the other with its own.

use std::fmt;

use aya::maps::MapData;

use super::{
    Error,
    document::Document,
    layout::{self, Layout},
    release::Release,
    shared::{FLOWS, INTERFACES, SHARED, Shared},
    tables::Tables,
};
use crate::ruleset::Config;

/// What was taken over, and what couldn't be.
#[derive(Clone, Debug)]
pub struct Takeover {
    /// Who had loaded the program before.
    pub from: Release,
    /// The tables that start anew, since it meant something else by them.
    pub anew: Vec<Anew>,
}

/// A table that starts anew.
#[derive(Clone, Copy, Debug)]
pub struct Anew {
    /// The name of its pin.
    pub table: &'static str,
    /// What that comes to.
    pub loss: &'static str,
}

impl From<&Shared> for Anew {
    fn from(&Shared { pin, loss, .. }: &Shared) -> Self {
        Self { table: pin, loss }
    }
}

impl fmt::Display for Anew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, loss } = self;
        write!(f, "the table `{table}` starts anew: {loss}")
    }
}

impl fmt::Display for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, own) = (&self.from, Release::own());
        if from.version == own.version {
            write!(f, "the program of another build of version {} was replaced by this one's", own.version)?;
        } else {
            write!(
                f,
                "the program of version {} was replaced by that of version {}",
                from.version, own.version
            )?;
        }
        self.anew.iter().try_for_each(|anew| write!(f, "\n{anew}"))
    }
}

/// The tables of a filter in force that a program of this version would start anew, were it loaded now.
pub(super) fn starts_anew(
    tables: &Tables,
    document: &Document,
    config: &Config,
) -> Result<Vec<&'static Shared>, Error> {
    let mut anew = Vec::new();
    for shared in &SHARED {
        // What another configuration has no use for isn't lost by taking over.
        if shared.is_of(config) && tables.difference(shared, document, config)?.is_some() {
            anew.push(shared);
        }
    }
    Ok(anew)
}

/// The tables for a program that is to be loaded.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The number of their directory.
    pub(super) number: u32,
    pub(super) tables: Tables,
    /// Whether the directory was made for it.
    is_new: bool,
    anew: Vec<&'static Shared>,
}

impl Prepared {
    /// Those of the program in force, with which `document` was stored, if they are the same for this version and a configuration;
    /// else a directory with all that are. Those that start anew aren't there yet: the loader makes them.
    ///
    /// # Errors
    /// The kernel refuses; nothing has changed then.
    pub(super) fn new(layout: &Layout, document: &Document, config: &Config) -> Result<Self, Error> {
        let old = layout.tables(document.tables);
        let anew = starts_anew(&old, document, config)?;
        if let (Some(number), true) = (document.tables, anew.is_empty()) {
            return Ok(Self { number, tables: old, is_new: false, anew });
        }
        // A number that nothing has had which may still be pinned.
        let last = layout::numbered(&layout.all_tables())?.last().copied().unwrap_or_default();
        let number = last.max(document.tables.unwrap_or_default()) + 1;
        let prepared = Self { number, tables: layout.tables(Some(number)), is_new: true, anew };
        prepared.carry_on(&old, config).inspect_err(|_| prepared.undo())?;
        Ok(prepared)
    }

    /// Pins those of the old tables that go on.
    fn carry_on(&self, old: &Tables, config: &Config) -> Result<(), Error> {
        layout::make(self.tables.directory())?;
        for shared in SHARED.iter().filter(|shared| shared.is_of(config)) {
            let (from, to) = (old.pin(shared), self.tables.pin(shared));
            if self.is_anew(shared) || !from.exists() {
                continue;
            }
            let map = MapData::from_pin(&from)
                .map_err(|error| Error::aya(format!("opening {}", from.display()), error))?;
            map.pin(&to).map_err(|error| Error::aya(format!("pinning {}", to.display()), error))?;
        }
        Ok(())
    }

    /// Whether one of them starts anew.
    fn is_anew(&self, shared: &Shared) -> bool {
        self.anew.iter().any(|anew| anew.pin == shared.pin)
    }

    /// Whether interfaces must be given tallies again.
    pub(super) fn forgets_interfaces(&self) -> bool {
        self.is_anew(&INTERFACES)
    }

    /// Whether the flows of connected sockets must be remembered again.
    pub(super) fn forgets_flows(&self) -> bool {
        self.is_anew(&FLOWS)
    }

    /// Removes what was made for a program that isn't loaded after all. What can't be removed is in nobody's way, and goes with the next
    /// command.
    pub(super) fn undo(&self) {
        if self.is_new {
            let _ = layout::remove(self.tables.directory());
        }
    }

    /// What this comes to, for a program that `from` has loaded; `None` if that is this very Fragwall, and everything goes on.
    pub(super) fn takeover(&self, from: &Release) -> Option<Takeover> {
        let anew: Vec<Anew> = self.anew.iter().map(|&shared| shared.into()).collect();
        (!from.is_own() || !anew.is_empty()).then(|| Takeover { from: from.clone(), anew })
    }
}
