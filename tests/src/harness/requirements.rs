//! What the machine must have, said in one sentence before anything is started.

use anyhow::{Result, bail};

use super::process::find_program;

/// Checks that the process is root's and that the programs are installed.
///
/// # Errors
/// One sentence that names everything missing and how to get it.
pub fn require(programs: &[&str]) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("this needs root, for network namespaces and BPF: run it as root");
    }
    let missing: Vec<&str> = programs.iter().copied().filter(|name| find_program(name).is_none()).collect();
    if !missing.is_empty() {
        bail!("not installed: {}; run `cargo xtask setup`", missing.join(", "));
    }
    Ok(())
}
