//! The `fragwall` binary, run on a namespace of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::bpffs::Bpffs;
use super::netns::Netns;
use super::process::{run, succeeded};

/// How long a command may take; loading the program on an emulated machine is the longest.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How long the binary may take to build, the kernel side included.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// The binary with the global options that keep it to one namespace and one BPF filesystem.
#[derive(Clone, Copy, Debug)]
pub struct Fragwall<'a> {
    /// The network namespace it acts in.
    pub netns: &'a Netns,
    /// Where it pins its state.
    pub bpffs: &'a Bpffs,
}

impl Fragwall<'_> {
    /// A command with the global options set, to be given its own arguments.
    ///
    /// # Errors
    /// The binary is neither there nor can it be built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(["--netns", self.netns.name(), "--bpffs"]).arg(self.bpffs.path());
        // Whoever runs the tests over SSH isn't who a test's command is typed by.
        command.env_remove("SSH_CONNECTION");
        Ok(command)
    }

    /// Runs it; the exit code is the caller's to judge.
    ///
    /// # Errors
    /// The binary is missing, takes too long or is interrupted.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        run(self.command()?.args(arguments), COMMAND_LIMIT)
    }

    /// Runs it; it must succeed.
    ///
    /// # Errors
    /// Those of [`Fragwall::run`], and an exit code other than zero.
    pub fn run_ok(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.command()?;
        command.args(arguments);
        let output = run(&mut command, COMMAND_LIMIT)?;
        succeeded(&command, output)
    }

    /// Runs it with `--json`; what it prints.
    ///
    /// # Errors
    /// Those of [`Fragwall::run_ok`], and output that is no JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.run_ok(&[arguments, &["--json"]].concat())?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "fragwall {} --json prints no JSON: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout)
            )
        })
    }

    /// The filter's counters.
    ///
    /// # Errors
    /// Those of [`Fragwall::json`], and a counter that is missing.
    pub fn statistics(&self) -> Result<Statistics> {
        Statistics::from_json(self.json(&["stats"])?)
    }
}

/// What `fragwall stats --json` prints.
#[derive(Clone, Debug)]
pub struct Statistics(Value);

impl Statistics {
    fn from_json(value: Value) -> Result<Self> {
        let statistics = Self(value);
        if statistics.0["version"] != 1
            || !statistics.0["reasons"].is_array()
            || !statistics.0["rules"].is_array()
        {
            bail!("fragwall stats --json prints another schema than version 1: {}", statistics.0);
        }
        Ok(statistics)
    }

    /// The packets that were passed to the stack.
    pub fn passed(&self) -> u64 {
        self.by_verdict("pass")
    }

    /// The packets that were dropped.
    pub fn dropped(&self) -> u64 {
        self.by_verdict("drop")
    }

    fn by_verdict(&self, verdict: &str) -> u64 {
        self.reasons(|entry| entry["verdict"] == verdict)
    }

    /// The packets that were counted with a reason, whatever became of them.
    pub fn reason_packets(&self, reason: &str) -> u64 {
        self.reasons(|entry| entry["reason"] == reason)
    }

    fn reasons(&self, are_meant: impl Fn(&Value) -> bool) -> u64 {
        let reasons = self.0["reasons"].as_array().into_iter().flatten();
        reasons.filter(|entry| are_meant(entry)).filter_map(|entry| entry["packets"].as_u64()).sum()
    }

    /// The packets credited to a rule by its number (from 1), trailing fragments among them; zero without such a rule.
    pub fn rule_packets(&self, number: u64) -> u64 {
        self.rule(number)["packets"].as_u64().unwrap_or(0)
    }

    /// The trailing fragments among [`Statistics::rule_packets`].
    pub fn rule_trailing_fragments(&self, number: u64) -> u64 {
        self.rule(number)["trailing"]["packets"].as_u64().unwrap_or(0)
    }

    fn rule(&self, number: u64) -> &Value {
        let mut rules = self.0["rules"].as_array().into_iter().flatten();
        rules.find(|rule| rule["number"] == number).unwrap_or(&Value::Null)
    }

    /// All of it.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

/// The binary: the one that `FRAGWALL_BIN` names, else the one of the profile and target directory that this process
/// was built in. Under cargo that one is brought up to date first, once per process.
///
/// # Errors
/// There is none, or the build fails.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| locate().map_err(|error| format!("{error:#}")));
    binary.as_deref().map_err(|error| anyhow!("{error}"))
}

fn locate() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("FRAGWALL_BIN") {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("FRAGWALL_BIN names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    let executable = std::env::current_exe().context("can't tell where this program is")?;
    let profile = profile_directory(&executable)?;
    let path = profile.join("fragwall");
    if let Some(cargo) = std::env::var_os("CARGO") {
        build(&cargo, profile)?;
    }
    if !path.is_file() {
        bail!(
            "there is no {}: build it by `cargo build --package firewall-user`, or name one in FRAGWALL_BIN",
            path.display()
        );
    }
    Ok(path)
}

/// The directory of the build profile, `target/release` say, above an executable there, in `deps` or in `examples`.
fn profile_directory(executable: &Path) -> Result<&Path> {
    let directory = executable.parent().context("this program lies in no directory")?;
    match directory.file_name().and_then(|name| name.to_str()) {
        Some("deps" | "examples") => directory.parent().context("this program's directory has no parent"),
        _ => Ok(directory),
    }
}

fn build(cargo: &std::ffi::OsStr, profile_directory: &Path) -> Result<()> {
    let profile = match profile_directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => bail!("{} names no build profile", profile_directory.display()),
    };
    let target = profile_directory.parent().context("the build profile's directory has no parent")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--package",
            "firewall-user",
            "--bin",
            "fragwall",
            "--profile",
            profile,
            "--manifest-path",
        ])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target);
    let output = run(&mut command, BUILD_LIMIT)?;
    succeeded(&command, output).map(drop)
}
