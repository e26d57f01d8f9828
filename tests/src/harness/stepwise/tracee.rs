//! A process whose first thread stops at each of its system calls (ptrace(2)). Its other threads go on by themselves, and may change nothing.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, alarm, setpgid};

use super::call::{Call, changes};

/// How many seconds a command may take; its alarm ends it then.
const LIMIT: u32 = 120;

/// `PTRACE_SYSCALL_INFO_ENTRY` of `linux/ptrace.h`.
const ENTRY: u8 = 1;
/// `PTRACE_EVENT_CLONE`.
const CLONE: i32 = 3;

/// Such a process. It's killed when this is dropped. Only the thread that started it may ask for anything.
#[derive(Debug)]
pub(super) struct Tracee {
    process: Process,
    /// Its other threads.
    threads: Vec<Pid>,
    output: File,
    /// What it's told of the system call that it's in, which the kernel hasn't seen.
    refusal: Option<Errno>,
    /// What it gets when it goes on.
    signal: Option<Signal>,
}

/// Why it has stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// It's about to make a system call.
    Entry(Call),
    /// It has made it.
    Exit,
    /// It has ended.
    Ended(ExitStatus),
}

impl Tracee {
    /// Starts one; what it says on standard output nobody reads.
    pub(super) fn spawn(command: &mut Command) -> Result<Self> {
        let output = tempfile::tempfile().context("can't make a file for what a command says")?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output.try_clone()?);
        // SAFETY: the closure makes three system calls between fork and exec and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                alarm::set(LIMIT);
                // A group of its own, by which its threads are waited for, and nothing else.
                setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                Ok(ptrace::traceme()?)
            });
        }
        let child = command.spawn().context("can't run a command step by step")?;
        let process = Process(Some(Pid::from_raw(child.id().cast_signed())));
        let mut tracee = Self { process, threads: Vec::new(), output, refusal: None, signal: None };
        // It stops first where it has just become the command.
        match tracee.wait()? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            other => bail!("it has {other:?} instead of stopping at its beginning"),
        }
        let others =
            Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | others;
        ptrace::setoptions(tracee.id()?, options).context("can't follow the command")?;
        Ok(tracee)
    }

    fn id(&self) -> Result<Pid> {
        self.process.0.context("it has ended")
    }

    /// Waits until the first thread stops or ends; meanwhile the others go on.
    fn wait(&mut self) -> Result<WaitStatus> {
        loop {
            match waitpid(group(self.id()?), Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("can't wait for the command"),
                Ok(status) => match status.pid().filter(|&thread| Some(thread) != self.process.0) {
                    Some(thread) => self.let_go_on(thread, status)?,
                    None => return Ok(status),
                },
            }
        }
    }

    /// Has another thread than the first one go on where it has stopped.
    fn let_go_on(&mut self, thread: Pid, status: WaitStatus) -> Result<()> {
        let signal = match status {
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                self.threads.retain(|&other| other != thread);
                return Ok(());
            }
            // It's stopped where it begins.
            WaitStatus::Stopped(_, Signal::SIGSTOP) if !self.threads.contains(&thread) => {
                self.threads.push(thread);
                None
            }
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::PtraceSyscall(_) => {
                if let Some(name) = entered(thread)?.as_ref().and_then(changes) {
                    bail!("{name} is made by another thread than the first, which isn't followed");
                }
                None
            }
            other => bail!("another thread has {other:?}, which isn't understood"),
        };
        match ptrace::syscall(thread, signal) {
            // It was killed meanwhile.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno).context("can't have another thread go on"),
        }
    }

    /// Lets it run until it stops again, or ends.
    pub(super) fn next(&mut self) -> Result<Stop> {
        loop {
            match ptrace::syscall(self.id()?, self.signal.take()) {
                // It was killed while it stood still, and has yet to be waited for.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno).context("can't have the command go on"),
            }
            match self.wait()? {
                WaitStatus::PtraceSyscall(process) => {
                    if let Some(call) = entered(process)? {
                        return Ok(Stop::Entry(call));
                    }
                    self.answer()?;
                    return Ok(Stop::Exit);
                }
                WaitStatus::Exited(_, code) => {
                    self.process.0 = None;
                    return Ok(Stop::Ended(ExitStatus::from_raw(code << 8)));
                }
                WaitStatus::Signaled(_, signal, _) => {
                    self.process.0 = None;
                    return Ok(Stop::Ended(ExitStatus::from_raw(signal as i32)));
                }
                WaitStatus::PtraceEvent(_, _, CLONE) => {}
                WaitStatus::PtraceEvent(..) => bail!("it has started another process, which isn't followed"),
                WaitStatus::Stopped(_, signal) => self.signal = Some(signal),
                other => bail!("it has {other:?}, which isn't understood"),
            }
        }
    }

    /// Kills it where it stands: the system call that it's about to make isn't made.
    pub(super) fn kill(&self) -> Result<()> {
        kill(self.id()?, Signal::SIGKILL).context("can't kill the command")
    }

    /// Has the system call that it's about to make left out, and says to it that the kernel refused.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn refuse(&mut self, errno: Errno) -> Result<()> {
        let mut registers = ptrace::getregs(self.id()?)?;
        // There's no such system call.
        registers.orig_rax = u64::MAX;
        ptrace::setregs(self.id()?, registers)?;
        self.refusal = Some(errno);
        Ok(())
    }

    #[cfg(target_arch = "x86_64")]
    fn answer(&mut self) -> Result<()> {
        let Some(errno) = self.refusal.take() else { return Ok(()) };
        let mut registers = ptrace::getregs(self.id()?)?;
        registers.rax = i64::from(-(errno as i32)).cast_unsigned();
        ptrace::setregs(self.id()?, registers).context("can't answer in the kernel's place")
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn refuse(&mut self, _: Errno) -> Result<()> {
        bail!("answering in the kernel's place is written for x86-64 alone")
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn answer(&mut self) -> Result<()> {
        Ok(())
    }

    /// Lets go of it, stopped by SIGSTOP once it has made the system call that it's about to make.
    pub(super) fn release_stopped(mut self) -> Result<Released> {
        let process = self.id()?;
        ensure!(self.threads.is_empty(), "it has other threads, which would stay where they are");
        kill(process, Signal::SIGSTOP).context("can't stop the command")?;
        ptrace::detach(process, None).context("can't let go of the command")?;
        loop {
            match waitpid(process, Some(WaitPidFlag::__WALL | WaitPidFlag::WUNTRACED)) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => break,
                other => bail!("it has {other:?} instead of stopping"),
            }
        }
        Ok(Released(Process(self.process.0.take())))
    }

    /// What it has said on standard error.
    pub(super) fn said(&mut self) -> Result<String> {
        let mut said = Vec::new();
        self.output.seek(SeekFrom::Start(0))?;
        self.output.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// A process that isn't followed any more.
#[derive(Debug)]
pub(super) struct Released(Process);

impl Released {
    pub(super) fn id(&self) -> u32 {
        self.0.0.map_or(0, |process| process.as_raw().cast_unsigned())
    }

    /// Sends it a signal by which it ends, sooner or later, and waits for that.
    pub(super) fn end_by(mut self, signal: Signal) -> Result<ExitStatus> {
        let process = self.0.0.context("it has ended")?;
        kill(process, signal).context("can't send the command a signal")?;
        loop {
            match waitpid(process, Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::Exited(_, code)) => {
                    self.0.0 = None;
                    return Ok(ExitStatus::from_raw(code << 8));
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    self.0.0 = None;
                    return Ok(ExitStatus::from_raw(signal as i32));
                }
                Ok(_) => {}
                Err(errno) => return Err(errno).context("can't wait for the command"),
            }
        }
    }
}

/// A child that hasn't been waited for, so that its number is nobody else's; it's killed on drop.
#[derive(Debug)]
struct Process(Option<Pid>);

impl Drop for Process {
    fn drop(&mut self) {
        let Some(process) = self.0 else { return };
        // It fails for a child that has ended already, which is what is wanted.
        let _ = kill(process, Signal::SIGKILL);
        // Its other threads come before it.
        loop {
            match waitpid(group(process), Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(of, _) | WaitStatus::Signaled(of, ..)) if of == process => break,
                Err(Errno::ECHILD) => break,
                _ => {}
            }
        }
    }
}

/// All threads of a process that has a group of its own, for whoever waits.
fn group(process: Pid) -> Pid {
    Pid::from_raw(-process.as_raw())
}

/// The system call at whose entry a thread has stopped; `None` at the exit of one, or if it was killed where it stood.
fn entered(thread: Pid) -> Result<Option<Call>> {
    let info = match ptrace::syscall_info(thread) {
        Err(Errno::ESRCH) => return Ok(None),
        info => info.context("can't tell the command's system call")?,
    };
    if info.op != ENTRY {
        return Ok(None);
    }
    // SAFETY: at the entry of a system call the kernel has filled in this one of the union.
    let entry = unsafe { info.u.entry };
    Ok(Some(Call { number: entry.nr.cast_signed(), arguments: entry.args }))
}
