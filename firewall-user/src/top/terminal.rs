//! The terminal: taken over, and given back as it was, however that ends.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd, BorrowedFd},
    panic::{self, PanicHookInfo},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use nix::{
    libc,
    sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr},
};
use ratatui::crossterm::{
    cursor::{Hide, Show},
    execute,
    terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen},
};

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// A terminal that is taken over from when it's entered until it's left: it's in raw mode, and shows its alternate screen without a
/// cursor. It's left at the latest when this is dropped or any thread panics, before that is told.
pub(super) struct Terminal {
    taken: Arc<Taken>,
    previous: Hook,
}

/// What is needed to give it back.
#[derive(Debug)]
struct Taken {
    /// Where keys come from.
    input: File,
    /// Where it's drawn.
    output: File,
    /// How it was.
    before: libc::termios,
    entered: AtomicBool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Terminal {
    /// The one on standard input and output. If standard input is none, keys come from the one that controls the process.
    ///
    /// # Errors
    /// There's none.
    pub(super) fn of_process() -> io::Result<Self> {
        let input = if io::stdin().is_terminal() {
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open("/dev/tty")?
        };
        Self::new(input, File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    fn new(input: File, output: File) -> io::Result<Self> {
        let before = tcgetattr(&input)?.into();
        let taken = Arc::new(Taken { input, output, before, entered: AtomicBool::new(false) });
        let previous: Hook = Arc::from(panic::take_hook());
        let (left, told) = (Arc::clone(&taken), Arc::clone(&previous));
        panic::set_hook(Box::new(move |panic| {
            left.leave();
            told(panic);
        }));
        Ok(Self { taken, previous })
    }

    /// Takes it over; or makes sure that it still is, if it was somebody else's meanwhile.
    ///
    /// # Errors
    /// It has gone.
    pub(super) fn enter(&self) -> io::Result<()> {
        let Taken { input, output, before, entered } = &*self.taken;
        entered.store(true, Ordering::SeqCst);
        let mut raw = Termios::from(*before);
        cfmakeraw(&mut raw);
        tcsetattr(input, SetArg::TCSADRAIN, &raw)?;
        execute!(&*output, EnterAlternateScreen, Hide, Clear(ClearType::All))
    }

    /// Gives it back.
    pub(super) fn leave(&self) {
        self.taken.leave();
    }

    /// Whether it's taken over: it isn't any more after a panic of any thread.
    pub(super) fn is_entered(&self) -> bool {
        self.taken.entered.load(Ordering::SeqCst)
    }
}

impl Taken {
    fn leave(&self) {
        if self.entered.swap(false, Ordering::SeqCst) {
            // If it has gone there's nobody to mind.
            let _ = execute!(&self.output, Show, LeaveAlternateScreen);
            let _ = (&self.output).flush();
            let _ = tcsetattr(&self.input, SetArg::TCSADRAIN, &Termios::from(self.before));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
        // A thread that panics may not change what is done about panics.
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous);
            panic::set_hook(Box::new(move |panic| previous(panic)));
        }
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.taken.input.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, panic::catch_unwind};

    use nix::{pty::openpty, sys::termios::LocalFlags};

    use super::*;

    /// What was written to the terminal until now.
    fn written(master: &mut File) -> String {
        let mut bytes = vec![0; 4096];
        let length = master.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// One test alone, since what is done about panics is the whole process's.
    #[test]
    fn it_is_given_back_however_that_ends() {
        let pty = openpty(None, None).unwrap();
        let (mut master, slave) = (File::from(pty.master), File::from(pty.slave));
        let state = || libc::termios::from(tcgetattr(&slave).unwrap());
        let before = state();
        let is_raw = || !tcgetattr(&slave).unwrap().local_flags.contains(LocalFlags::ICANON);
        let terminal = || Terminal::new(slave.try_clone().unwrap(), slave.try_clone().unwrap()).unwrap();
        let (entering, leaving) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");

        // Left, entered again, and left by going away.
        let taken = terminal();
        assert!(!taken.is_entered() && state() == before);
        for _ in 0..2 {
            taken.enter().unwrap();
            assert!(is_raw() && taken.is_entered());
            assert!(written(&mut master).contains(entering));
            taken.leave();
            // Once.
            taken.leave();
            assert_eq!((state(), written(&mut master).as_str()), (before, leaving));
        }
        taken.enter().unwrap();
        written(&mut master);
        drop(taken);
        assert_eq!((state(), written(&mut master).as_str()), (before, leaving));

        // By a panic, before that is told, in this thread and in another.
        let told_of = Arc::new(AtomicBool::new(false));
        let silent = panic::take_hook();
        let (telling, seen) = (Arc::clone(&told_of), slave.try_clone().unwrap());
        panic::set_hook(Box::new(move |_| {
            let local = tcgetattr(&seen).unwrap().local_flags;
            telling.store(local.contains(LocalFlags::ICANON), Ordering::SeqCst);
        }));
        let taken = terminal();
        taken.enter().unwrap();
        written(&mut master);
        assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
        assert!(told_of.swap(false, Ordering::SeqCst), "the terminal is as it was when it's told");
        assert!(!taken.is_entered() && state() == before);
        assert_eq!(written(&mut master), leaving);
        drop(taken);
        let (again, fails) = (terminal(), || panic!("on purpose"));
        again.enter().unwrap();
        written(&mut master);
        assert!(catch_unwind(fails).is_err());
        assert!(told_of.load(Ordering::SeqCst) && state() == before);
        assert_eq!(written(&mut master), leaving);
        drop(again);
        panic::set_hook(silent);
    }
}
