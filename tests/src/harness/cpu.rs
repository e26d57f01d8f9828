//! Which CPU a thread runs on.

use anyhow::{Context, Result, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// The CPUs that this process may run on.
///
/// # Errors
/// The kernel doesn't tell.
pub fn allowed() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("can't tell which CPUs there are")?;
    Ok((0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect())
}

/// Two CPUs that this process may run on.
///
/// # Errors
/// There's only one.
pub fn two() -> Result<[usize; 2]> {
    match allowed()?.as_slice() {
        &[one, other, ..] => Ok([one, other]),
        _ => bail!("this needs two CPUs, and the process may run on one alone"),
    }
}

/// Keeps this thread, and those that it starts later on, on a CPU.
///
/// # Errors
/// There's no such CPU.
pub fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .with_context(|| format!("can't run on CPU {cpu}"))
}

/// Keeps this thread on the CPU that it is on.
///
/// Without XDP a veth hands a frame to the CPU that sent it, so a thread that moves to another one between two frames may
/// see them arrive in the other order.
///
/// # Errors
/// The kernel refuses.
pub fn stay() -> Result<()> {
    pin(sched_getcpu()?)
}
