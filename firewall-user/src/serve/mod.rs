//! What runs for as long as it's wanted: it tells metrics by HTTP, writes events, puts a config file into force when that changes,
//! and attaches the filter to interfaces that come later.
//!
//! The filter doesn't depend on it. What is in force is pinned, and stays as it is when this ends, however it ends.
//!
//! One thread waits for everything ([`run`]): connections (`http`), signals, interfaces that come and go. What takes its time is done on
//! others: reading the filter (`gate`), changing it (`keeper`), and writing events ([`events`]).

mod error;
pub mod events;
mod gate;
mod http;
mod keeper;
pub mod listen;
mod notify;
mod place;
mod routes;
mod signals;
mod status;
mod stream;
mod watch;
mod work;

use std::{
    fmt::Display,
    future::pending,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::{Builder, Runtime},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

pub use self::{error::Error, keeper::Source};
use self::{
    events::Writer,
    http::Server,
    keeper::{Keeper, Outcome},
    listen::{Listen, Listener, Stream},
    notify::Notify,
    signals::Signals,
    status::Status,
    work::Work,
};
use crate::kernel::{self, filter::Filter, link_events::LinkEvents};

/// How long what is being done may take until it's left behind when this is to end. It can be: a change of the filter that isn't
/// finished leaves the old rules or the new ones in force.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after an interface was told of it's looked for: more is told of it at the same moment.
const SETTLED: Duration = Duration::from_millis(20);
/// How long it is until what couldn't be attached to is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long it is from one look at the config file to the next. What is found has to be the same at two of them.
const LOOKS: Duration = Duration::from_secs(2);
/// How many threads read and change the filter, at most.
const THREADS: usize = 8;

/// Says something to whoever reads the log.
pub type Say = fn(&dyn Display);

/// What is to be served.
#[derive(Debug)]
pub struct Options {
    /// The bpffs below which the filter is pinned.
    pub bpffs: PathBuf,
    /// The config file that is to be in force; without one the filter is only read.
    pub source: Option<Source>,
    /// Where connections are taken.
    pub listen: Listen,
    /// Where events are written, if anywhere.
    pub events: Option<events::Options>,
    /// How to speak to whoever reads the log.
    pub say: Say,
}

/// Serves until SIGTERM or SIGINT comes.
///
/// # Errors
/// It can't listen, the config file can't be put into force at first, or events can't be written to the file from the beginning. What goes
/// wrong later is said, and no reason to end.
pub fn run(options: Options) -> Result<(), Error> {
    share_memory();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .build()
        .map_err(|error| Error::system("starting", error))?;
    let served = runtime.block_on(serve(&runtime, options));
    runtime.shutdown_timeout(PATIENCE);
    served
}

/// Has all threads allocate from one place. glibc gives each its own and keeps what is freed there, so that what a change of the rules
/// takes for a moment, some 20 MiB, would in time be kept by each thread that has ever made one.
fn share_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call has no other effect than on later allocations. One that fails leaves all as it is.
    unsafe {
        nix::libc::mallopt(nix::libc::M_ARENA_MAX, 1);
    }
}

async fn serve(runtime: &Runtime, options: Options) -> Result<(), Error> {
    let Options { bpffs, source, listen, events, say } = options;
    // First of all, so that none ends it halfway.
    let mut signals = Signals::new().map_err(|error| Error::system("taking signals", error))?;
    let listener = Listener::bind(&listen)?;
    let sink = events.map(events::Options::open).transpose()?;
    let status = Arc::new(Status::new(source.is_some()));
    let notify = Notify::new(say);
    let told = source.as_ref().map(|_| link_events()).transpose()?;
    let looks = source.as_ref().map(|_| every(LOOKS));

    let keeper = match source {
        Some(source) => {
            let (bpffs, status) = (bpffs.clone(), Arc::clone(&status));
            let started = runtime.spawn_blocking(move || Keeper::start(bpffs, source, status, say));
            tokio::select! {
                keeper = started => Some(keeper.map_err(Error::panicked)??),
                () = signals.end() => return Ok(()),
            }
        }
        None => {
            let bpffs = bpffs.clone();
            tokio::select! {
                seen = runtime.spawn_blocking(move || see(&bpffs)) => seen.map_err(Error::panicked)??,
                () = signals.end() => return Ok(()),
            }
            None
        }
    };
    let writer = sink.map(|sink| Writer::start(bpffs.clone(), sink, say)).transpose();
    let writer = writer.map_err(|error| Error::system("starting a thread for events", error))?;
    status.set_events(writer.as_ref().map(Writer::counts));
    say(&format_args!("metrics at {}", listener.address()));
    notify.ready(&status.words());

    let mut main = Main {
        work: Work::new(keeper, say),
        server: Server::new(bpffs, Arc::clone(&status)),
        listener,
        signals,
        told,
        looks,
        watchdog: notify::watchdog().map(ticks),
        writer,
        status,
        notify,
        takes_none: false,
        say,
    };
    // What came while the first rules were put into force hasn't been looked for.
    main.work.look_at(Instant::now());
    main.run().await?;
    main.end().await;
    Ok(())
}

/// That a filter can be seen, if there's one.
fn see(bpffs: &Path) -> Result<(), Error> {
    match Filter::open(bpffs) {
        Ok(_) | Err(kernel::Error::NotAttached) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is told of interfaces, from now on.
fn link_events() -> Result<AsyncFd<LinkEvents>, Error> {
    let events = LinkEvents::new()?;
    // SAFETY: its descriptor is that of the socket which it owns, and never exchanges for another.
    let registered = unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) };
    registered.map_err(|error| Error::system("waiting for interfaces", error.into_parts().1))
}

/// Everything that is waited for.
struct Main {
    work: Work,
    server: Server,
    listener: Listener,
    signals: Signals,
    told: Option<AsyncFd<LinkEvents>>,
    /// When the config file is looked at.
    looks: Option<Interval>,
    watchdog: Option<Interval>,
    writer: Option<Writer>,
    status: Arc<Status>,
    notify: Notify,
    /// Whether the last connection couldn't be taken, which was said.
    takes_none: bool,
    say: Say,
}

impl Main {
    /// Waits and does, until it's to end.
    async fn run(&mut self) -> Result<(), Error> {
        loop {
            self.work.begin();
            tokio::select! {
                ends = self.signals.next() => if ends { return Ok(()) } else { self.hangup() },
                stream = self.listener.accept() => self.accepted(stream).await,
                told = interfaces(self.told.as_ref()) => match told {
                    Ok(true) => self.work.look_at(Instant::now() + SETTLED),
                    Ok(false) => {}
                    Err(error) => return Err(Error::system("waiting for interfaces", error)),
                },
                () = due(self.work.look()) => self.work.is_due(),
                () = tick(self.looks.as_mut()) => self.work.look_at_file(),
                done = self.work.done() => self.done(done?),
                () = tick(self.watchdog.as_mut()) => self.notify.alive(),
            }
        }
    }

    /// A connection has come, or can't be taken.
    async fn accepted(&mut self, stream: io::Result<Stream>) {
        match stream {
            Ok(stream) => {
                self.takes_none = false;
                self.server.serve(stream);
            }
            // Mostly since there are too many descriptors; what waits is still there later.
            Err(error) => {
                if !std::mem::replace(&mut self.takes_none, true) {
                    (self.say)(&format_args!("taking a connection: {error}"));
                }
                tokio::time::sleep(SETTLED).await;
            }
        }
    }

    /// Logs are to be opened anew, and the config file is to be read.
    fn hangup(&mut self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
        self.reload();
    }

    /// The config file is to be read, if there's one.
    fn reload(&mut self) {
        self.notify.reloading();
        if !self.work.reload() {
            self.notify.ready(&self.status.words());
        }
    }

    /// What was done to the filter is done.
    fn done(&mut self, outcome: Outcome) {
        if outcome.retry {
            self.work.look_at(Instant::now() + RETRY);
        }
        // Whoever has asked for it meanwhile is told of it once.
        if outcome.reread && !self.work.will_reload() {
            self.reload();
        }
        if outcome.is_reload {
            self.notify.ready(&self.status.words());
        } else if outcome.changed {
            self.notify.status(&self.status.words());
        }
    }

    /// Puts down everything.
    async fn end(self) {
        self.notify.stopping();
        drop(self.listener);
        if let Some(writer) = self.writer {
            writer.end().await;
        }
    }
}

/// Waits until something is told of interfaces, and takes it.
async fn interfaces(told: Option<&AsyncFd<LinkEvents>>) -> io::Result<bool> {
    let Some(told) = told else { return pending().await };
    let mut ready = told.readable().await?;
    let any = told.get_ref().drain();
    ready.clear_ready();
    any
}

async fn due(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Twice in the time within which the service manager wants to hear of it.
fn ticks(within: Duration) -> Interval {
    every((within / 2).max(Duration::from_millis(1)))
}

/// So often, but for what is missed.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn tick(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => pending().await,
    }
}
