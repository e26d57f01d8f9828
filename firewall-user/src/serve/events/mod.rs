//! Events of single packets, written as they come, by a thread of its own: a slow disk keeps nobody else waiting.

mod file;
mod journal;

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use self::{file::File, journal::Journal};
use super::{Error, Say};
use crate::{
    kernel::{self, document::Document, filter::Filter, watch::Watcher},
    observe::{
        event::{Reader, Told, which::Which},
        metrics::Events,
    },
};

/// How long nothing is looked at, at most, when nothing is told.
const PAUSE: Duration = Duration::from_millis(500);
/// How long it is until a filter that can't be watched is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How many packets are read before anything else is looked at.
const BATCH: usize = 1024;
/// How long whoever ends waits for what is still being written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where events are to be written, and how many.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub target: Target,
    /// How many a second at most.
    pub rate: u32,
}

/// A place for events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// systemd's journal.
    Journal,
    /// A file, that is appended to.
    File(PathBuf),
}

/// Events are to be written, and can be.
#[derive(Debug)]
pub(super) struct Opened {
    sink: Sink,
    rate: u32,
}

#[derive(Debug)]
enum Sink {
    Journal(Journal),
    File(File),
}

impl Options {
    /// Opens the file. Whether there's a journal will be seen.
    pub(super) fn open(self) -> Result<Opened, Error> {
        let sink = match self.target {
            Target::Journal => Sink::Journal(Journal::new()?),
            Target::File(path) => {
                let doing = format!("opening {}, for events", path.display());
                Sink::File(File::open(path).map_err(|error| Error::system(doing, error))?)
            }
        };
        Ok(Opened { sink, rate: self.rate })
    }
}

/// What has become of events so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    is_watching: AtomicBool,
    written: AtomicU64,
    left_out: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    pub(super) fn read(&self) -> Events {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Events {
            watching: self.is_watching.load(Ordering::Relaxed),
            written: of(&self.written),
            left_out: of(&self.left_out),
            failed: of(&self.failed),
        }
    }
}

/// What the thread is asked to do.
#[derive(Debug, Default)]
struct Asked {
    end: AtomicBool,
    reopen: AtomicBool,
}

/// A thread that writes events.
#[derive(Debug)]
pub(super) struct Writer {
    asked: Arc<Asked>,
    counts: Arc<Counts>,
    wake: PipeWriter,
    ended: oneshot::Receiver<()>,
}

impl Writer {
    /// Starts it.
    pub(super) fn start(bpffs: PathBuf, Opened { sink, rate }: Opened, say: Say) -> io::Result<Self> {
        let (asked, counts) = (Arc::<Asked>::default(), Arc::<Counts>::default());
        let (woken, wake) = io::pipe()?;
        let (end, ended) = oneshot::channel();
        let work = Work {
            bpffs,
            sink,
            rate,
            say,
            asked: Arc::clone(&asked),
            counts: Arc::clone(&counts),
            woken,
            complaint: None,
            has_failed: false,
        };
        thread::Builder::new().name("events".to_owned()).spawn(move || {
            work.run();
            // Nobody may be waiting for it.
            let _ = end.send(());
        })?;
        Ok(Self { asked, counts, wake, ended })
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Has the file opened anew: its name may be another's by now.
    pub(super) fn reopen(&self) {
        self.asked.reopen.store(true, Ordering::Release);
        self.wake();
    }

    /// Has it end, and waits for what is still to be written, though not for long.
    pub(super) async fn end(self) {
        self.asked.end.store(true, Ordering::Release);
        self.wake();
        let _ = tokio::time::timeout(PATIENCE, self.ended).await;
    }

    fn wake(&self) {
        // A byte for each request; a thread that has ended needs none.
        let _ = (&self.wake).write_all(&[0]);
    }
}

/// The thread's own.
struct Work {
    bpffs: PathBuf,
    sink: Sink,
    rate: u32,
    say: Say,
    asked: Arc<Asked>,
    counts: Arc<Counts>,
    woken: PipeReader,
    /// Why the filter isn't watched, as it was said.
    complaint: Option<String>,
    /// Whether the last event couldn't be written, which was said.
    has_failed: bool,
}

impl Work {
    /// Watches the filter whenever there's one to be watched.
    fn run(mut self) {
        while !self.is_to_end() {
            let ended = self.watch().and_then(|(mut watcher, mut reader)| {
                self.counts.is_watching.store(true, Ordering::Relaxed);
                self.follow(&mut watcher, &mut reader)
            });
            self.counts.is_watching.store(false, Ordering::Relaxed);
            if let Err(error) = ended {
                self.complain(error);
                self.pause(None, RETRY);
                self.reopen();
            }
        }
    }

    fn is_to_end(&self) -> bool {
        self.asked.end.load(Ordering::Acquire)
    }

    /// Begins to watch. The filter's lock isn't held while that lasts.
    fn watch(&mut self) -> Result<(Watcher, Reader), kernel::Error> {
        let filter = Filter::open(&self.bpffs)?;
        let watcher = Watcher::new(&filter, Which::default().asked(self.rate))?;
        (self.say)(&format_args!("writing events of {}", filter.interface_names().join(", ")));
        self.complaint = None;
        Ok((watcher, Reader::new(filter.document().clone())))
    }

    /// Writes what is told until it's to end or the filter can't be watched any more.
    fn follow(&mut self, watcher: &mut Watcher, reader: &mut Reader) -> Result<(), kernel::Error> {
        let (mut looked, mut left_out) = (Instant::now(), 0);
        while !self.is_to_end() {
            self.pause(Some(watcher), PAUSE);
            self.reopen();
            self.drain(watcher, reader, BATCH);
            if looked.elapsed() < RETRY {
                continue;
            }
            looked = Instant::now();
            let filter = Filter::open(&self.bpffs)?;
            watcher.check(&filter)?;
            reader.change(filter.document().clone());
            drop(filter);
            self.count_left_out(watcher, &mut left_out)?;
        }
        watcher.end()?;
        self.drain(watcher, reader, usize::MAX);
        self.count_left_out(watcher, &mut left_out)
    }

    fn count_left_out(&self, watcher: &Watcher, before: &mut u64) -> Result<(), kernel::Error> {
        let now = watcher.left_out()?;
        self.counts.left_out.fetch_add(now - *before, Ordering::Relaxed);
        *before = now;
        Ok(())
    }

    /// Writes what was told, so many packets at most.
    fn drain(&mut self, watcher: &mut Watcher, reader: &mut Reader, most: usize) {
        let mut left = most;
        while left > 0 {
            let mut batch = Vec::new();
            while batch.len() < BATCH.min(left) {
                let Some(event) = watcher.next_event() else { break };
                if reader.is_unknown(&event) {
                    // If the filter has been detached meanwhile, that is found out soon enough.
                    if let Ok(document) = learn(&self.bpffs) {
                        reader.change(document);
                    }
                    // What isn't known now has gone, and isn't asked for again.
                    reader.is_unknown(&event);
                }
                batch.extend(reader.read(&event));
            }
            if batch.is_empty() {
                return;
            }
            left -= batch.len();
            self.write(&batch);
        }
    }

    fn write(&mut self, batch: &[Told]) {
        let (written, result) = match &mut self.sink {
            Sink::File(file) => file.write(batch),
            Sink::Journal(journal) => journal.write(batch),
        };
        self.counts.written.fetch_add(written, Ordering::Relaxed);
        self.counts.failed.fetch_add(batch.len() as u64 - written, Ordering::Relaxed);
        let failed = result.is_err();
        match result {
            Err(error) if !self.has_failed => (self.say)(&format_args!(
                "writing events to {}: {error}; they're lost until that is mended",
                self.sink.name()
            )),
            Ok(()) if self.has_failed => (self.say)(&"events are written again"),
            _ => {}
        }
        self.has_failed = failed;
    }

    /// Opens the file anew if that was asked for. If it can't be opened, the old one is written to.
    fn reopen(&mut self) {
        if !self.asked.reopen.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Sink::File(file) = &mut self.sink
            && let Err(error) = file.reopen()
        {
            (self.say)(&format_args!("opening {} anew: {error}; the old file is written to", file.name()));
        }
    }

    /// Says why the filter isn't watched, once.
    fn complain(&mut self, error: kernel::Error) {
        let words = match error {
            kernel::Error::NotAttached => "no events: no filter is attached".to_owned(),
            kernel::Error::Watched => {
                "no events: another `fragwall monitor`, `top` or `serve` watches this filter, and only one can at a \
                 time; it's tried again until it has ended"
                    .to_owned()
            }
            error => format!("no events: {:#}", anyhow::Error::from(error)),
        };
        if self.complaint.as_ref() != Some(&words) {
            (self.say)(&words);
            self.complaint = Some(words);
        }
    }

    /// Waits until something is told or asked for, or for a while.
    fn pause(&mut self, watcher: Option<&Watcher>, pause: Duration) {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![readable(self.woken.as_fd())];
        fds.extend(watcher.map(|watcher| readable(watcher.as_fd())));
        let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::ZERO);
        // An interrupted wait is a short one.
        let woken = poll(&mut fds, timeout).is_ok() && fds[0].any().unwrap_or(false);
        if woken {
            // What is asked for is looked at next; a byte that says so may be left for later.
            let _ = self.woken.read(&mut [0; 64]);
        }
    }
}

impl Sink {
    fn name(&self) -> String {
        match self {
            Self::Journal(_) => "the journal".to_owned(),
            Self::File(file) => file.name(),
        }
    }
}

fn learn(bpffs: &Path) -> Result<Document, kernel::Error> {
    Ok(Filter::open(bpffs)?.document().clone())
}
