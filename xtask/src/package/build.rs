//! The binary that packages bring: a release build that needs no library of the host's.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::output;

/// Builds it, and says where it is.
///
/// # Errors
/// The build fails.
pub(super) fn binary(root: &Path) -> Result<PathBuf> {
    let target = host()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // glibc is linked statically. What it can't do then (name services by modules: NSS, iconv) Fragwall doesn't ask it for: it reads
    // /etc/services and /etc/protocols itself, and looks no host name up.
    cargo
        .current_dir(root)
        .args(["build", "--release", "--package", "firewall-user", "--bin", "fragwall", "--target", &target])
        .args(["--target-dir", "target/package-build"])
        // It would be heeded instead of RUSTFLAGS.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    let status = cargo.status().context("can't start cargo")?;
    if !status.success() {
        bail!("the release build failed: its messages above say why");
    }
    let binary = root.join("target/package-build").join(target).join("release/fragwall");
    let headers = output(Command::new("readelf").args(["--program-headers", "--wide"]).arg(&binary))?;
    ensure!(
        !headers.contains("INTERP"),
        "{} asks for a dynamic loader: it isn't linked statically",
        binary.display()
    );
    Ok(binary)
}

/// The target that this machine's own compiler builds for. It's named, so that the flags are the binary's alone and not those of build
/// scripts and macros, which can't be static.
fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
