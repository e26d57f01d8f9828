//! Reading the filter, in a thread: other commands may hold its lock for a while, and keys are answered all the same.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use firewall_common::verdict::Verdict;

use super::{
    model::{Line, Watching},
    post::{Message, Post},
};
use crate::{
    kernel::{Error, filter::Filter, watch::Watcher},
    observe::{
        event::{Reader, which::Which},
        stats::Stats,
    },
};

/// How many packets a second the filter is asked to tell of: as many as somebody can look at.
const RATE: u32 = 20;
/// How long nothing is read, at most, that the filter tells.
const PAUSE: Duration = Duration::from_millis(500);
/// How many are read at once.
const BATCH: usize = 512;

/// What a filter has counted, and how it stands.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// When it was read, on a clock that isn't set …
    pub(super) at: Duration,
    /// … and as the time of day.
    pub(super) time: SystemTime,
    /// What it has counted.
    pub(super) stats: Stats,
    /// How long it is until its last change is undone, if that awaits confirmation.
    pub(super) pending: Option<Duration>,
}

impl Snapshot {
    /// Reads one, and the filter with it.
    ///
    /// # Errors
    /// Nothing is attached, or the filter can't be read.
    pub(super) fn read(bpffs: &Path, began: Instant) -> Result<(Self, Filter), Error> {
        let filter = Filter::open(bpffs)?;
        let (at, time) = (began.elapsed(), SystemTime::now());
        let (stats, pending) = (Stats::read(&filter)?, filter.time_left()?);
        Ok((Self { at, time, stats, pending }, filter))
    }
}

/// What reads it.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Where its state is.
    pub(super) bpffs: PathBuf,
    /// When the clock began.
    pub(super) began: Instant,
    /// Where to tell it.
    pub(super) post: Post,
    /// Held while it may hold the filter's lock: a process that stops then is in every other command's way.
    pub(super) reading: Arc<Mutex<()>>,
}

/// Who listens to what the filter tells.
#[derive(Debug)]
struct Listener {
    watcher: Watcher,
    reader: Reader,
}

impl Sampler {
    /// Reads the filter each time that it's requested, until nobody can any more.
    pub(super) fn spawn(mut self, requests: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
        let work = move || {
            let mut listener = None;
            loop {
                let request = requests.recv_timeout(PAUSE);
                let reading = Arc::clone(&self.reading);
                let _reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
                let listens = match request {
                    Ok(()) => self.sample(&mut listener),
                    Err(RecvTimeoutError::Timeout) => true,
                    Err(RecvTimeoutError::Disconnected) => false,
                };
                if !listens || !self.listen(&mut listener) {
                    break;
                }
            }
        };
        thread::Builder::new().name("sampler".to_owned()).spawn(work)
    }

    /// Reads the filter; says whether anybody listens.
    fn sample(&mut self, listener: &mut Option<Listener>) -> bool {
        let read = Snapshot::read(&self.bpffs, self.began).and_then(|(snapshot, filter)| {
            // Another version that has taken the filter over tells elsewhere.
            let still = listener.take().filter(|listener| listener.watcher.check(&filter).is_ok());
            *listener = still;
            let watching = match listener {
                Some(listener) => {
                    listener.reader.change(filter.document().clone());
                    Watching::Yes
                }
                None => begin(&filter, listener)?,
            };
            Ok((snapshot, watching))
        });
        match read {
            Ok((snapshot, watching)) => {
                let told =
                    watching == Watching::Yes || self.post.tell(Message::Drops(Vec::new(), 0, watching));
                told && self.post.tell(Message::Sample(Ok(Box::new(snapshot))))
            }
            Err(error) => {
                *listener = None;
                self.post.tell(Message::Sample(Err(error)))
            }
        }
    }

    /// Reads what the filter tells; says whether anybody listens.
    fn listen(&mut self, listener: &mut Option<Listener>) -> bool {
        let Some(listening) = listener else { return true };
        match listening.hear(&self.bpffs) {
            Ok((lines, left_out)) => self.post.tell(Message::Drops(lines, left_out, Watching::Yes)),
            // Whether the filter has gone, or what else is wrong, is found out by the next look at its counters.
            Err(_) => {
                *listener = None;
                self.post.tell(Message::Drops(Vec::new(), 0, Watching::NotYet))
            }
        }
    }
}

/// Begins to listen, unless somebody else does.
fn begin(filter: &Filter, listener: &mut Option<Listener>) -> Result<Watching, Error> {
    let which = Which { verdicts: vec![Verdict::Drop, Verdict::Reject], ..Which::default() };
    match Watcher::new(filter, which.asked(RATE)) {
        Ok(watcher) => {
            let reader = Reader::new(filter.document().clone());
            *listener = Some(Listener { watcher, reader });
            Ok(Watching::Yes)
        }
        Err(Error::Watched) => Ok(Watching::Elsewhere),
        Err(error) => Err(error),
    }
}

impl Listener {
    /// What was told, and how many more there were.
    fn hear(&mut self, bpffs: &Path) -> Result<(Vec<Line>, u64), Error> {
        self.watcher.renew()?;
        let mut lines = Vec::new();
        while lines.len() < BATCH
            && let Some(event) = self.watcher.next_event()
        {
            if self.reader.is_unknown(&event) {
                self.reader.change(Filter::open(bpffs)?.document().clone());
                // What isn't known now has gone, and isn't asked for again.
                self.reader.is_unknown(&event);
            }
            let told = self.reader.read(&event);
            lines.extend(told.and_then(|told| {
                let verdict = Verdict::ALL.into_iter().find(|one| one.name() == told.verdict)?;
                Some(Line { verdict, text: told.to_string() })
            }));
        }
        Ok((lines, self.watcher.left_out()?))
    }
}
