//! The loop: keys, signals and what was read of the filter, one after another, and a frame for what has changed.

use std::{
    io::{self, BufWriter, Stdout},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, MutexGuard, TryLockError,
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use ratatui::{backend::CrosstermBackend, crossterm::event::KeyEvent};

use super::{
    Error, Options, draw, input,
    keys::{self, Action},
    model::{Effect, Model},
    post::{Inbox, Message, Post, post},
    sampler::Sampler,
    signals::{Asked, Signals, Who},
    terminal::Terminal,
    theme::Theme,
};
use crate::kernel;

/// How much of a frame is written at once.
const BUFFER: usize = 1 << 16;
/// How long the thread that reads the filter has to be done with that. It may have to wait for another command, too.
const LAST: Duration = Duration::from_secs(1);

type Screen = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// All that the loop goes on.
#[derive(Debug)]
pub(super) struct Loop {
    model: Model,
    theme: Theme,
    signals: Signals,
    terminal: Terminal,
    screen: Screen,
    inbox: Inbox,
    /// The thread that reads the filter, and how it's asked to.
    sampler: JoinHandle<()>,
    requests: Option<Sender<()>>,
    /// Held by it while it reads.
    reading: Arc<Mutex<()>>,
    /// When it was asked last, and whether it hasn't answered yet.
    asked: Instant,
    waiting: bool,
}

/// Whether the loop goes on.
type Goes = bool;

impl Loop {
    /// Takes over signals and the terminal.
    pub(super) fn new(options: &Options, began: Instant, model: Model, theme: Theme) -> Result<Self, Error> {
        let reading = Arc::default();
        let parts = || -> io::Result<_> {
            // Before any thread is started, so that none of them gets one.
            let signals = Signals::new()?;
            let terminal = Terminal::of_process()?;
            let (to, inbox) = post()?;
            let (requests, requested) = channel();
            let sampler = sampler(options, began, to.try_clone()?, &reading).spawn(requested)?;
            terminal.enter()?;
            input::spawn(to)?;
            Ok((signals, terminal, inbox, requests, sampler, screen()?))
        };
        let (signals, terminal, inbox, requests, sampler, screen) = parts().map_err(Error::Terminal)?;
        let requests = Some(requests);
        // At once again: one look at the counters tells no rates.
        let asked = began;
        let waiting = false;
        Ok(Self {
            model,
            theme,
            signals,
            terminal,
            screen,
            inbox,
            sampler,
            requests,
            reading,
            asked,
            waiting,
        })
    }

    /// Goes on until it's asked to end.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let mut goes = self.draw()?;
        while goes {
            self.request();
            goes = self.wait().map_err(Error::Terminal)?
                && self.take_signals().map_err(Error::Terminal)?
                && self.take_messages()?
                && self.draw()?;
        }
        self.terminal.leave();
        self.end();
        Ok(())
    }

    /// Asks for the counters when it's time.
    fn request(&mut self) {
        if !self.waiting && self.pause() == Some(Duration::ZERO) {
            self.asked = Instant::now();
            // If the thread has ended, that is found out when the message is missing.
            self.waiting = self.requests.as_ref().is_some_and(|requests| requests.send(()).is_ok());
        }
    }

    /// How long there's nothing to do; `None` if that is until something comes.
    fn pause(&self) -> Option<Duration> {
        let idle = self.waiting || self.model.paused;
        (!idle).then(|| self.model.interval.saturating_sub(self.asked.elapsed()))
    }

    /// Waits until there's something to do. It ends if the terminal has gone.
    fn wait(&self) -> io::Result<Goes> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        // Keys are read by another thread.
        let tty = PollFd::new(self.terminal.as_fd(), PollFlags::empty());
        let mut fds = [tty, readable(self.signals.as_fd()), readable(self.inbox.as_fd())];
        let timeout = match self.pause() {
            // One that has begun counts whole: else it would be looked again and again in the last of them.
            Some(pause) => {
                PollTimeout::try_from(pause + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
            }
            None => PollTimeout::NONE,
        };
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        Ok(!fds[0].revents().is_some_and(|events| events.intersects(gone)))
    }

    fn take_signals(&mut self) -> io::Result<Goes> {
        while let Some(asked) = self.signals.next()? {
            match asked {
                Asked::End => return Ok(false),
                Asked::Stop => {
                    if !self.suspend(Who::Process)? {
                        return Ok(false);
                    }
                }
                Asked::Continue => self.renew()?,
                // The frame is made as large as the terminal is then.
                Asked::Resize => {}
            }
        }
        Ok(true)
    }

    fn take_messages(&mut self) -> Result<Goes, Error> {
        if self.sampler.is_finished() {
            return Err(Error::Stopped);
        }
        if !self.has_messages().map_err(Error::Terminal)? {
            return Ok(true);
        }
        for message in self.inbox.take().map_err(Error::Terminal)? {
            match message {
                Message::Key(key) => {
                    if !self.key(key).map_err(Error::Terminal)? {
                        return Ok(false);
                    }
                }
                Message::NoKeys(error) => return Err(Error::Terminal(error)),
                Message::Drops(lines, left_out, watching) => self.model.told(lines, left_out, watching),
                Message::Sample(sample) => {
                    self.waiting = false;
                    match sample {
                        Ok(snapshot) => self.model.sample(*snapshot),
                        Err(kernel::Error::NotAttached) => self.model.detach(),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(true)
    }

    fn has_messages(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut fds, PollTimeout::ZERO)? > 0)
    }

    fn key(&mut self, key: KeyEvent) -> io::Result<Goes> {
        let action = if self.model.typing {
            match keys::edit(key) {
                Ok(edit) => {
                    self.model.edit(edit);
                    None
                }
                Err(action) => action,
            }
        } else {
            keys::action(key)
        };
        let effect = action.map_or(Effect::Draw, |action: Action| self.model.act(action));
        match effect {
            Effect::Draw => Ok(true),
            Effect::Redraw => self.renew().map(|()| true),
            Effect::Suspend => self.suspend(Who::Group),
            Effect::Quit => Ok(false),
        }
    }

    /// Gives the terminal back, stops, and takes it over again when it goes on, unless it's asked to end then.
    fn suspend(&mut self, who: Who) -> io::Result<Goes> {
        self.terminal.leave();
        let reading = Arc::clone(&self.reading);
        let settled = settled(&reading);
        self.signals.stop(who)?;
        drop(settled);
        // Whoever ends a stopped process lets it go on for that, in the background: the terminal isn't its own then.
        while let Some(asked) = self.signals.next()? {
            if asked == Asked::End {
                return Ok(false);
            }
        }
        self.renew().map(|()| true)
    }

    /// Makes sure that the terminal is taken over, and forgets what it shows.
    fn renew(&mut self) -> io::Result<()> {
        self.terminal.enter()?;
        self.screen = screen()?;
        Ok(())
    }

    fn draw(&mut self) -> Result<Goes, Error> {
        if !self.terminal.is_entered() {
            return Err(Error::Stopped);
        }
        let (model, theme) = (&self.model, self.theme);
        self.screen.draw(|frame| draw::draw(frame, model, theme)).map_err(Error::Terminal)?;
        Ok(true)
    }

    /// Lets the thread that reads the filter end.
    fn end(mut self) {
        self.requests = None;
        let end = Instant::now() + LAST;
        while !self.sampler.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn sampler(options: &Options, began: Instant, post: Post, reading: &Arc<Mutex<()>>) -> Sampler {
    Sampler { bpffs: options.bpffs.clone(), began, post, reading: Arc::clone(reading) }
}

/// That the filter isn't being read, and won't be as long as this is kept; `None` if that takes too long: what reads it then waits for
/// a command that has the lock, and doesn't have it itself.
fn settled(reading: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    let end = Instant::now() + LAST;
    loop {
        match reading.try_lock() {
            Ok(settled) => return Some(settled),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(_) => return None,
        }
    }
}

/// What draws on a screen that shows nothing.
fn screen() -> io::Result<Screen> {
    ratatui::Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(BUFFER, io::stdout())))
}
