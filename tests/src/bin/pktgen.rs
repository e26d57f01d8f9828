//! `cargo xtask pktgen`: packets by the kernel's pktgen, and fragments by live frames, with what becomes of them.

use std::process::ExitCode;

use clap::Parser;
use firewall_tests::harness::interrupt;
use firewall_tests::pktgen::{self, Refusal, options::Cli};

fn main() -> ExitCode {
    let Err(error) = pktgen::run(&Cli::parse()) else { return ExitCode::SUCCESS };
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => {
            eprintln!("error: {refusal}");
            ExitCode::from(refusal.code())
        }
        None => interrupt::exit(Err(error)),
    }
}
