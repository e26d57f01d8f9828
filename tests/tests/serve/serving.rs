//! A `fragwall serve` that runs, and who asks it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::Daemon;
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// Far longer than anything takes; only what went wrong is waited for as long.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// One that serves. It ends with this.
pub(crate) struct Serving<'h> {
    pub(crate) host: &'h Host,
    pub(crate) daemon: Daemon,
    directory: TempDir,
    address: Option<SocketAddr>,
}

/// What it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl<'h> Serving<'h> {
    /// Starts one with these arguments, and waits until it serves.
    pub(crate) fn new(host: &'h Host, arguments: &[&str]) -> Result<Self> {
        let mut command = host.fragwall().command()?;
        command.arg("serve").args(arguments);
        Self::run(host, &mut command)
    }

    /// The same of a command that is made up already.
    pub(crate) fn run(host: &'h Host, command: &mut Command) -> Result<Self> {
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
    pub(crate) fn says(&mut self, words: &str) -> Result<()> {
        self.says_times(words, 1)
    }

    /// Waits until it has said that so many times.
    pub(crate) fn says_times(&mut self, words: &str, times: usize) -> Result<()> {
        let log = self.directory.path().join("log");
        let said = || fs::read_to_string(&log).is_ok_and(|said| said.matches(words).count() >= times);
        self.daemon.wait_until(said, LIMIT).with_context(|| format!("it doesn't say {words:?}"))
    }

    /// Waits until something holds of it.
    pub(crate) fn until(&self, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = std::time::Instant::now();
        while !holds(self)? {
            ensure!(start.elapsed() < LIMIT, "it never comes true: {}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let address = self.address.context("it isn't reached by TCP")?;
        let stream = self.host.netns.enter(|| Ok(TcpStream::connect_timeout(&address, LIMIT)?))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    /// Asks for something.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Result<Answer> {
        ask(self.connect()?, method, path, headers)
    }

    /// Asks for a page.
    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Asks for the metrics; the value of each sample, by its name and labels.
    pub(crate) fn metrics(&self) -> Result<BTreeMap<String, f64>> {
        let answer = self.get("/metrics")?;
        ensure!(answer.status == 200, "{answer:?}");
        samples(&answer.body)
    }

    /// Ends it as a service manager does, which it must do well. What it has said.
    pub(crate) fn end(mut self) -> Result<String> {
        self.daemon.signal(Signal::SIGTERM)?;
        let status = self.daemon.ended(LIMIT)?;
        ensure!(status.success(), "it ended with {status}: {}", self.daemon.log());
        Ok(self.daemon.log())
    }
}

/// Asks for something on a connection, and reads until that ends.
pub(crate) fn ask(mut stream: impl Read + Write, method: &str, path: &str, headers: &str) -> Result<Answer> {
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: fragwall\r\nConnection: close\r\n{headers}\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    answer(&text)
}

/// What an answer says.
pub(crate) fn answer(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Answer { status, headers, body: body.to_owned() })
}

/// The samples of a text of metrics.
pub(crate) fn samples(text: &str) -> Result<BTreeMap<String, f64>> {
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
pub(crate) fn configure(directory: &Path, text: &str) -> Result<String> {
    let path = directory.join("fragwall.toml");
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}
