//! `cargo xtask bench`: what the program costs a packet.

use clap::{Parser, builder::PossibleValuesParser};
use firewall_tests::bench::{self, Effort};

/// Measure what the XDP program costs a packet, beside a program that does nothing.
#[derive(Parser)]
struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// How often each case is measured, in turn with all others.
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// How many packets a measurement has.
    #[arg(long, default_value_t = 100_000)]
    repeat: u32,
    /// Measure only these sections: see their names in a report.
    #[arg(value_name = "SECTION", value_parser = PossibleValuesParser::new(bench::section_names()))]
    sections: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { json, rounds, repeat, sections } = Arguments::parse();
    let effort = Effort { rounds: rounds.max(1), repeat: repeat.max(1) };
    let report =
        bench::run(effort, &sections, |round| eprintln!("round {} of {}", round + 1, effort.rounds))?;
    if json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    Ok(())
}
