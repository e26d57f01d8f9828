//! A terminal with a shell on it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{Daemon, run_cleanup, run_ok, tool};
use firewall_tests::harness::{interrupt, requirements, temporary_directory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Far longer than anything takes; only what went wrong is waited for as long.
const LIMIT: Duration = Duration::from_secs(60);
/// The name of tmux's socket, in a directory of the terminal's own.
const SOCKET: &str = "fragwall-top";

/// A terminal of a tmux server of its own, which ends with this.
pub(crate) struct Terminal {
    server: Option<Daemon>,
    directory: TempDir,
    fragwall: String,
}

impl Terminal {
    /// One of so many columns and rows, on which a shell waits for what is typed.
    pub(crate) fn new(host: &Host, width: u16, height: u16) -> Result<Self> {
        requirements::require(&["tmux", "bash", "stty"])?;
        let directory = temporary_directory("top")?;
        let words = host.fragwall().command()?;
        let words: Vec<String> = [words.get_program()]
            .into_iter()
            .chain(words.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut terminal = Self { server: None, directory, fragwall: words.join(" ") };
        let log = terminal.directory.path().join("log");
        let mut server = Daemon::spawn(terminal.tmux().arg("-D"), &log)?;
        server.wait_until(|| run_ok(terminal.tmux().args(["show-options", "-s"])).is_ok(), LIMIT)?;
        terminal.server = Some(server);
        let [width, height] = [width, height].map(|size| size.to_string());
        let shell =
            "exec env -u NO_COLOR -u SSH_CONNECTION LC_ALL=C.UTF-8 PS1='ready> ' bash --norc --noprofile";
        run_ok(terminal.tmux().args([
            "new-session",
            "-d",
            "-s",
            "main",
            "-x",
            &width,
            "-y",
            &height,
            shell,
        ]))?;
        terminal.shows("ready>")?;
        Ok(terminal)
    }

    fn tmux(&self) -> std::process::Command {
        let mut command = tool("tmux");
        command.args(["-u", "-L", SOCKET, "-f", "/dev/null"]);
        command.env("TMUX_TMPDIR", self.directory.path()).env("LC_ALL", "C.UTF-8").env_remove("TMUX");
        command
    }

    /// Types a text and the return key.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        self.types(text)?;
        self.key("Enter")
    }

    /// Types a text.
    pub(crate) fn types(&self, text: &str) -> Result<()> {
        run_ok(self.tmux().args(["send-keys", "-t", "main", "-l", text])).map(drop)
    }

    /// Presses a key, by tmux's name for it.
    pub(crate) fn key(&self, name: &str) -> Result<()> {
        run_ok(self.tmux().args(["send-keys", "-t", "main", name])).map(drop)
    }

    /// Starts `fragwall top` with these arguments, and waits until it's there.
    pub(crate) fn top(&self, arguments: &str) -> Result<()> {
        self.line(&format!("{} top {arguments}", self.fragwall))?;
        self.until("the view is there", |screen| screen.starts_with("fragwall top "))
    }

    /// Has the shell run `fragwall` with these arguments.
    pub(crate) fn fragwall(&self, arguments: &str) -> Result<()> {
        self.line(&format!("{} {arguments}", self.fragwall))
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> Result<String> {
        let output = run_ok(self.tmux().args(["capture-pane", "-p", "-t", "main"]))?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The same, with the sequences that colour it.
    pub(crate) fn coloured(&self) -> Result<String> {
        let output = run_ok(self.tmux().args(["capture-pane", "-p", "-e", "-t", "main"]))?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Waits until the screen is as it should be.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let screen = self.screen()?;
            if holds(&screen) {
                return Ok(());
            }
            interrupt::check()?;
            if start.elapsed() > LIMIT {
                bail!("not so after {} s: {what}\n{screen}", LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Waits until a text is on the screen.
    pub(crate) fn shows(&self, text: &str) -> Result<()> {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until a text isn't on the screen.
    pub(crate) fn hides(&self, text: &str) -> Result<()> {
        self.until(&format!("no {text}"), |screen| !screen.contains(text))
    }

    /// Changes its size.
    pub(crate) fn resize(&self, width: u16, height: u16) -> Result<()> {
        let [width, height] = [width, height].map(|size| size.to_string());
        run_ok(self.tmux().args(["resize-window", "-t", "main", "-x", &width, "-y", &height])).map(drop)
    }

    /// Whether it shows its alternate screen, and its cursor.
    pub(crate) fn state(&self) -> Result<(bool, bool)> {
        let state = self.format("#{alternate_on} #{cursor_flag}")?;
        let (alternate, cursor) = state.split_once(' ').context("tmux doesn't tell")?;
        Ok((alternate == "1", cursor == "1"))
    }

    fn format(&self, format: &str) -> Result<String> {
        let output = run_ok(self.tmux().args(["display-message", "-p", "-t", "main", format]))?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Its settings, as `stty -a` says. Nothing may run but the shell.
    pub(crate) fn settings(&self, label: &str) -> Result<String> {
        let file = self.directory.path().join(label);
        self.line(&format!("stty -a > {0}.new && mv {0}.new {0}", file.display()))?;
        self.until("stty has ended", |_| file.exists())?;
        Ok(fs::read_to_string(&file)?)
    }

    /// Sends a signal to what the shell runs.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let children = self.children()?;
        Ok(kill(Pid::from_raw(*children.first().context("the shell runs nothing")?), signal)?)
    }

    /// Ends what the shell runs by the key for it.
    pub(crate) fn quit(&self) -> Result<()> {
        self.key("q")?;
        self.ended()
    }

    /// Waits until the shell runs nothing, so that what is typed is for it.
    pub(crate) fn ended(&self) -> Result<()> {
        self.until("it has ended", |_| self.is_idle().unwrap_or(false))
    }

    fn is_idle(&self) -> Result<bool> {
        Ok(self.children()?.is_empty())
    }

    fn children(&self) -> Result<Vec<i32>> {
        let shell = self.format("#{pane_pid}")?;
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"))?;
        Ok(children.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What runs on the terminal is hung up.
        if self.server.is_some()
            && let Err(error) = run_cleanup(self.tmux().arg("kill-server"))
        {
            eprintln!("a terminal is left: {error:#}");
        }
    }
}
