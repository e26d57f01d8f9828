//! `cargo xtask package`: a Debian package and a tarball of the release build.

mod build;
mod deb;
mod tarball;
mod tree;
mod version;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::{tree::Tree, version::Version};

/// Options of the task.
#[derive(Args)]
pub(crate) struct Package {
    /// The version to write into the packages, in the place of the workspace's.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Where to put them.
    #[arg(long, value_name = "DIR", default_value = "target/package")]
    out: PathBuf,
    /// Package this build of `fragwall`, instead of making the static release build: for tests, which have one already. Such a package
    /// runs where the libraries are that it's linked with.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// Builds the packages, and prints their names.
///
/// # Errors
/// The build, dpkg-deb or tar fails, or the version isn't one.
pub(crate) fn run(package: &Package) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let version = Version::parse(package.version.as_deref().unwrap_or(env!("CARGO_PKG_VERSION")))?;
    let epoch = epoch(&root)?;
    let binary = match &package.binary {
        Some(binary) => binary.clone(),
        None => build::binary(&root)?,
    };
    // Where the task was typed, as any command takes a path.
    fs::create_dir_all(&package.out).with_context(|| format!("making {}", package.out.display()))?;
    let out = package.out.canonicalize().with_context(|| package.out.display().to_string())?;
    let tree = Tree::new(&root, &binary, &out, &version)?;
    let tarball = tarball::make(&tree, epoch, &out)?;
    let deb = deb::make(&tree, &version, epoch, &out)?;
    println!("{}\n{}", deb.display(), tarball.display());
    tree.remove()
}

/// The time that all files bear, in seconds since 1970, so that the same binary makes the same packages: what SOURCE_DATE_EPOCH says,
/// else that of the last commit.
fn epoch(root: &Path) -> Result<u64> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))
            .context("the time of the last commit (SOURCE_DATE_EPOCH says another one)")?,
    };
    text.trim()
        .parse()
        .with_context(|| format!("SOURCE_DATE_EPOCH: {:?} is no number of seconds", text.trim()))
}

/// The text that a command prints, which must succeed.
fn output(command: &mut Command) -> Result<String> {
    String::from_utf8(output_bytes(command)?).with_context(|| format!("{command:?} prints no text"))
}

/// What a command prints, which must succeed.
fn output_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("can't start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
