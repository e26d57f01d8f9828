//! A clean root directory, as a new Debian has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::process::{run, run_ok, succeeded, tool};

/// How long making it may take: a hundred packages are fetched and unpacked.
const LIMIT: Duration = Duration::from_secs(900);
/// What it holds beside the essential packages: an init to boot, and `ip` for setting up its network.
const PACKAGES: &str = "--include=systemd,systemd-sysv,iproute2";

/// Unpacks one into a directory.
///
/// # Errors
/// It can't be made: no network, say.
pub fn unpack(directory: &Path) -> Result<()> {
    let archive = archive()?;
    run_ok(tool("tar").args(["--numeric-owner", "-xf"]).arg(archive).arg("-C").arg(directory)).map(drop)
}

/// The archive of it, which is made once and kept beside what is built.
fn archive() -> Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let archive = directory.join("bookworm.tar");
    if archive.is_file() {
        return Ok(archive);
    }
    let partial = directory.join(format!("bookworm-{}.tar", std::process::id()));
    let mut command = tool("mmdebstrap");
    // Nothing is to survive a power cut.
    command.args(["--quiet", "--variant=essential", "--dpkgopt=force-unsafe-io", PACKAGES, "bookworm"]);
    command.arg(&partial).arg(source()?);
    let made = run(&mut command, LIMIT).and_then(|output| succeeded(&command, output));
    if let Err(error) = made {
        // It may not have come that far.
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    fs::rename(&partial, &archive).context("can't keep the clean root's archive")?;
    Ok(archive)
}

/// Where this machine has its packages from.
fn source() -> Result<String> {
    let output = run_ok(tool("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Codename: bookworm",
        "Component: main",
    ]))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let source = text.lines().next().unwrap_or_default().to_owned();
    ensure!(
        !source.is_empty(),
        "no configured package source has Debian's bookworm, which the clean root is made of"
    );
    Ok(source)
}
