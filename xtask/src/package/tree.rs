//! The files of a package, as they are to lie on a host.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{output, output_bytes, version::Version};

/// A folder that holds `usr` and `etc`. Modes are what is said here, whatever the umask.
pub(super) struct Tree<'a> {
    source: &'a Path,
    root: PathBuf,
    name: String,
}

/// The shells that Debian's packages complete for, and where each looks.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/fragwall"),
    ("zsh", "usr/share/zsh/vendor-completions/_fragwall"),
    ("fish", "usr/share/fish/vendor_completions.d/fragwall.fish"),
];
/// Files that are taken as they are, and where to.
const FILES: [(&str, &str); 6] = [
    ("deploy/debian/fragwall.toml", "etc/fragwall/fragwall.toml"),
    ("deploy/systemd/fragwall.service", "usr/lib/systemd/system/fragwall.service"),
    ("deploy/systemd/fragwall-serve.service", "usr/lib/systemd/system/fragwall-serve.service"),
    ("README.md", "usr/share/doc/fragwall/README.md"),
    ("LICENSE-MIT", "usr/share/doc/fragwall/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/fragwall/LICENSE-APACHE"),
];
/// Where the command is.
const COMMAND: &str = "usr/sbin/fragwall";
/// Where the manual pages are.
const MANUAL: &str = "usr/share/man/man8";
/// Where the program is that others load to share an interface with the filter.
const ENTRY: &str = "usr/lib/fragwall/fragwall-entry.o";

impl<'a> Tree<'a> {
    /// Makes it below `out`, anew.
    ///
    /// # Errors
    /// A file can't be written, or the binary doesn't print what is made by it.
    pub(super) fn new(source: &'a Path, binary: &Path, out: &Path, version: &Version) -> Result<Self> {
        let name = format!("fragwall-{version}-{}-linux", std::env::consts::ARCH);
        let root = out.join(&name);
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;
        }
        let tree = Self { source, root, name };
        let bytes = fs::read(binary).with_context(|| format!("reading {}", binary.display()))?;
        tree.write(COMMAND, bytes, 0o755)?;
        let binary = tree.root.join(COMMAND);
        // The release build is stripped already; another one may not be.
        output(Command::new("strip").arg(&binary))?;
        for (from, to) in FILES {
            tree.copy(from, to, 0o644)?;
        }
        for page in files(&source.join("docs"))? {
            tree.copy(&format!("docs/{page}"), &format!("usr/share/doc/fragwall/docs/{page}"), 0o644)?;
        }
        for (shell, to) in COMPLETIONS {
            let text = output(Command::new(&binary).args(["completions", shell]))?;
            tree.write(to, text, 0o644)?;
        }
        tree.write(ENTRY, output_bytes(Command::new(&binary).arg("entry"))?, 0o644)?;
        let manual = tree.folder(MANUAL)?;
        output(Command::new(&binary).arg("manual").arg(&manual))?;
        for page in files(&manual)? {
            let text = fs::read(manual.join(&page)).with_context(|| page.clone())?;
            tree.write_compressed(&format!("{MANUAL}/{page}"), text)?;
        }
        Ok(tree)
    }

    /// What the folder is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a file of the source.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn source(&self, from: &str) -> Result<String> {
        fs::read_to_string(self.source.join(from)).with_context(|| format!("reading {from}"))
    }

    /// Takes a file of the source.
    ///
    /// # Errors
    /// It can't be read or written.
    pub(super) fn copy(&self, from: &str, to: &str, mode: u32) -> Result<()> {
        self.write(to, self.source(from)?, mode)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn write(&self, to: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let path = self.root.join(to);
        if let Some(folder) = Path::new(to).parent() {
            self.folder(folder)?;
        }
        fs::write(&path, bytes)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Writes a file, compressed, without the time and the name that it has here. Its name ends in `.gz` then.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn write_compressed(&self, to: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.write(to, bytes, 0o644)?;
        output(Command::new("gzip").args(["-9n", "--force"]).arg(self.root.join(to))).map(drop)
    }

    /// Removes it: what was made of it stays.
    ///
    /// # Errors
    /// It can't be removed.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.root).with_context(|| self.root.display().to_string())
    }

    /// A folder, which is made if it isn't there.
    fn folder(&self, to: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.root.join(to);
        let make = || {
            fs::create_dir_all(&path)?;
            let ancestors = path.ancestors().take_while(|ancestor| ancestor.starts_with(&self.root));
            for folder in ancestors {
                fs::set_permissions(folder, Permissions::from_mode(0o755))?;
            }
            Ok::<_, io::Error>(())
        };
        make().with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }
}

/// The names of the files in a folder.
fn files(folder: &Path) -> Result<Vec<String>> {
    let list = || {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok::<_, io::Error>(names)
    };
    list().with_context(|| format!("reading {}", folder.display()))
}
