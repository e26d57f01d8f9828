//! The main job, to be watched: an IKE_AUTH larger than the MTU behind no filter, stateless rules, connection tracking
//! and Fragwall.

#[path = "demo/table.rs"]
mod table;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use clap::{Parser, ValueEnum};
use firewall_tests::harness::{fragwall, interrupt};
use firewall_tests::ike::certificates::Certificates;
use firewall_tests::ike::charon::Outcome;
use firewall_tests::ike::hosts::Family;
use firewall_tests::ike::require_tools;
use firewall_tests::ike::scenario::{Filter, Placement, Report, Scenario};

/// How many exchanges are tried at once: more would delay each other's answers into retransmissions on a small machine.
const AT_ONCE: usize = 2;

/// What is tried, as the table lists it.
const FILTERS: [Filter; 7] = [
    Filter::None,
    Filter::Stateless,
    Filter::Conntrack,
    Filter::Fragwall(Placement::Responder),
    Filter::Fragwall(Placement::Initiator),
    Filter::Fragwall(Placement::Both),
    Filter::FragwallDenying,
];

/// Sets up IPsec between two network namespaces by two strongSwan daemons, behind one filter after another, and prints
/// what came of it. Needs root; leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo")]
struct Arguments {
    /// The IP version the two hosts speak.
    #[arg(long, value_enum, default_value_t = FamilyArgument::V6)]
    family: FamilyArgument,
    /// The MTU of the link between them, in bytes.
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(1280..=1500))]
    mtu: u32,
    /// Prints JSON in place of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FamilyArgument {
    V4,
    V6,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    interrupt::exit(run(&arguments))
}

/// Whether every exchange ended as it must.
fn run(arguments: &Arguments) -> Result<bool> {
    interrupt::install()?;
    require_tools()?;
    eprintln!("building Fragwall, if need be");
    fragwall::binary()?;
    eprintln!("making certificates: RSA of 4096 bits, two intermediate authorities for each host");
    let certificates = Certificates::shared()?;
    let family = match arguments.family {
        FamilyArgument::V4 => Family::V4,
        FamilyArgument::V6 => Family::V6,
    };
    let scenarios = FILTERS.map(|filter| Scenario { family, mtu: arguments.mtu, filter });
    let results = try_all(&scenarios, &certificates)?;
    if arguments.json {
        println!("{:#}", table::json(&results));
    } else {
        table::print(&results);
    }
    let surprises: Vec<_> =
        results.iter().filter(|(scenario, report)| !is_as_expected(scenario, report)).collect();
    for (scenario, report) in &surprises {
        let tracked = if report.conntrack_in_use() { "with" } else { "without" };
        eprintln!("not as it must be: {scenario}: {} {tracked} conntrack", report.outcome);
    }
    Ok(surprises.is_empty())
}

fn is_as_expected(scenario: &Scenario, report: &Report) -> bool {
    let tracked = scenario.filter == Filter::Conntrack;
    report.outcome == scenario.expected() && report.conntrack_in_use() == tracked
}

/// Tries the scenarios, those that are expected to fail first, since they take longest; reports in the order given.
fn try_all(scenarios: &[Scenario], certificates: &Certificates) -> Result<Vec<(Scenario, Report)>> {
    let mut queue: Vec<usize> = (0..scenarios.len()).collect();
    queue.sort_by_key(|index| scenarios[*index].expected() == Outcome::Established);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(index) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario = scenarios[*index];
                    eprintln!("trying: {scenario}");
                    let result = scenario.run(certificates);
                    let failed = result.is_err();
                    if let Ok(mut results) = results.lock() {
                        results.push((*index, scenario, result));
                    }
                    if failed {
                        next.store(queue.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().map_err(|_| anyhow!("an exchange panicked"))?;
    results.sort_by_key(|(index, ..)| *index);
    results.into_iter().map(|(_, scenario, result)| Ok((scenario, result?))).collect()
}
