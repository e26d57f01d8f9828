//! A `fragwall serve` that runs, and who asks it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::host::Host;
use super::process::Daemon;
use super::temporary_directory;

/// Far longer than anything takes; only what went wrong is waited for as long.
pub const LIMIT: Duration = Duration::from_secs(60);

/// One that serves. It ends with this.
#[derive(Debug)]
pub struct Serving<'h> {
    /// Where it serves.
    pub host: &'h Host,
    /// Its process.
    pub daemon: Daemon,
    directory: TempDir,
    address: Option<SocketAddr>,
}

/// What it answers.
#[derive(Debug)]
pub struct Answer {
    /// Its status, 200 if all is well.
    pub status: u16,
    /// Its headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What is behind them.
    pub body: String,
}

impl<'h> Serving<'h> {
    /// Starts one with these arguments, and waits until it serves.
    ///
    /// # Errors
    /// It can't be started, or ends before it serves; what it said is quoted.
    pub fn new(host: &'h Host, arguments: &[&str]) -> Result<Self> {
        let mut command = host.fragwall().command()?;
        command.arg("serve").args(arguments);
        Self::run(host, &mut command)
    }

    /// The same of a command that is made up already.
    ///
    /// # Errors
    /// As [`Serving::new`].
    pub fn run(host: &'h Host, command: &mut Command) -> Result<Self> {
        let directory = temporary_directory("serve")?;
        let log = directory.path().join("log");
        let daemon = Daemon::spawn(command, &log)?;
        let mut serving = Self { host, daemon, directory, address: None };
        serving.says("metrics at ")?;
        let said = serving.daemon.log();
        let (_, url) = said.split_once("metrics at ").context("it doesn't say where")?;
        if let Some((address, _)) =
            url.strip_prefix("http://").and_then(|address| address.split_once("/metrics"))
        {
            serving.address = Some(address.parse()?);
        }
        Ok(serving)
    }

    /// Waits until it has said that.
    ///
    /// # Errors
    /// It ends before, or doesn't say so for very long.
    pub fn says(&mut self, words: &str) -> Result<()> {
        self.says_times(words, 1)
    }

    /// Waits until it has said that so many times.
    ///
    /// # Errors
    /// As [`Serving::says`].
    pub fn says_times(&mut self, words: &str, times: usize) -> Result<()> {
        let log = self.directory.path().join("log");
        let said = || fs::read_to_string(&log).is_ok_and(|said| said.matches(words).count() >= times);
        self.daemon.wait_until(said, LIMIT).with_context(|| format!("it doesn't say {words:?}"))
    }

    /// Waits until something holds of it.
    ///
    /// # Errors
    /// That can't be told, or it never comes true.
    pub fn until(&self, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = std::time::Instant::now();
        while !holds(self)? {
            ensure!(start.elapsed() < LIMIT, "it never comes true: {}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A connection to it.
    ///
    /// # Errors
    /// It isn't reached by TCP, or takes no connection.
    pub fn connect(&self) -> Result<TcpStream> {
        let address = self.address.context("it isn't reached by TCP")?;
        let stream = self.host.netns.enter(|| Ok(TcpStream::connect_timeout(&address, LIMIT)?))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    /// Asks for something.
    ///
    /// # Errors
    /// There's no connection, or no answer.
    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Result<Answer> {
        ask(self.connect()?, method, path, headers)
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// As [`Serving::ask`].
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Asks for the metrics; the value of each sample, by its name and labels.
    ///
    /// # Errors
    /// As [`Serving::ask`], and any other status than 200.
    pub fn metrics(&self) -> Result<BTreeMap<String, f64>> {
        let answer = self.get("/metrics")?;
        ensure!(answer.status == 200, "{answer:?}");
        samples(&answer.body)
    }

    /// Ends it as a service manager does, which it must do well. What it has said.
    ///
    /// # Errors
    /// It ends with another exit code than 0, or not at all.
    pub fn end(mut self) -> Result<String> {
        self.daemon.signal(Signal::SIGTERM)?;
        let status = self.daemon.ended(LIMIT)?;
        ensure!(status.success(), "it ended with {status}: {}", self.daemon.log());
        Ok(self.daemon.log())
    }
}

/// Asks for something on a connection, and reads until that ends.
///
/// # Errors
/// It can't be written or read, or what comes is no answer.
pub fn ask(mut stream: impl Read + Write, method: &str, path: &str, headers: &str) -> Result<Answer> {
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: fragwall\r\nConnection: close\r\n{headers}\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    answer(&text)
}

/// What an answer says.
///
/// # Errors
/// It's none.
pub fn answer(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Answer { status, headers, body: body.to_owned() })
}

/// The samples of a text of metrics.
///
/// # Errors
/// A line is no sample, or a sample is there twice.
pub fn samples(text: &str) -> Result<BTreeMap<String, f64>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').with_context(|| format!("no sample: {line:?}"))?;
        Ok((name.to_owned(), value.parse()?))
    });
    let count = text.lines().filter(|line| !line.starts_with('#')).count();
    let samples: BTreeMap<String, f64> = samples.collect::<Result<_>>()?;
    ensure!(samples.len() == count, "a sample is told twice: {text}");
    Ok(samples)
}

/// Writes a config file.
///
/// # Errors
/// It can't be written.
pub fn configure(directory: &Path, text: &str) -> Result<String> {
    let path = directory.join("fragwall.toml");
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}
