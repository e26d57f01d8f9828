//! A run, from its first frame until nothing comes any more.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fragwall::kernel::{Error, netdev::XdpFeatures, netns};

use super::counters::Counters;
use super::filter::Look;
use super::live::Live;
use super::options::Send;
use super::progress::Progress;
use super::refusal::Refusal;
use super::report::{Link, Report};
use super::route;
use super::sending::Sending;
use super::traffic::{Amount, Traffic};
use super::whole::Whole;
use crate::harness::interrupt;

/// How often it's looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing must come until all has, and how long that may take at most.
const QUIET: Duration = Duration::from_millis(200);
const QUIET_LIMIT: Duration = Duration::from_secs(10);
/// How long what sends may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Whoever looks at the receiving side.
pub(super) type Receiver<'r> = &'r (dyn Fn() -> Result<Look> + Sync);

/// Sends by an interface that is there, to a host elsewhere.
pub(super) fn to_elsewhere(send: &Send) -> Result<()> {
    if let Some(name) = &send.netns {
        enter(name)?;
    }
    let (Some(interface), Some(to)) = (&send.dev, send.to) else {
        return Err(Refusal::Invalid("--dev and --to belong together".to_owned()).into());
    };
    let traffic = Traffic::new(send, route::find(send, interface, to)?)?;
    finish(&go(&traffic, None)?, send.json)
}

/// Moves this thread, and those that it starts later on, into a network namespace.
pub(super) fn enter(name: &str) -> Result<()> {
    netns::enter(name).map_err(|error| match error {
        Error::Netns { .. } => Refusal::Invalid(error.to_string()).into(),
        error => error.into(),
    })
}

/// Prints what came of a run.
///
/// # Errors
/// It sent less than it should have, nothing can have left by the link, or it was interrupted.
pub(super) fn finish(report: &Report, json: bool) -> Result<()> {
    if json {
        println!("{}", report.json()?);
    } else {
        print!("{report}");
    }
    interrupt::check()?;
    report.check()
}

/// Sends it, and tells what became of it.
///
/// # Errors
/// It can't be sent, or its sending fails. An interruption ends it early, as if its time were over.
pub(super) fn go(traffic: &Traffic, receiver: Option<Receiver<'_>>) -> Result<Report> {
    let look = || receiver.map(|look| look()).transpose();
    let interface = &traffic.way.interface;
    let (before, seen_before) = (Counters::read(interface)?, look()?);
    let mut sending: Box<dyn Sending> =
        if traffic.live { Box::new(Live::start(traffic)?) } else { Box::new(Whole::start(traffic)?) };
    watch(traffic, sending.as_mut(), &look)?;
    let threads = sending.end()?;
    let seen = match (receiver, seen_before) {
        (Some(receiver), Some(before)) => Some(settled(receiver)?.since(&before)),
        _ => None,
    };
    let counters = Counters::read(interface)?.since(&before);
    let made: u64 = threads.iter().map(|thread| thread.frames).sum();
    let link = link(traffic, made, &counters)?;
    Ok(Report::new(traffic, threads, counters, link, seen))
}

/// What is found of the link that so many frames were made for.
fn link(traffic: &Traffic, made: u64, counters: &Counters) -> Result<Link> {
    // Some drivers count as dropped what they have no way to send.
    let has_none = counters.sent.packets == 0;
    if !route::has_carrier(&traffic.way.interface)? {
        return Ok(Link::Down);
    }
    // Where the kernel tells of a driver that it takes them (Linux 6.3), that counts, whatever the driver counts.
    let is_untold = XdpFeatures::of(traffic.way.index).is_none();
    Ok(if traffic.live && made > 0 && has_none && is_untold { Link::TakesNone } else { Link::Good })
}

/// Waits until it has ended, and ends it when it's time to.
fn watch(
    traffic: &Traffic,
    sending: &mut dyn Sending,
    look: &dyn Fn() -> Result<Option<Look>>,
) -> Result<()> {
    let mut progress = Progress::of(traffic);
    let start = Instant::now();
    let mut stopped: Option<Instant> = None;
    while !sending.is_over()? {
        let is_time = matches!(traffic.amount, Amount::Time(time) if start.elapsed() >= time);
        if is_time || interrupt::check().is_err() {
            let since = *stopped.get_or_insert_with(Instant::now);
            ensure!(since.elapsed() < STOP_LIMIT, "it doesn't stop");
            sending.stop().context("stopping")?;
        }
        let frames = sending.frames()?;
        progress.at(frames);
        if progress.is_due() {
            progress.tell(frames, look()?);
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// What the receiving side sees once nothing comes any more.
fn settled(receiver: Receiver<'_>) -> Result<Look> {
    let start = Instant::now();
    let mut last = receiver()?;
    loop {
        thread::sleep(QUIET);
        let next = receiver()?;
        let seen = next.since(&last);
        if seen.counters.received.packets == 0 || start.elapsed() > QUIET_LIMIT {
            return Ok(next);
        }
        last = next;
    }
}
