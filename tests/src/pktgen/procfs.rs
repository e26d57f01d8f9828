//! pktgen's files, `/proc/net/pktgen` (the kernel's Documentation/networking/pktgen.rst): one that starts and stops it, one for each of its
//! threads, a thread for each CPU, and one for each device that a thread was given. There are such files in each network namespace.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use super::refusal::Refusal;
use super::text;
use crate::harness::process::{run, tool};

/// Where they are, in the network namespace of the current thread.
const DIRECTORY: &str = "/proc/thread-self/net/pktgen";
/// How long loading a module may take.
const LIMIT: Duration = Duration::from_secs(60);

/// pktgen, for this process alone: no other of its kind has it meanwhile. The devices that it was given are taken from it on drop.
#[derive(Debug)]
pub(super) struct Pktgen {
    /// The threads that were given a device.
    used: Vec<usize>,
    _lock: Flock<File>,
}

impl Pktgen {
    /// Opens it, after having the module loaded if need be.
    ///
    /// # Errors
    /// The kernel hasn't got it, or somebody else is using it.
    pub(super) fn open() -> Result<Self> {
        let control = Path::new(DIRECTORY).join("pgctrl");
        if !control.exists() {
            load()?;
        }
        let file = File::open(&control).with_context(|| format!("can't open {}", control.display()))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            nix::errno::Errno::EWOULDBLOCK => Refusal::Held(
                "another `cargo xtask pktgen` is sending from this network namespace".to_owned(),
            )
            .into(),
            errno => anyhow::Error::from(errno).context("locking pktgen"),
        })?;
        let pktgen = Self { used: Vec::new(), _lock: lock };
        for thread in pktgen.threads()? {
            let devices = text::devices(&read(&name(thread))?).with_context(|| unknown(&name(thread)))?;
            if let [device, ..] = devices.as_slice() {
                return Err(Refusal::Held(format!(
                    "somebody else is using pktgen: {} has {device}; if that is left over, `echo reset > /proc/net/pktgen/pgctrl` takes it away",
                    name(thread)
                ))
                .into());
            }
        }
        Ok(pktgen)
    }

    /// The numbers of its threads, which are those of the CPUs.
    ///
    /// # Errors
    /// The directory can't be read.
    pub(super) fn threads(&self) -> Result<Vec<usize>> {
        let entries = fs::read_dir(DIRECTORY).with_context(|| format!("can't read {DIRECTORY}"))?;
        let mut threads = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            threads
                .extend(name.to_str().and_then(|name| name.strip_prefix("kpktgend_")?.parse::<usize>().ok()));
        }
        threads.sort_unstable();
        Ok(threads)
    }

    /// Gives a thread a device, named after the interface and the thread: what is told of it is in a file of that name.
    ///
    /// # Errors
    /// pktgen refuses: there's no such interface, it's down, or it isn't Ethernet.
    pub(super) fn add(&mut self, thread: usize, interface: &str) -> Result<String> {
        let device = format!("{interface}@{thread}");
        self.used.push(thread);
        set(&name(thread), &format!("add_device {device}"))?;
        Ok(device)
    }

    /// Changes a setting of a device.
    ///
    /// # Errors
    /// pktgen refuses it: the line is named, and what it says.
    pub(super) fn set(&self, device: &str, line: &str) -> Result<()> {
        set(device, line)
    }

    /// What a device has to say.
    ///
    /// # Errors
    /// Its file can't be read.
    pub(super) fn device(&self, device: &str) -> Result<text::Device> {
        text::Device::parse(&read(device)?).with_context(|| unknown(device))
    }
}

impl Drop for Pktgen {
    fn drop(&mut self) {
        for &thread in &self.used {
            if let Err(error) = write(&name(thread), "rem_device_all") {
                eprintln!("{} keeps its device: {error}", path(&name(thread)).display());
            }
        }
    }
}

/// Has every thread send; returns when all of them have ended, or when a signal comes.
///
/// # Errors
/// The kernel refuses.
pub(super) fn start() -> Result<()> {
    write("pgctrl", "start").context("can't start pktgen")
}

/// Has every thread stop.
///
/// # Errors
/// The kernel refuses.
pub(super) fn stop() -> Result<()> {
    write("pgctrl", "stop").context("can't stop pktgen")
}

/// Has the module loaded.
fn load() -> Result<()> {
    let output = run(tool("modprobe").arg("pktgen"), LIMIT);
    if Path::new(DIRECTORY).exists() {
        return Ok(());
    }
    let said = match output {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(error) => format!("{error:#}"),
    };
    let said = if said.is_empty() { "and `modprobe pktgen` changes nothing".to_owned() } else { said };
    Err(Refusal::Lacking(format!(
        "this kernel has no pktgen ({said}); `cargo xtask pktgen --kernel 6.12 …` runs the same in a virtual machine whose kernel has it \
         (`cargo xtask vm --kernel 6.12 pktgen` its tests), and `--live` or `--fragments` need none"
    ))
    .into())
}

/// Writes a line that pktgen answers in the same file.
fn set(file: &str, line: &str) -> Result<()> {
    let written = write(file, line);
    let result = read(file).ok().and_then(|text| text::result(&text)).unwrap_or_default();
    match written {
        Ok(()) if result.starts_with("OK") => Ok(()),
        Ok(()) => bail!("pktgen refuses `{line}` in {}: {result}", path(file).display()),
        Err(error) => bail!("pktgen refuses `{line}` in {}: {error} ({result})", path(file).display()),
    }
}

fn write(file: &str, line: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path(file))?.write_all(format!("{line}\n").as_bytes())
}

fn read(file: &str) -> Result<String> {
    let path = path(file);
    fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
}

fn path(file: &str) -> PathBuf {
    Path::new(DIRECTORY).join(file)
}

/// The name of a thread, and of its file.
pub(super) fn name(thread: usize) -> String {
    format!("kpktgend_{thread}")
}

fn unknown(file: &str) -> String {
    format!("{} isn't what pktgen writes", path(file).display())
}
