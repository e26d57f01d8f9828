//! `cargo xtask bench`: what filtering costs.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Parser, builder::PossibleValuesParser};
use firewall_tests::bench::{self, Effort};

/// Measure what the XDP program costs a packet, and live traffic through Fragwall and what one would pick instead.
#[derive(Parser)]
struct Arguments {
    /// Print JSON, or write it to a file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    json: Option<Option<PathBuf>>,
    /// Measure as little as it takes to see that everything can be measured, and make sure that nothing is missing.
    #[arg(long, conflicts_with_all = ["rounds", "repeat", "live_rounds", "sections", "write_docs"])]
    quick: bool,
    /// Write the tables of README.md and docs/performance.md anew, and the pictures.
    #[arg(long, conflicts_with = "sections")]
    write_docs: bool,
    /// How often each case is measured, in turn with all others.
    #[arg(long, default_value_t = Effort::FULL.rounds)]
    rounds: usize,
    /// How many packets a measurement has.
    #[arg(long, default_value_t = Effort::FULL.repeat)]
    repeat: u32,
    /// How often each case of live traffic is measured, in turn with all others.
    #[arg(long, default_value_t = Effort::FULL.live_rounds)]
    live_rounds: usize,
    /// Measure only these sections.
    #[arg(value_name = "SECTION", value_parser = PossibleValuesParser::new(bench::times_names().chain(bench::live_names())))]
    sections: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { json, quick, write_docs, rounds, repeat, live_rounds, sections } = Arguments::parse();
    let effort = if quick {
        Effort::QUICK
    } else {
        Effort {
            rounds: rounds.max(1),
            repeat: repeat.max(1),
            live_rounds: live_rounds.max(1),
            ..Effort::FULL
        }
    };
    if write_docs {
        bench::docs::check()?;
    }
    let report = bench::run(effort, &sections, |what| eprintln!("{what}"))?;
    match json {
        None => print!("{report}"),
        Some(None) => println!("{}", report.json()),
        Some(Some(path)) => {
            fs::write(&path, format!("{}\n", report.json())).with_context(|| path.display().to_string())?;
            print!("{report}");
        }
    }
    if quick || write_docs {
        bench::consistent::check(&report)?;
    }
    if write_docs {
        for path in bench::docs::write(&report)? {
            eprintln!("written: {}", path.display());
        }
    }
    Ok(())
}
