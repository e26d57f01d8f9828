//! All that happens to a filter in years, over and over: rules come and go, interfaces and filters, too, fragments flood in, and a daemon
//! is asked about it. Nothing that is allowed may be lost, nothing that is denied may arrive, and nothing may grow.

mod filters;
pub mod flat;
mod floods;
mod interfaces;
mod level;
mod questions;
pub mod report;
mod rules;
mod scene;

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use self::{
    flat::{Demand, Series, WARM_UP},
    floods::Flood,
    level::Levels,
    report::Report,
    scene::{RULES, STREAM_PORTS, Scene},
};
use crate::harness::host::HOST;
use crate::harness::interrupt;
use crate::harness::serving::Serving;
use crate::harness::stream::Stream;

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// For so many cycles.
    Cycles(usize),
    /// Until so much time has passed, but for [`LEAST`] cycles at least.
    Passed(Duration),
}

/// Cycles that there must be, so that anything can be told by thirds of those after the warm-up.
pub const LEAST: usize = WARM_UP + 6;

/// How many bytes a datagram has that comes in three fragments, and one that comes whole.
const IN_FRAGMENTS: usize = 3000;
const WHOLE: usize = 200;
/// How many datagrams of each stream have to come through between two cycles.
const BETWEEN: u64 = 100;

/// Does all of it until it's enough, or something has grown that mustn't. `say` is given a line for each cycle.
///
/// # Errors
/// Something allowed was lost, something denied has arrived, a command has failed, or something is left behind.
pub fn run(until: Until, say: &dyn Fn(&str)) -> Result<Report> {
    let scene = Scene::new()?;
    let serving = scene.serve()?;
    interfaces::come(&scene)?;
    // Whoever is known before a flood goes on having room during it.
    interfaces::is_filtered(&scene)?;
    let ([six, four], [six_ports, four_ports]) = (HOST, STREAM_PORTS);
    let streams = [
        Stream::start(&scene.host, six, six_ports, IN_FRAGMENTS)?,
        Stream::start(&scene.host, four, four_ports, WHOLE)?,
    ];
    go_on(&streams)?;
    let mut levels = Levels::new(serving.daemon.id(), &scene.bpffs());
    let (start, mut flood, mut cycles) = (Instant::now(), 0, 0);
    loop {
        flood += cycle(&scene, &serving, &levels, cycles).with_context(|| format!("cycle {}", cycles + 1))?;
        go_on(&streams)?;
        levels.take()?;
        cycles += 1;
        let datagrams = streams.iter().map(Stream::arrived).sum();
        say(&progress(cycles, start.elapsed(), datagrams, flood, levels.series()));
        let mut exact = levels.series().iter().filter(|series| series.demand == Demand::Same);
        let is_enough = match until {
            Until::Cycles(wanted) => cycles >= wanted,
            Until::Passed(wanted) => cycles >= LEAST && start.elapsed() >= wanted,
        };
        if is_enough || exact.any(|series| series.growth().is_some()) {
            break;
        }
    }
    let took = start.elapsed();
    let mut datagrams = 0;
    for stream in streams {
        let (sent, is_open) = stream.end()?;
        ensure!(!is_open, "a datagram to the denied port has arrived");
        datagrams += sent;
    }
    end(&scene, serving, &levels)?;
    Ok(Report { cycles, took, datagrams, flood, series: levels.series().to_vec() })
}

/// Everything once. How many packets of a flood came meanwhile.
fn cycle(scene: &Scene, serving: &Serving<'_>, levels: &Levels, number: usize) -> Result<u64> {
    let note = || levels.note();
    let flood = Flood::begin(scene, number)?;
    at_once([
        ("rules", &|| rules::change(scene, &note)),
        ("an interface", &|| {
            interfaces::go_and_come(scene)?;
            interfaces::change_names(scene)
        }),
        ("questions", &|| questions::ask(serving, &note)),
    ])?;
    // The config file names interfaces: while it's put into force all of them are there.
    at_once([
        ("the config file", &|| {
            rules::reload(scene, serving, &note)?;
            rules::apply(scene, &note)
        }),
        ("an interface", &|| interfaces::down_and_up(scene)),
        ("questions", &|| questions::ask(serving, &note)),
    ])?;
    // Nobody else puts the filter on the interface, nor is there a change that awaits confirmation.
    at_once([
        ("an interface", &|| interfaces::detach_and_attach(scene)),
        ("another filter", &|| filters::live(scene, number, &note)),
        ("questions", &|| questions::ask(serving, &note)),
    ])?;
    let rules = scene.host.rules()?;
    ensure!(rules == RULES, "the rules at its end are {rules:?}");
    flood.end(scene)
}

/// What is done beside something else, and its name.
type Task<'t> = (&'t str, &'t (dyn Fn() -> Result<()> + Sync));

/// Does all of them at once, and waits for all; the first error of any.
fn at_once<const COUNT: usize>(tasks: [Task<'_>; COUNT]) -> Result<()> {
    thread::scope(|scope| {
        let threads = tasks.map(|(name, task)| (name, scope.spawn(task)));
        let ended = threads.map(|(name, thread)| {
            thread
                .join()
                .map_err(|_| anyhow!("it has panicked"))
                .and_then(|done| done)
                .context(name.to_owned())
        });
        ended.into_iter().collect()
    })
}

/// That the streams go on: what is allowed arrives, and nothing else has.
fn go_on(streams: &[Stream]) -> Result<()> {
    for stream in streams {
        ensure!(!stream.judged(BETWEEN)?, "a datagram to the denied port has arrived");
    }
    Ok(())
}

/// Ends the daemon and the filter, of which nothing may be left.
fn end(scene: &Scene, serving: Serving<'_>, levels: &Levels) -> Result<()> {
    interrupt::check()?;
    levels.note()?;
    serving.end()?;
    let host = &scene.host;
    ensure!(host.attached("eth0")?.is_some(), "the filter ended with the daemon");
    host.ok(&["detach"])?;
    let left = host.pins()?;
    ensure!(left.is_empty(), "detaching leaves {left:?}");
    levels.noted()?.wait_until_freed()
}

/// A line about a cycle.
fn progress(cycle: usize, passed: Duration, datagrams: u64, flood: u64, series: &[Series]) -> String {
    let mut line = format!("cycle {cycle}, {} s: {datagrams} datagrams, flood of {flood}", passed.as_secs());
    for series in series {
        let value = series.last().map(|value| series.unit.text(value)).unwrap_or_default();
        // Writing to a string can't fail.
        let _ = write!(line, "; {} {value}", series.name);
    }
    line
}
