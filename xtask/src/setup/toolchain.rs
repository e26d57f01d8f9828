//! What Debian's packages don't bring of the eBPF toolchain.

use std::{env, process::Command};

use anyhow::{Context as _, Result, bail};

use super::needs::program;
use crate::ebpf_toolchain::{LINKER_LLVM, OLDEST_LINKER, cargo_home};

/// Whether rustup is here to install a toolchain.
pub(crate) fn has_rustup() -> bool {
    program("rustup").is_some()
}

/// What makes rustup install a toolchain that builds for BPF: the oldest release that builds Fragwall, because a
/// newer one's LLVM may be newer than bpf-linker's.
pub(crate) const RUSTUP: [&str; 8] = [
    "rustup",
    "toolchain",
    "install",
    env!("CARGO_PKG_RUST_VERSION"),
    "--profile",
    "minimal",
    "--component",
    "rust-src",
];

/// Installs that toolchain.
///
/// # Errors
///
/// rustup fails; it has said why on stderr.
pub(crate) fn install_rust() -> Result<()> {
    let status = Command::new(RUSTUP[0]).args(&RUSTUP[1..]).status().context("can't start rustup")?;
    if !status.success() {
        bail!("`{}` failed: its messages above say why (without a network it can't)", RUSTUP.join(" "));
    }
    Ok(())
}

/// What makes cargo install bpf-linker.
pub(crate) fn linker_command() -> Vec<String> {
    let (major, minor) = OLDEST_LINKER;
    [
        "install",
        "bpf-linker",
        &format!("--version={major}.{minor}.0"),
        "--locked",
        "--no-default-features",
        &format!("--features=llvm-{LINKER_LLVM}"),
    ]
    .map(str::to_owned)
    .into()
}

/// Installs bpf-linker into cargo's bin folder.
///
/// # Errors
///
/// cargo fails; it has said why on stderr.
pub(crate) fn install_linker() -> Result<()> {
    let args = linker_command();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(&args).env("LLVM_PREFIX", llvm_prefix());
    if let Some(home) = cargo_home() {
        // Where the build looks for it, whatever the person's own configuration of cargo says.
        cargo.arg("--root").arg(home);
    }
    let status = cargo.status().context("can't start cargo")?;
    if !status.success() {
        bail!(
            "`cargo {}` failed: its messages above say why; it needs the crate registry, or a vendored copy of it, and \
             LLVM {LINKER_LLVM}'s development files",
            args.join(" ")
        );
    }
    Ok(())
}

/// Where Debian's packages put the LLVM that bpf-linker is built with.
pub(crate) fn llvm_prefix() -> String {
    format!("/usr/lib/llvm-{LINKER_LLVM}")
}
