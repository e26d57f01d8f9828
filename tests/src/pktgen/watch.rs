//! The receiving side of a run between two hosts.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use fragwall::observe::rates::short;
use serde::Serialize;

use super::counters::Count;
use super::filter::{Look, Seen};
use super::options::Watch;
use super::refusal::Refusal;
use super::report::Received;
use super::run::enter;
use crate::harness::interrupt;

/// How often something is told.
const LINE: Duration = Duration::from_secs(1);
/// How often it's looked at whether it's over.
const PAUSE: Duration = Duration::from_millis(50);

/// The sum, as JSON has it.
#[derive(Debug, Serialize)]
struct Sum {
    version: u32,
    seconds: f64,
    receiver: Received,
}

/// Tells what comes in, every second, and the sum at the end: when it's time, or when it's stopped.
///
/// # Errors
/// There's no such interface, or the kernel doesn't tell.
pub(super) fn watch(options: &Watch) -> Result<()> {
    let Watch { interface, seconds, bpffs, netns, json } = options;
    if let Some(name) = netns {
        enter(name)?;
    }
    let look = || Look::take(interface, bpffs);
    let first = look().map_err(|error| {
        // /proc/net/dev is there for sure: it's the interface that isn't.
        if nix::net::if_::if_nametoindex(interface.as_str()).is_err() {
            Refusal::Invalid(format!("there is no interface {interface:?}")).into()
        } else {
            error
        }
    })?;
    if first.judged.is_none() {
        eprintln!("no filter is in force here: only what the interface counts is told");
    }
    let end = seconds.map(|seconds| first.at + Duration::from_secs(seconds));
    let mut last = first.clone();
    if !json {
        println!(
            "{:>10} {:>12} {:>10} {:>10} {:>10}  reasons, a second",
            "packets/s", "bit/s", "passed/s", "dropped/s", "rejected/s"
        );
    }
    loop {
        let due = end.map_or(last.at + LINE, |end| end.min(last.at + LINE));
        while Instant::now() < due && interrupt::check().is_ok() {
            thread::sleep(PAUSE.min(due.saturating_duration_since(Instant::now())));
        }
        let is_over = interrupt::check().is_err() || end.is_some_and(|end| Instant::now() >= end);
        let next = look()?;
        if !json {
            println!("{}", line(&next.since(&last)));
        }
        if is_over {
            return tell(interface, &next.since(&first), *json);
        }
        last = next;
    }
}

fn tell(interface: &str, seen: &Seen, json: bool) -> Result<()> {
    let seconds = seen.seconds;
    let receiver = Received::new(interface.to_owned(), seen.clone(), Duration::from_secs_f64(seconds));
    if json {
        println!("{}", serde_json::to_string(&Sum { version: 1, seconds, receiver })?);
    } else {
        println!("in {seconds:.2} s:");
        print!("{receiver}");
    }
    Ok(())
}

/// What came, a second.
fn line(seen: &Seen) -> String {
    let rate = |number: u64| short(number as f64 / seen.seconds);
    let Count { packets, bytes } = seen.counters.received;
    let mut line = format!("{:>10} {:>12}", rate(packets), rate(bytes * 8));
    let Some(judged) = &seen.judged else { return line };
    for verdict in ["pass", "drop", "reject"] {
        line += &format!(" {:>10}", rate(judged.of_verdict(verdict)));
    }
    for (number, (reason, verdict, count)) in judged.reasons().into_iter().enumerate() {
        let before = if number == 0 { "  " } else { ", " };
        line += &format!("{before}{verdict} {reason} {}", rate(count.packets));
    }
    line
}
