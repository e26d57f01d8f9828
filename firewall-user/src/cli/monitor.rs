//! `fragwall monitor`

use std::{
    fs::File,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use firewall_common::verdict::{Reason, Verdict};
use ipnet::IpNet;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use serde::Serialize;

use super::{Global, exit::Invalid, output};
use crate::{
    kernel::{Error, document::Document, filter::Filter, watch::Watcher},
    observe::{
        capture::write::{Writer, Written},
        event::{KernelLog, Reader, Told, which::Which},
    },
};

/// How long nothing is looked at, at most, when nothing is told.
const PAUSE: Duration = Duration::from_millis(500);
/// How many packets are read before anything else is looked at.
const BATCH: usize = 4096;

/// Show packets that the filter drops or rejects, as they come, and those that rules with `log` let in.
///
/// The program tells nothing while nobody watches. Under a flood no more than --rate is told, a quarter of it at most of one reason or
/// rule, so that what is rare isn't lost among what is frequent; how many were left out is said once a second and in the end. What
/// --address and --port ask for is picked from what is told. One watches at a time.
#[derive(Args, Debug)]
pub(super) struct Monitor {
    /// Only packets with this verdict: drop, reject, or pass, which is what rules with `log` let in.
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    verdict: Vec<Verdict>,
    /// Only packets that have their verdict for this reason; docs/fragments.md lists them.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Vec<Reason>,
    /// Only packets that this rule decided, by its number.
    #[arg(long, value_name = "NUMBER")]
    rule: Option<usize>,
    /// Only fragments.
    #[arg(long)]
    fragments: bool,
    /// Only packets from or to this address or network.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    address: Vec<IpNet>,
    /// Only packets from or to this port.
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// How many packets a second to tell of, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// End after so many packets.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// How packets are printed; with --json each is an object.
    #[arg(long, value_enum, default_value_t = Format::Human, conflicts_with = "json")]
    format: Format,
    #[cfg(feature = "trace")]
    #[command(flatten)]
    trace: super::trace::TraceArgs,
    /// Write packets' heads to this pcapng file, too, with a comment that tells the verdict.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// A line for people.
    Human,
    /// The line that netfilter's LOG target writes to the kernel's log.
    Kernel,
}

/// What there is to say in the end.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Summary {
    /// How many packets were shown.
    shown: u64,
    /// How many were told of, and have another address or port than was asked for.
    others: u64,
    /// How many were asked for and not told of.
    left_out: u64,
}

impl Monitor {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        // Taken before anything that must be given back.
        let signals = signals().context("taking signals")?;
        let (mut watcher, which, document, names) = self.watch(&global.bpffs)?;
        let mut screen = Screen {
            monitor: self,
            bpffs: &global.bpffs,
            json: global.json,
            which,
            reader: Reader::new(document),
            capture: self.capture()?,
            summary: Summary::default(),
        };
        screen.begin(&names);
        let mut looked = Instant::now();
        #[cfg(feature = "trace")]
        let mut trace = self.trace.log().map(|log| Filter::open(&global.bpffs)?.trace(log)).transpose()?;
        while !screen.is_done() && !wait(&watcher, &signals)? {
            #[cfg(feature = "trace")]
            if let Some(trace) = &mut trace {
                trace.flush();
            }
            screen.drain(&mut watcher, BATCH)?;
            if looked.elapsed() < Duration::from_secs(1) {
                continue;
            }
            looked = Instant::now();
            match screen.learn(&watcher) {
                Ok(()) => {}
                Err(Error::NotAttached) => {
                    output::say("the filter was detached");
                    break;
                }
                Err(error) => return Err(error.into()),
            }
            screen.tell_left_out(watcher.left_out()?);
        }
        watcher.end()?;
        screen.drain(&mut watcher, usize::MAX)?;
        screen.end(watcher.left_out()?)
    }

    /// Begins to watch. The filter's lock isn't held while that lasts.
    fn watch(&self, bpffs: &Path) -> anyhow::Result<(Watcher, Which, Document, Vec<String>)> {
        let filter = Filter::open(bpffs)?;
        let which = self.which(filter.document())?;
        let watcher = Watcher::new(&filter, which.asked(self.rate))?;
        Ok((watcher, which, filter.document().clone(), filter.interface_names()))
    }

    fn which(&self, document: &Document) -> anyhow::Result<Which> {
        let rules = document.rules();
        let slot = self.rule.map(|number| {
            let rule = number.checked_sub(1).and_then(|index| rules.get(index));
            rule.map(|(_, slot)| *slot).ok_or_else(|| {
                Invalid(format!(
                    "--rule {number}: there are {} rules; `fragwall list` shows them",
                    rules.len()
                ))
            })
        });
        Ok(Which {
            verdicts: self.verdict.clone(),
            reasons: self.reason.clone(),
            fragments: self.fragments,
            slot: slot.transpose()?,
            networks: self.address.clone(),
            ports: self.port.clone(),
        })
    }

    fn capture(&self) -> anyhow::Result<Option<Writer<File>>> {
        let Some(path) = &self.write else { return Ok(None) };
        let writer = File::create(path).and_then(Writer::new);
        Ok(Some(writer.with_context(|| path.display().to_string())?))
    }
}

/// Where packets are shown.
struct Screen<'m> {
    monitor: &'m Monitor,
    bpffs: &'m Path,
    json: bool,
    which: Which,
    reader: Reader,
    capture: Option<Writer<File>>,
    summary: Summary,
}

impl Screen<'_> {
    /// Learns whether there's still something to watch, and which rules are in force.
    fn learn(&mut self, watcher: &Watcher) -> Result<(), Error> {
        let filter = Filter::open(self.bpffs)?;
        watcher.check(&filter)?;
        self.reader.change(filter.document().clone());
        Ok(())
    }

    /// Whether as many were shown as were asked for.
    fn is_done(&self) -> bool {
        self.monitor.count.is_some_and(|count| self.summary.shown >= count)
    }

    /// Says what there is to be seen.
    fn begin(&self, interfaces: &[String]) {
        output::say(format_args!(
            "watching {}: what is dropped or rejected, and what rules with `log` let in",
            interfaces.join(", ")
        ));
    }

    /// Shows what was told, so many packets at most.
    fn drain(&mut self, watcher: &mut Watcher, most: usize) -> anyhow::Result<()> {
        for _ in 0..most {
            if self.is_done() {
                break;
            }
            let Some(event) = watcher.next_event() else { break };
            if self.reader.is_unknown(&event) {
                // If the filter has been detached meanwhile, that is found out soon enough.
                let _ = self.learn(watcher);
                // What isn't known now has gone, and isn't asked for again.
                self.reader.is_unknown(&event);
            }
            let Some(told) = self.reader.read(&event) else { continue };
            if self.which.wants(&told) {
                self.summary.shown += 1;
                self.show(&told)?;
            } else {
                self.summary.others += 1;
            }
        }
        Ok(())
    }

    fn show(&mut self, told: &Told) -> anyhow::Result<()> {
        if let Some(capture) = &mut self.capture {
            let credited = told.credited().map(|by| format!(", {by}")).unwrap_or_default();
            let written = capture.write(&Written {
                interface: &told.interface,
                time: told.moment,
                head: &told.head,
                length: told.length,
                comment: &format!("{}: {}{credited}", told.verdict(), told.reason),
            });
            let path = self.monitor.write.as_deref().unwrap_or(Path::new(""));
            written.with_context(|| path.display().to_string())?;
        }
        match self.monitor.format {
            _ if self.json => output::json(told),
            Format::Human => output::line(&told.to_string()),
            Format::Kernel => output::line(&KernelLog(told).to_string()),
        }
    }

    /// Says how many more were left out, if any were.
    fn tell_left_out(&mut self, left_out: u64) {
        let more = left_out - self.summary.left_out;
        if more > 0 {
            output::say(format_args!("{more} more packets left out: more than are told of in a second"));
        }
        self.summary.left_out = left_out;
    }

    fn end(mut self, left_out: u64) -> anyhow::Result<()> {
        self.summary.left_out = left_out;
        if self.json {
            return output::json(&self.summary);
        }
        let Summary { shown, others, left_out } = self.summary;
        output::say(format_args!("{shown} packets shown, {others} others told of, {left_out} left out"));
        Ok(())
    }
}

/// The signals that end it, taken as something to be read.
fn signals() -> nix::Result<SignalFd> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Waits until something is told, or for a while; says whether a signal came that ends it.
fn wait(watcher: &Watcher, signals: &SignalFd) -> anyhow::Result<bool> {
    let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut fds = [readable(watcher.as_fd()), readable(signals.as_fd())];
    let timeout = PollTimeout::try_from(PAUSE).unwrap_or(PollTimeout::ZERO);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(io::Error::from(errno)).context("waiting for packets"),
    }
    Ok(signals.read_signal().context("reading a signal")?.is_some())
}

fn verdict(name: &str) -> Result<Verdict, String> {
    named(name, &Verdict::ALL, Verdict::name)
}

fn reason(name: &str) -> Result<Reason, String> {
    named(name, Reason::ALL, Reason::name)
}

fn named<T: Copy>(name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|&one| name_of(one) == name).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&one| name_of(one)).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// An address is a network of its own.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    IpNet::from_str(text)
        .or_else(|_| address())
        .map_err(|_| "expected an address, or ADDRESS/LENGTH".to_owned())
}
