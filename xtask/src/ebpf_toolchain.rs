//! Finds what builds the kernel program: a Rust toolchain with the standard library's source, and bpf-linker.
//!
//! `firewall-user`'s build script includes this file too, so that what `cargo xtask setup` accepts is what the
//! build uses. That is why it names nothing but std.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Names the rustup toolchain to build the kernel program with, instead of the first that fits.
pub(crate) const TOOLCHAIN_VAR: &str = "FRAGWALL_EBPF_TOOLCHAIN";

/// The major version of the LLVM that bpf-linker is built on. It reads the bitcode of this LLVM and older ones.
pub(crate) const LINKER_LLVM: u32 = 22;

/// The oldest bpf-linker that can be built on that LLVM.
pub(crate) const OLDEST_LINKER: (u32, u32) = (0, 13);

/// Where a program that cargo starts looks for libraries: first of all in the folder of that cargo's toolchain. To be
/// taken away from another toolchain's rustc, which otherwise runs on the wrong compiler library if it finds one of its
/// own version there, and then takes that toolchain's folder for its own.
pub(crate) const LIBRARIES_VAR: &str = "LD_LIBRARY_PATH";

/// A Rust toolchain that can build `core` for the BPF target.
pub(crate) struct RustToolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    release: String,
    llvm: u32,
}

impl RustToolchain {
    /// The toolchain to use: the one named by [`TOOLCHAIN_VAR`], else rustup's `fragwall-ebpf`, its nightlies and
    /// its others, else the distribution's.
    ///
    /// # Errors
    ///
    /// One sentence, without its full stop, that says what is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let rustup = rustup_toolchains();
        if let Some(name) = env::var_os(TOOLCHAIN_VAR).filter(|name| !name.is_empty()) {
            let name = name.to_string_lossy().into_owned();
            let named =
                rustup.iter().find(|(found, _)| *found == name || found.starts_with(&format!("{name}-")));
            let Some((_, root)) = named else {
                return Err(format!("{TOOLCHAIN_VAR} names `{name}`, and rustup has no such toolchain"));
            };
            return Self::in_root(root).map_err(|why| format!("{TOOLCHAIN_VAR} names `{name}`, but {why}"));
        }
        let mut refusals = Vec::new();
        for root in rustup.into_iter().map(|(_, root)| root).chain([PathBuf::from("/usr")]) {
            match Self::in_root(&root) {
                Ok(toolchain) => return Ok(toolchain),
                Err(why) => refusals.push(why),
            }
        }
        Err(format!("no Rust toolchain can build for BPF ({})", refusals.join("; ")))
    }

    fn in_root(root: &Path) -> Result<Self, String> {
        let (cargo, rustc) = (root.join("bin/cargo"), root.join("bin/rustc"));
        for file in [&cargo, &rustc] {
            if !file.is_file() {
                return Err(format!("{} does not exist", file.display()));
            }
        }
        // Debian's package has its source here too, as a link.
        if !root.join("lib/rustlib/src/rust/library/core").is_dir() {
            return Err(format!("{} lacks the rust-src component", root.display()));
        }
        let text = stdout(Command::new(&rustc).arg("-vV").env_remove(LIBRARIES_VAR))?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
                .ok_or_else(|| format!("`{} -vV` prints no `{name}`", rustc.display()))
        };
        let release = field("release:")?.to_owned();
        let oldest = env!("CARGO_PKG_RUST_VERSION");
        if version(&release) < version(oldest) {
            return Err(format!("{} is Rust {release}, older than {oldest}", rustc.display()));
        }
        let (llvm, _) = version(field("LLVM version:")?);
        if llvm > LINKER_LLVM {
            return Err(format!(
                "{} is built on LLVM {llvm}, newer than bpf-linker's {LINKER_LLVM}",
                rustc.display()
            ));
        }
        Ok(Self { cargo, rustc, release, llvm })
    }
}

impl fmt::Display for RustToolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cargo, rustc, release, llvm } = self;
        write!(f, "Rust {release} with LLVM {llvm} ({}, {})", cargo.display(), rustc.display())
    }
}

/// bpf-linker's path: from PATH, or from where `cargo install` puts it.
///
/// # Errors
///
/// One sentence, without its full stop, that says what is missing.
pub(crate) fn find_linker() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let file = env::split_paths(&path)
        .chain(cargo_home().map(|home| home.join("bin")))
        .map(|folder| folder.join("bpf-linker"))
        .find(|file| file.is_file())
        .ok_or("bpf-linker is neither on PATH nor in cargo's bin folder")?;
    let text = stdout(Command::new(&file).arg("--version"))?;
    let release = text.split_whitespace().nth(1).unwrap_or_default();
    if version(release) < OLDEST_LINKER {
        let (major, minor) = OLDEST_LINKER;
        return Err(format!("{} is version {release}, older than {major}.{minor}", file.display()));
    }
    Ok(file)
}

/// Cargo's folder, which has the commands that `cargo install` installs in its `bin`.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    home_of("CARGO_HOME", ".cargo")
}

/// Rustup's toolchains by name: the project's own first, then nightlies, then others.
fn rustup_toolchains() -> Vec<(String, PathBuf)> {
    let Some(folder) = home_of("RUSTUP_HOME", ".rustup").map(|home| home.join("toolchains")) else {
        return Vec::new();
    };
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    found.sort_by_key(|(name, _)| (name != "fragwall-ebpf", !name.starts_with("nightly"), name.clone()));
    found
}

fn home_of(var: &str, folder: &str) -> Option<PathBuf> {
    match env::var_os(var).filter(|value| !value.is_empty()) {
        Some(home) => Some(home.into()),
        None => env::home_dir().map(|home| home.join(folder)),
    }
}

fn stdout(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program} does not work: {}", said.lines().next().unwrap_or("it says nothing")))
        }
        Err(error) => Err(format!("{program} does not start: {error}")),
    }
}

/// The first two numbers of a version; a part that is no number counts as 0.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, process};

    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(version("1.95.0"), (1, 95));
        assert_eq!(version("1.98.0-nightly"), (1, 98));
        assert_eq!(version("22.1.8"), (22, 1));
        assert_eq!(version("1.97-beta.2"), (1, 97));
        assert!(version("1.100.0") > version("1.95.0"));
        assert_eq!(version("unknown"), (0, 0));
    }

    /// A toolchain's folder whose rustc prints what a real one would.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, release: &str, llvm: &str, source: bool) -> Self {
            let root = env::temp_dir().join(format!("fragwall-toolchain-{}-{name}", process::id()));
            fs::create_dir_all(root.join("bin")).unwrap();
            if source {
                fs::create_dir_all(root.join("lib/rustlib/src/rust/library/core")).unwrap();
            }
            fs::write(root.join("bin/cargo"), "").unwrap();
            let rustc = root.join("bin/rustc");
            let script = format!(
                "#!/bin/sh\necho 'rustc {release}'\necho 'release: {release}'\necho 'LLVM version: {llvm}'\n"
            );
            fs::write(&rustc, script).unwrap();
            fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
            Self(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_toolchain_is_taken_only_if_it_can_build_for_bpf() {
        let oldest = env!("CARGO_PKG_RUST_VERSION");
        for (name, release, llvm, source, refusal) in [
            ("fits", oldest, "22.1.2", true, None),
            ("older-llvm", "1.200.0-nightly", "21.0.0", true, None),
            ("no-source", oldest, "22.1.2", false, Some("lacks the rust-src component")),
            ("old", "1.94.9", "22.1.2", true, Some("is Rust 1.94.9, older than")),
            ("new-llvm", "1.200.0", "23.0.0", true, Some("is built on LLVM 23, newer than bpf-linker's 22")),
        ] {
            let root = Root::new(name, release, llvm, source);
            match (RustToolchain::in_root(&root.0), refusal) {
                (Ok(found), None) => assert_eq!(found.rustc, root.0.join("bin/rustc"), "{name}"),
                (Err(why), Some(refusal)) => assert!(why.contains(refusal), "{name}: {why}"),
                (Ok(found), Some(_)) => panic!("{name} is taken: {found}"),
                (Err(why), None) => panic!("{name} is refused: {why}"),
            }
        }
        let nowhere = env::temp_dir().join("fragwall-no-such-toolchain");
        let why = RustToolchain::in_root(&nowhere).err().unwrap();
        assert!(why.contains("bin/cargo does not exist"), "{why}");
    }
}
