//! Child processes that are bounded in time and never outlive what needs them.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill as kill_process};
use nix::unistd::Pid;

use super::interrupt;

/// How long a small tool such as `ip` may take on a loaded machine.
const TOOL_LIMIT: Duration = Duration::from_secs(180);

/// Where administrators' tools are, should PATH be an ordinary user's.
const SYSTEM_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// The path of an installed program, searched for in PATH and where administrators' tools are.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_DIRECTORIES.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// A command for an installed tool, found by [`find_program`]; a missing one fails when it is run, by name.
pub fn tool(name: &str) -> Command {
    Command::new(find_program(name).unwrap_or_else(|| PathBuf::from(name)))
}

/// A copy of a program in a directory, that can be run: where AppArmor confines a program it does so by its path, and would keep
/// it from a test's files.
///
/// # Errors
/// There's no such program, or no such directory.
pub fn copy_program(program: &Path, directory: &Path) -> Result<PathBuf> {
    let copy = directory.join(program.file_name().context("a program's path has no name")?);
    // Another process does it: while this one held the copy open for writing, a child forked by another thread would hold it
    // too, and keep it from being run.
    run_ok(tool("install").args(["-m", "755"]).arg(program).arg(&copy))?;
    Ok(copy)
}

/// Runs a command to its end and captures what it says; its exit code is the caller's to judge.
///
/// # Errors
/// It can't be started, passes `limit`, or the process is interrupted; the child is killed in the latter two.
pub fn run(command: &mut Command, limit: Duration) -> Result<Output> {
    supervise(command, limit, true)
}

/// Runs a small tool, which must succeed; its output.
///
/// # Errors
/// Those of [`run`], and an exit code other than zero: the command and what it said are named.
pub fn run_ok(command: &mut Command) -> Result<Output> {
    let output = run(command, TOOL_LIMIT)?;
    succeeded(command, output)
}

/// Like [`run_ok`], but goes on although the process was interrupted: for what removes things.
///
/// # Errors
/// Those of [`run_ok`].
pub fn run_cleanup(command: &mut Command) -> Result<Output> {
    let output = supervise(command, TOOL_LIMIT, false)?;
    succeeded(command, output)
}

/// The output of a command that must have succeeded.
///
/// # Errors
/// The exit code isn't zero: the command and what it said are named.
pub fn succeeded(command: &Command, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    bail!(
        "{} ended with {}:\n{}{}",
        describe(command),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn describe(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}

fn supervise(command: &mut Command, limit: Duration, interruptible: bool) -> Result<Output> {
    let what = describe(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't run {what}"))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, limit, interruptible);
    if status.is_err() {
        kill(&mut child);
    }
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    let status = status.with_context(|| {
        format!("{what}\n{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
    })?;
    Ok(Output { status, stdout, stderr })
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn wait(child: &mut Child, limit: Duration, interruptible: bool) -> Result<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interruptible {
            interrupt::check()?;
        }
        if start.elapsed() > limit {
            bail!("not done after {} s", limit.as_secs());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn kill(child: &mut Child) {
    // It fails for a child that has ended already, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}

/// A process in the background, killed and waited for on drop.
///
/// It also dies with the thread that started it, so that not even SIGKILL leaves it behind: the thread must live as
/// long as the daemon is needed.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    what: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts a command whose output goes to the file `log`.
    ///
    /// # Errors
    /// The log can't be created or the command can't be started.
    pub fn spawn(command: &mut Command, log: &Path) -> Result<Self> {
        let what = describe(command);
        let output = File::create(log).with_context(|| format!("can't create {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("can't share {}", log.display()))?;
        // SAFETY: the closure makes one system call between fork and exec and allocates nothing.
        unsafe {
            command.pre_exec(|| match nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("can't run {what}"))?;
        Ok(Self { child, what, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` holds.
    ///
    /// # Errors
    /// The daemon ends, `limit` passes or the process is interrupted before: the daemon's output is quoted.
    pub fn wait_until(&mut self, ready: impl Fn() -> bool, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            interrupt::check()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.what, self.log());
            }
            if start.elapsed() > limit {
                bail!("{} isn't ready after {} s:\n{}", self.what, limit.as_secs(), self.log());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // The child hasn't been waited for as long as this is there, so that its number is nobody else's.
        let process = Pid::from_raw(self.child.id() as i32);
        kill_process(process, signal)
            .with_context(|| format!("can't send {} to {}", signal.as_str(), self.what))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// `limit` passes or the process is interrupted before.
    pub fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        wait(&mut self.child, limit, true).with_context(|| format!("{}:\n{}", self.what, self.log()))
    }

    /// What the daemon has said until now.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |error| format!("{}: {error}", self.log.display()),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}
