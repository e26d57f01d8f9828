//! A suite of Debian's that this machine need not be configured for, reached with lists of packages of its own: nothing
//! below `/etc/apt` or `/var/lib/apt/lists` changes.

use std::{
    ffi::OsString,
    fs, iter,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// What apt has of this machine's own sources beside the suite.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// None: whatever is fetched is the suite's.
    None,
    /// All of them: what the suite has is installed among the machine's packages.
    All,
}

/// apt, as it has to be called to know a suite.
pub(crate) struct Suite {
    name: &'static str,
    options: Vec<OsString>,
}

impl Suite {
    /// The suite, from where this machine has Debian's packages. Its lists and all else go below `folder`; they are
    /// fetched by [`Self::update`].
    ///
    /// # Errors
    ///
    /// This machine has no source of bookworm, or `folder` can't be written to.
    pub(crate) fn new(folder: &Path, name: &'static str, own: Own) -> Result<Self> {
        for below in ["lists/partial", "cache/archives/partial", "sources"] {
            let below = folder.join(below);
            fs::create_dir_all(&below).with_context(|| format!("can't make {}", below.display()))?;
        }
        let sources = folder.join("sources");
        let source = sources.join("fragwall.list");
        let (uri, keys) = debian()?;
        let signed = keys.map(|keys| format!("[signed-by={keys}] ")).unwrap_or_default();
        fs::write(&source, format!("deb {signed}{uri} {name} main\n"))
            .with_context(|| format!("can't write {}", source.display()))?;
        let mut options = vec![
            option("Dir::State::lists", &folder.join("lists")),
            option("Dir::Cache", &folder.join("cache")),
            option("Dir::Etc::sourceparts", &sources),
            option("Acquire::Languages", Path::new("none")),
            // The folders here are root's alone.
            option("APT::Sandbox::User", Path::new("root")),
        ];
        match own {
            Own::None => options.extend([
                option("Dir::Etc::sourcelist", Path::new("/dev/null")),
                option("Dir::Etc::preferencesparts", Path::new("/dev/null")),
            ]),
            Own::All => {
                for file in parts()? {
                    let name = file.file_name().unwrap_or_default();
                    symlink(&file, sources.join(name))
                        .with_context(|| format!("can't make a link in {}", sources.display()))?;
                }
            }
        }
        Ok(Self { name, options })
    }

    /// A program of apt's that knows the suite.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options).env("LC_ALL", "C");
        command
    }

    /// Fetches the lists of packages.
    ///
    /// # Errors
    ///
    /// The source doesn't answer or doesn't have the suite; apt-get has said so on stderr.
    pub(crate) fn update(&self) -> Result<()> {
        let mut update = self.command("apt-get");
        update.args(["-qq", "--option=APT::Update::Error-Mode=any", "update"]).stdin(Stdio::null());
        let status = update.status().with_context(|| format!("can't start {update:?}"))?;
        if !status.success() {
            bail!("apt-get could not fetch the lists of {}: its messages above say why", self.name);
        }
        Ok(())
    }

    /// What makes `apt-get install` take the suite's packages before others.
    pub(crate) fn preferred(&self) -> impl Iterator<Item = OsString> {
        let release = OsString::from(format!("--target-release={}", self.name));
        self.options.iter().cloned().chain(iter::once(release))
    }
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(format!("--option={name}="));
    option.push(value);
    option
}

/// Where this machine has Debian's packages from, and which keys sign them.
fn debian() -> Result<(String, Option<String>)> {
    let one_line = Path::new("/etc/apt/sources.list");
    let mut files = if one_line.exists() { vec![one_line.to_owned()] } else { Vec::new() };
    files.extend(parts()?);
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        if let Some(found) = source_in(&text) {
            return Ok(found);
        }
    }
    bail!("no source of Debian 12 (bookworm) is configured in /etc/apt: add one, then run this again")
}

/// The files of `/etc/apt/sources.list.d` that apt reads, sorted.
fn parts() -> Result<Vec<PathBuf>> {
    let mut files = entries(Path::new("/etc/apt/sources.list.d"))?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "list" || kind == "sources"));
    Ok(files)
}

/// The source of bookworm itself in a file of apt's, whose two forms sources.list(5) describes.
fn source_in(text: &str) -> Option<(String, Option<String>)> {
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix("deb ").map(str::trim_start) else { continue };
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let words: Vec<_> = rest.split_whitespace().collect();
        if let [uri, "bookworm", ..] = words.as_slice() {
            let keys = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
            return Some(((*uri).to_owned(), keys.map(str::to_owned)));
        }
    }
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        if field("Suites").is_some_and(|suites| suites.split_whitespace().any(|suite| suite == "bookworm")) {
            let keys = field("Signed-By").filter(|keys| keys.starts_with('/')).map(str::to_owned);
            return Some((field("URIs")?.split_whitespace().next()?.to_owned(), keys));
        }
    }
    None
}

/// The files in a folder, sorted; none where there's no folder.
///
/// # Errors
///
/// The folder can't be read.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("can't read {}", folder.display())),
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(|| format!("can't read {}", folder.display()))?;
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_in_either_form() {
        let lines = "# comment\ndeb http://other.example/x stable main\ndeb [arch=amd64] http://deb.example/debian bookworm main\n";
        assert_eq!(source_in(lines), Some(("http://deb.example/debian".to_owned(), None)));
        let keys = Some("/usr/share/keyrings/keys.gpg".to_owned());
        let signed = "deb [arch=amd64 signed-by=/usr/share/keyrings/keys.gpg] http://deb.example/debian bookworm main\n";
        assert_eq!(source_in(signed), Some(("http://deb.example/debian".to_owned(), keys.clone())));
        let stanzas = "Types: deb\nURIs: http://sec.example/s\nSuites: bookworm-security\n\n\
                       Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm bookworm-updates\n\
                       Signed-By: /usr/share/keyrings/keys.gpg\n";
        assert_eq!(source_in(stanzas), Some(("http://deb.example/debian".to_owned(), keys)));
        assert_eq!(source_in("Types: deb\nSuites: sid\nURIs: http://a.example\n"), None);
    }
}
