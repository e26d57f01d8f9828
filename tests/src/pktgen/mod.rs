//! `cargo xtask pktgen`: sends packets as fast as the kernel makes them, and tells what became of them on both sides.
//!
//! Whole packets are made by the kernel's own pktgen (`/proc/net/pktgen`). What it can't make, fragments, is made by a BPF program on live
//! frames ([`fragwall::kernel::generator`]), which takes the same options.

mod counters;
mod filter;
mod frames;
mod live;
mod local;
pub mod options;
mod procfs;
mod progress;
mod refusal;
mod report;
mod route;
mod run;
mod sending;
mod text;
mod traffic;
mod watch;
mod whole;

use anyhow::Result;

use self::options::{Cli, Command};
use crate::harness::{interrupt, requirements};

pub use self::refusal::Refusal;

/// Does what is asked for.
///
/// # Errors
/// [`Refusal`] of what can't be asked for here; or the kernel refuses something, fewer packets were sent than were asked for, or the process
/// was interrupted.
pub fn run(cli: &Cli) -> Result<()> {
    requirements::require(&["ip"])?;
    interrupt::install()?;
    match &cli.command {
        Some(Command::Watch(options)) => watch::watch(options),
        None if cli.send.dev.is_some() => run::to_elsewhere(&cli.send),
        None => local::run(&cli.send),
    }
}
