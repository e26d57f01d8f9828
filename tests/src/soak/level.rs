//! What is held at a moment: by the daemon, and by the kernel for the filter.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use aya::maps::MapData;

use super::flat::{Demand, Series, Unit};
use crate::harness::interrupt;
use crate::harness::loaded::Loaded;

/// How long what is on its way out may take: some grace periods of a loaded machine, and requests that end.
const RELEASE_LIMIT: Duration = Duration::from_secs(20);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// By how much the level of the daemon's memory may differ: of what a change of the rules takes for a moment, some 20 MiB, an allocator keeps
/// more at one time than at another.
const DAEMON: u64 = 32 << 20;
/// And that of the kernel's memory: programs of the same rules differ by pages.
const KERNEL: u64 = 1 << 20;

/// How many things are watched.
const WATCHED: usize = 7;

/// What is watched, cycle by cycle.
#[derive(Debug)]
pub struct Levels {
    /// In the order of [`Levels::measure`].
    series: [Series; WATCHED],
    /// All programs and maps that have been seen, and that the kernel still had when they were looked at last.
    noted: Mutex<Loaded>,
    daemon: u32,
    bpffs: Vec<PathBuf>,
}

impl Levels {
    /// Of a daemon's process, and of what is pinned below these directories.
    pub fn new(daemon: u32, bpffs: &[&Path]) -> Self {
        let same = |name| Series::new(name, Unit::Pieces, Demand::Same);
        let memory = |name, bound| Series::new(name, Unit::Bytes, Demand::Within(bound));
        Self {
            series: [
                memory("resident memory of serve", DAEMON),
                same("descriptors of serve"),
                same("programs"),
                same("maps"),
                same("links"),
                same("files on the bpffs"),
                memory("memory of programs, pins", KERNEL),
            ],
            noted: Mutex::default(),
            daemon,
            bpffs: bpffs.iter().map(|path| path.to_path_buf()).collect(),
        }
    }

    /// Takes note of what is pinned now, and of what the daemon holds: whatever of it is left behind is known later.
    ///
    /// # Errors
    /// It can't be read.
    pub fn note(&self) -> Result<()> {
        let mut now = Loaded::default();
        for bpffs in &self.bpffs {
            now.note(bpffs)?;
        }
        now.note_descriptors(self.daemon)?;
        self.lock()?.add(&now);
        Ok(())
    }

    /// Measures at the end of a cycle. What is more than before has some time to go away.
    ///
    /// # Errors
    /// It can't be measured.
    pub fn take(&mut self) -> Result<()> {
        self.note()?;
        let start = Instant::now();
        let mut last = None;
        let values = loop {
            interrupt::check()?;
            let values = self.measure()?;
            let exact = |values: &[u64; WATCHED]| {
                let all = self.series.iter().zip(*values);
                all.filter(|(series, _)| series.demand == Demand::Same).map(|(_, value)| value).collect()
            };
            let now: Vec<u64> = exact(&values);
            // As long as nothing is known of how much it should be, that it doesn't change must do.
            let fits = self.series.iter().zip(values).all(|(series, value)| series.fits(value));
            if (fits && last.as_ref() == Some(&now)) || start.elapsed() > RELEASE_LIMIT {
                break values;
            }
            last = Some(now);
            thread::sleep(PAUSE);
        };
        self.series.iter_mut().zip(values).for_each(|(series, value)| series.push(value));
        let mut noted = self.lock()?;
        *noted = noted.alive();
        Ok(())
    }

    fn lock(&self) -> Result<MutexGuard<'_, Loaded>> {
        self.noted.lock().map_err(|_| anyhow!("whoever took note of something has panicked"))
    }

    /// What is held now.
    fn measure(&self) -> Result<[u64; WATCHED]> {
        let alive = self.lock()?.alive();
        let mut pinned = Pinned::default();
        for bpffs in &self.bpffs {
            pinned.add(bpffs)?;
        }
        let folder = format!("/proc/{}/fd", self.daemon);
        let descriptors = fs::read_dir(&folder).with_context(|| folder.clone())?.count() as u64;
        Ok([
            resident(self.daemon)?,
            descriptors,
            alive.programs() as u64,
            alive.maps() as u64,
            alive.links() as u64,
            pinned.files,
            alive.memory() + pinned.memory,
        ])
    }

    /// What was measured.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// All that has been seen, as far as it was there when it was looked at last.
    ///
    /// # Errors
    /// Whoever took note of something has panicked.
    pub fn noted(&self) -> Result<Loaded> {
        Ok(self.lock()?.clone())
    }
}

/// A process's own resident memory, in bytes; not that of its program's file.
fn resident(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.with_context(|| format!("{path} has no RssAnon"))?.parse()?;
    Ok(kibibytes << 10)
}

/// What is pinned.
#[derive(Default)]
struct Pinned {
    /// How many files there are on the bpffs.
    files: u64,
    /// How much memory the maps among them take, in bytes.
    memory: u64,
}

impl Pinned {
    /// Adds what is below a directory.
    fn add(&mut self, directory: &Path) -> Result<()> {
        let entries = match fs::read_dir(directory) {
            // Somebody is still at it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.with_context(|| directory.display().to_string())?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                self.add(&path)?;
            } else {
                self.files += 1;
                // Programs and links are no maps.
                self.memory += MapData::from_pin(&path).map_or(0, |map| locked(map.fd().as_fd()));
            }
        }
        Ok(())
    }
}

/// How much memory the kernel says that a map takes, in bytes.
fn locked(map: BorrowedFd<'_>) -> u64 {
    let told = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd())).unwrap_or_default();
    let locked = told.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok());
    locked.unwrap_or(0)
}
