//! The tarball, for distributions that aren't Debian's.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{output, tree::Tree};

/// Makes it in `out`, and says where it is.
///
/// # Errors
/// tar fails.
pub(super) fn make(tree: &Tree<'_>, epoch: u64, out: &Path) -> Result<PathBuf> {
    let name = tree.name();
    let tarball = out.join(format!("{name}.tar.gz"));
    output(
        Command::new("tar")
            .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .arg(format!("--mtime=@{epoch}"))
            // gzip's own header has no time.
            .args(["--use-compress-program=gzip -9n", "--create", "--file"])
            .arg(&tarball)
            .arg("--directory")
            .arg(out)
            .arg(name),
    )?;
    Ok(tarball)
}
