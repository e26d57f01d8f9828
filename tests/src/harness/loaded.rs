//! Which of a filter's programs and maps the kernel still holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aya::maps::{MapInfo, loaded_maps};
use aya::programs::{ProgramInfo, loaded_programs};

/// How long the kernel may take to let go of what nothing refers to: some grace periods of a loaded machine.
const RELEASE_LIMIT: Duration = Duration::from_secs(20);

/// Ids of programs and maps.
///
/// Other tests load and unload theirs meanwhile, so what is left behind can't be told by counting.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
}

impl Loaded {
    /// Adds what is pinned below a directory now, and the maps of the programs there.
    ///
    /// # Errors
    /// Something pinned can't be read.
    pub fn note(&mut self, directory: &Path) -> Result<()> {
        for entry in std::fs::read_dir(directory).with_context(|| directory.display().to_string())? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                // What is attached, which is links, or programs that are pinned elsewhere, too.
                if name != "links" && name != "egress" {
                    self.note(&path)?;
                }
            } else if name == "program" || name == "egress" {
                let program = ProgramInfo::from_pin(&path)?;
                self.programs.insert(program.id());
                self.maps.extend(program.map_ids()?.unwrap_or_default());
            } else if !name.to_string_lossy().ends_with(".debug") {
                self.maps.insert(MapInfo::from_pin(&path)?.id());
            }
        }
        Ok(())
    }

    /// What has been noted here, but not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self { programs: &self.programs - &other.programs, maps: &self.maps - &other.maps }
    }

    /// How many programs have been noted.
    pub fn programs(&self) -> usize {
        self.programs.len()
    }

    /// How many maps have been noted.
    pub fn maps(&self) -> usize {
        self.maps.len()
    }

    /// Waits until the kernel has freed all of them, which it does a while after the last reference is gone.
    ///
    /// # Errors
    /// Some are still there when time is up.
    pub fn wait_until_freed(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let programs: Vec<u32> = loaded_programs()
                .filter_map(Result::ok)
                .map(|program| program.id())
                .filter(|id| self.programs.contains(id))
                .collect();
            let maps: Vec<u32> = loaded_maps()
                .filter_map(Result::ok)
                .map(|map| map.id())
                .filter(|id| self.maps.contains(id))
                .collect();
            if programs.is_empty() && maps.is_empty() {
                return Ok(());
            }
            if start.elapsed() > RELEASE_LIMIT {
                bail!("left in the kernel: programs {programs:?}, maps {maps:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
