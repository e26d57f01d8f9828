//! pktgen's files, `/proc/net/pktgen` (the kernel's Documentation/networking/pktgen.rst): one that starts and stops it, one for each of its
//! threads, a thread for each CPU, and one for each device that a thread was given. There are such files in each network namespace.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::refusal::Refusal;
use super::text;
use crate::harness::process::{run, tool};

/// Where they are, in the network namespace of the current thread.
const DIRECTORY: &str = "/proc/thread-self/net/pktgen";
/// That namespace itself.
const NAMESPACE: &str = "/proc/thread-self/ns/net";
/// How long loading a module may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a thread may take to give up its devices, and how often it's looked at: it looks ten times a second itself, when the machine lets it.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

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
        let pktgen = Self { used: Vec::new(), _lock: lock()? };
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
        set(&name(thread), &format!("add_device {device}"))?;
        self.used.push(thread);
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
            if let Err(error) = remove(thread) {
                eprintln!("{} keeps its device: {error:#}", path(&name(thread)).display());
            }
        }
    }
}

/// Locks pktgen, in the network namespace of the current thread, against others of this kind. What is locked is the namespace, which is the same
/// inode whoever opens it: a file below /proc/net is another one each time it's looked up.
fn lock() -> Result<Flock<File>> {
    let namespace = File::open(NAMESPACE).with_context(|| format!("can't open {NAMESPACE}"))?;
    Flock::lock(namespace, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => {
            Refusal::Held("another `cargo xtask pktgen` is sending from this network namespace".to_owned())
                .into()
        }
        errno => anyhow::Error::from(errno).context("locking pktgen"),
    })
}

/// Takes a thread's devices from it, and waits until they are gone: the kernel lets whoever asks for it go on after an eighth of a second in any case.
fn remove(thread: usize) -> Result<()> {
    let file = name(thread);
    write(&file, "rem_device_all")?;
    let start = Instant::now();
    loop {
        let devices = text::devices(&read(&file)?).with_context(|| unknown(&file))?;
        if devices.is_empty() {
            return Ok(());
        }
        ensure!(start.elapsed() < REMOVAL_LIMIT, "it still has {}", devices.join(", "));
        thread::sleep(PAUSE);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_lock() {
        let held = lock().unwrap();
        let refused = lock().unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(Refusal::Held(_))), "{refused:#}");
        drop(held);
        lock().unwrap();
    }
}
