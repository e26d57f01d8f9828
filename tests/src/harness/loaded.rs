//! Which of a filter's programs, maps and links the kernel still holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aya::maps::MapInfo;
use aya::programs::{ProgramInfo, loaded_links, loaded_programs};
use nix::libc;

/// How long the kernel may take to let go of what nothing refers to: some grace periods of a loaded machine.
const RELEASE_LIMIT: Duration = Duration::from_secs(20);

/// Ids of programs and maps, as far as they have been noted.
///
/// Other tests load and unload theirs meanwhile, so what is left behind can't be told by counting.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
}

impl Loaded {
    /// Adds what is pinned below a directory now, and the maps of the programs there. What is removed meanwhile is left out.
    ///
    /// # Errors
    /// Something pinned can't be read.
    pub fn note(&mut self, directory: &Path) -> Result<()> {
        match self.try_note(directory) {
            // The entry that was read may be gone, and so may be what is above it.
            Err(_) if !directory.exists() => Ok(()),
            noted => noted,
        }
    }

    fn try_note(&mut self, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
            let path = entry?.path();
            match self.note_entry(&path) {
                Err(_) if !path.exists() => {}
                noted => noted.with_context(|| path.display().to_string())?,
            }
        }
        Ok(())
    }

    fn note_entry(&mut self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            // What is attached, which is links, or programs that are pinned elsewhere, too.
            if name != "links" && name != "egress" {
                self.note(path)?;
            }
        } else if name == "program" || name == "egress" {
            let program = ProgramInfo::from_pin(path)?;
            self.programs.insert(program.id());
            self.maps.extend(program.map_ids()?.unwrap_or_default());
        } else if !name.to_string_lossy().ends_with(".debug") {
            self.maps.insert(MapInfo::from_pin(path)?.id());
        }
        Ok(())
    }

    /// Adds the programs and maps that a process has descriptors of.
    ///
    /// # Errors
    /// There's no such process.
    pub fn note_descriptors(&mut self, process: u32) -> Result<()> {
        let folder = format!("/proc/{process}/fdinfo");
        for entry in fs::read_dir(&folder).with_context(|| folder.clone())? {
            // It may have been closed meanwhile.
            let info = fs::read_to_string(entry?.path()).unwrap_or_default();
            for line in info.lines() {
                let Some((key, value)) = line.split_once(':') else { continue };
                match (key, value.trim().parse()) {
                    ("prog_id", Ok(id)) => drop(self.programs.insert(id)),
                    ("map_id", Ok(id)) => drop(self.maps.insert(id)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Adds what has been noted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.programs.extend(&other.programs);
        self.maps.extend(&other.maps);
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

    /// Those that the kernel still has.
    pub fn alive(&self) -> Self {
        let programs = loaded_programs().filter_map(Result::ok).map(|program| program.id());
        Self {
            programs: programs.filter(|id| self.programs.contains(id)).collect(),
            maps: map_ids().filter(|id| self.maps.contains(id)).collect(),
        }
    }

    /// How many links lead to one of the programs.
    pub fn links(&self) -> usize {
        let links = loaded_links().filter_map(Result::ok);
        links.filter(|link| self.programs.contains(&link.program_id())).count()
    }

    /// How much memory the kernel says that the programs take, in bytes; what it has freed takes none.
    pub fn memory(&self) -> u64 {
        let programs = loaded_programs().filter_map(Result::ok);
        let programs = programs.filter(|program| self.programs.contains(&program.id()));
        programs.filter_map(|program| program.memory_locked().ok()).map(u64::from).sum()
    }

    /// Waits until the kernel has freed all of them, which it does a while after the last reference is gone.
    ///
    /// # Errors
    /// Some are still there when time is up.
    pub fn wait_until_freed(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let Self { programs, maps } = self.alive();
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

/// The ids of all maps that there are. None is opened to tell: whenever the last descriptor of a program array is closed, the kernel has its
/// entries cleared later on, and holds the map by then; if that happens once more meanwhile, it holds the map for good.
fn map_ids() -> impl Iterator<Item = u32> {
    std::iter::successors(next_map(0), |&id| next_map(id))
}

/// The id of the map behind that one.
fn next_map(id: u32) -> Option<u32> {
    /// `BPF_MAP_GET_NEXT_ID`.
    const COMMAND: libc::c_long = 12;
    // `union bpf_attr` of the command: `start_id`, `next_id` and `open_flags`.
    let mut attributes = [id, 0, 0];
    // SAFETY: the attributes are those of the command, hold no pointer, and are as long as it's told.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, COMMAND, attributes.as_mut_ptr(), size_of_val(&attributes)) };
    (result == 0).then_some(attributes[1])
}
