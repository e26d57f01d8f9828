//! The packages, as `cargo xtask package` makes them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::process::{run, succeeded};

/// How long a release build may take, the kernel side included.
const LIMIT: Duration = Duration::from_secs(1800);

/// Which build of `fragwall` is packaged.
#[derive(Clone, Copy, Debug)]
pub enum Build {
    /// That which the other tests use, since there's one.
    Tested,
    /// A static release build, as the command line makes it by itself.
    Release,
}

impl Build {
    /// The release build takes minutes, and is for who is about to release: it's packaged if `FRAGWALL_PACKAGE_RELEASE` is set.
    pub fn wanted() -> Self {
        if std::env::var_os("FRAGWALL_PACKAGE_RELEASE").is_some() { Self::Release } else { Self::Tested }
    }
}

/// Where the workspace is.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Makes them in a directory by a command line that begins with `cargo xtask package`; the Debian one.
///
/// # Errors
/// The command line is another, or fails.
pub fn make(line: &str, build: Build, version: Option<&str>, out: &Path) -> Result<PathBuf> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (cargo, rest) = words.split_first().context("an empty command line")?;
    ensure!(*cargo == "cargo" && rest.first() == Some(&"xtask"), "{line:?}: it's not cargo's");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()).args(rest).arg("--out").arg(out);
    match build {
        Build::Tested => command.arg("--binary").arg(binary()?.canonicalize()?),
        Build::Release => &mut command,
    };
    if let Some(version) = version {
        command.args(["--version", version]);
    }
    let output = run(&mut command, LIMIT)?;
    let output = succeeded(&command, output)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let deb = text.lines().find(|line| line.ends_with(".deb")).context("it names no Debian package")?;
    Ok(deb.into())
}
