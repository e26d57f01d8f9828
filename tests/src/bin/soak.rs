//! `cargo xtask soak`: a filter and its daemon under all that happens to them, for as long as is wanted.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use firewall_tests::harness::{fragwall, interrupt};
use firewall_tests::soak::{self, Until};

/// Does to a filter and to `fragwall serve`, in network namespaces, all that happens to them, over and over: traffic, floods, changes of rules,
/// filters that come and go, and interfaces that do. Nothing that is allowed may be lost, nothing that is denied may arrive, and nothing may
/// grow: memory, descriptors, and what the kernel holds. Needs root; leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask soak")]
struct Arguments {
    /// How long, in minutes; a few cycles at least.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

fn main() -> ExitCode {
    let Arguments { minutes } = Arguments::parse();
    interrupt::exit(run(minutes))
}

/// Whether nothing has grown.
fn run(minutes: u64) -> Result<bool> {
    interrupt::install()?;
    eprintln!("building Fragwall, if need be");
    fragwall::binary()?;
    let until = Until::Passed(Duration::from_secs(minutes.saturating_mul(60)));
    let report = soak::run(until, &|line| eprintln!("{line}"))?;
    print!("{report}");
    let growth = report.growth();
    for growth in &growth {
        eprintln!("error: {growth}");
    }
    Ok(growth.is_empty())
}
