//! Watching a filter: what it tells of single packets, as they come.
//!
//! The program tells nothing unless somebody watches, which is a lease that must be renewed: who is killed watches no more a moment later.
//! There's one ring of events, so one watches at a time.

use std::{
    fs,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt as _,
    },
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use aya::maps::{Array, Map, MapData, MapError, MapInfo, PerCpuArray, RingBuf};
use firewall_common::event::{
    Event,
    watch::{LeftOut, Pace, Watch},
};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    time::{ClockId, clock_gettime},
};

use super::{
    Error,
    clock::{Clock, jiffies_per_second},
    filter::Filter,
    shared::{EVENTS, LEFT_OUT, Shared, WATCH},
};

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(3);

/// How long it is until it's renewed.
const RENEWAL: Duration = Duration::from_secs(1);

/// Far longer than a packet is in the program's hands.
const SETTLED: Duration = Duration::from_millis(20);

/// Which packets are asked for. Only what is dropped or rejected, or let in by a rule with `log`, is ever told of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The reasons: a bit for each [`Reason::code`](firewall_common::verdict::Reason::code).
    pub reasons: u64,
    /// The verdicts: a bit for each [`Verdict::code`](firewall_common::verdict::Verdict::code).
    pub verdicts: u32,
    /// The classes: a bit for each [`Class::code`](firewall_common::fragment::Class::code).
    pub classes: u32,
    /// The slot that they're credited to ([`Slot::index`](firewall_common::rules::Slot::index)); any if it's `None`.
    pub slot: Option<u32>,
    /// How many a second are told of at most, and as many at once.
    pub rate: u32,
}

impl Asked {
    /// How much of the rate one kind of packets may have.
    const SHARE: u32 = 4;

    /// The same, as the program is told it.
    pub(super) fn watch(&self, until: u64, ticks: u32) -> Watch {
        let Self { reasons, verdicts, classes, slot, rate } = *self;
        Watch {
            until,
            reasons,
            verdicts,
            classes,
            slot: slot.unwrap_or(Watch::ANY_SLOT),
            reserved: 0,
            each: Pace::new(rate.div_ceil(Self::SHARE), ticks),
            all: Pace::new(rate, ticks),
        }
    }
}

/// Someone who watches. What is told is there to be read until this is dropped.
pub struct Watcher {
    events: RingBuf<MapData>,
    lease: Renewed,
    left_out: PerCpuArray<MapData, LeftOut>,
    /// How many had been left out before.
    before: u64,
    /// The id of the map by which the program is asked to tell.
    asks_by: u32,
}

/// A lease that is renewed by a thread of its own: whoever watches may wait for the filter's lock, or for somebody to read what was
/// printed, and what is told or left out meanwhile is still there, or counted.
#[derive(Debug)]
struct Renewed {
    lease: Arc<Mutex<Lease>>,
    /// Has the thread end.
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// That the program tells.
struct Lease {
    watch: Array<MapData, Watch>,
    asked: Asked,
    clock: Clock,
    ticks: u32,
    began: Instant,
    links: PathBuf,
    lock: Flock<fs::File>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Watcher {
    /// Begins to watch a filter.
    ///
    /// # Errors
    /// [`Error::Watched`] if somebody does already; or the kernel refuses.
    pub fn new(filter: &Filter, asked: Asked) -> Result<Self, Error> {
        let layout = filter.layout();
        // The directory is there as long as the filter, and nobody else locks it.
        let links = layout.links();
        let failed = |error| Error::os(links.display().to_string(), error);
        let directory = fs::File::open(&links).map_err(failed)?;
        let lock = match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Watched),
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let mut events = RingBuf::try_from(map(filter, &EVENTS)?).map_err(refused)?;
        let left_out = PerCpuArray::try_from(map(filter, &LEFT_OUT)?).map_err(refused)?;
        let watch = Array::try_from(map(filter, &WATCH)?).map_err(refused)?;
        // What is left of someone who was killed.
        while events.next().is_some() {}
        let lease = Lease {
            watch,
            asked,
            clock: Clock::now()?,
            ticks: jiffies_per_second()?,
            began: Instant::now(),
            links,
            lock,
        };
        let before = count(&left_out)?;
        let asks_by = id(filter)?;
        Ok(Self { events, left_out, before, asks_by, lease: Renewed::new(lease)? })
    }

    /// Asks for more time, as long as there's something to watch.
    ///
    /// # Errors
    /// [`Error::NotAttached`] if the filter was detached, also if there's another one now; or the kernel refuses.
    pub fn renew(&self) -> Result<(), Error> {
        self.lease.lock().renew()
    }

    /// Whether there's still something to watch in the filter that is in force.
    ///
    /// # Errors
    /// [`Error::NotAttached`] if the filter was detached, also if there's another one now; [`Error::TakenOver`] if its program has
    /// other tables now; or the kernel refuses.
    pub fn check(&self, filter: &Filter) -> Result<(), Error> {
        self.renew()?;
        if id(filter)? == self.asks_by { Ok(()) } else { Err(Error::TakenOver) }
    }

    /// The next packet that the program told of, if there's one.
    pub fn next_event(&mut self) -> Option<Event> {
        // What isn't a record isn't the program's.
        self.events.next().and_then(|record| Event::read(&record))
    }

    /// How many packets that were asked for it didn't tell of, for want of room or since there were too many.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn left_out(&self) -> Result<u64, Error> {
        Ok(count(&self.left_out)? - self.before)
    }

    /// Ends it: when this returns, all that will be told is there to be read, and all that is left out was counted.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn end(&mut self) -> Result<(), Error> {
        self.lease.end()?;
        // A packet may still be in the hands of the program, which had seen the lease.
        thread::sleep(SETTLED);
        Ok(())
    }
}

/// How many packets were left out, on all CPUs.
fn count(left_out: &PerCpuArray<MapData, LeftOut>) -> Result<u64, Error> {
    Ok(left_out.get(&0, 0).map_err(refused)?.iter().map(|left_out| left_out.packets).sum())
}

/// Readable when something is told.
impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

impl Renewed {
    fn new(mut lease: Lease) -> Result<Self, Error> {
        lease.renew()?;
        let lease = Arc::new(Mutex::new(lease));
        let (end, ended) = mpsc::channel();
        let own = Arc::clone(&lease);
        let renew = move || {
            // Whoever watches is told by `check` if it can't be renewed any more.
            while ended.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) && lock(&own).renew().is_ok()
            {
            }
        };
        let thread = thread::Builder::new().name("lease".to_owned()).spawn(renew);
        let thread = thread.map_err(|error| Error::os("starting a thread to watch the filter", error))?;
        Ok(Self { lease, end: Some(end), thread: Some(thread) })
    }

    fn lock(&self) -> MutexGuard<'_, Lease> {
        lock(&self.lease)
    }

    /// Takes it back, for good.
    fn end(&mut self) -> Result<(), Error> {
        self.end = None;
        // If it has panicked it renews nothing any more either.
        let _ = self.thread.take().map(thread::JoinHandle::join);
        self.lock().end()
    }
}

impl Drop for Renewed {
    fn drop(&mut self) {
        // If that fails the lease runs out by itself.
        let _ = self.end();
    }
}

fn lock(lease: &Mutex<Lease>) -> MutexGuard<'_, Lease> {
    lease.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lease {
    fn renew(&mut self) -> Result<(), Error> {
        // A filter that was attached meanwhile has another directory, and another ring.
        let is_there = self.lock.metadata().and_then(|own| Ok((own, fs::metadata(&self.links)?)));
        if !is_there.is_ok_and(|(own, now)| (own.dev(), own.ino()) == (now.dev(), now.ino())) {
            return Err(Error::NotAttached);
        }
        self.set(self.clock.after(self.began.elapsed() + LEASE))
    }

    fn end(&mut self) -> Result<(), Error> {
        self.set(0)
    }

    fn set(&mut self, until: u64) -> Result<(), Error> {
        self.watch.set(0, self.asked.watch(until, self.ticks), 0).map_err(refused)
    }
}

fn map(filter: &Filter, shared: &Shared) -> Result<Map, Error> {
    let path = filter.tables().known(shared, filter.document())?;
    let map = MapData::from_pin(&path).and_then(Map::from_map_data);
    map.map_err(|error| Error::aya(format!("opening {}", path.display()), error))
}

/// The id of the map by which a filter's program is asked to tell.
fn id(filter: &Filter) -> Result<u32, Error> {
    let path = filter.tables().pin(&WATCH);
    let info = MapInfo::from_pin(&path);
    info.map(|info| info.id()).map_err(|error| Error::aya(format!("opening {}", path.display()), error))
}

fn refused(error: MapError) -> Error {
    Error::aya("watching the filter", error)
}

/// The time of day at some nanoseconds since the machine was started.
pub fn time_of(nanoseconds: u64) -> SystemTime {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    let ago = now.saturating_sub(Duration::from_nanos(nanoseconds));
    SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)
}
