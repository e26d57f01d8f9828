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
    own: Own,
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
        let configured = configured()?;
        // The same suite twice, of which one says by what it's signed and the other doesn't, is too much for apt.
        if own == Own::None || !configured.iter().any(|source| source.has(name)) {
            let Source { uri, keys, .. } = debian(&configured)?;
            let signed = keys.as_ref().map(|keys| format!("[signed-by={keys}] ")).unwrap_or_default();
            let source = sources.join("fragwall.list");
            fs::write(&source, format!("deb {signed}{uri} {name} main\n"))
                .with_context(|| format!("can't write {}", source.display()))?;
        }
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
        Ok(Self { name, own, options })
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
        if self.own == Own::None {
            // Of several sources, one that is dead need not matter.
            update.arg("--option=APT::Update::Error-Mode=any");
        }
        update.args(["-qq", "update"]).stdin(Stdio::null());
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

/// Whether this machine has packages of bookworm from somewhere.
///
/// # Errors
///
/// What apt is configured with can't be read.
pub(crate) fn is_bookworm() -> Result<bool> {
    Ok(debian(&configured()?).is_ok())
}

/// A source of packages.
#[derive(Debug, PartialEq)]
struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
    /// Which keys sign it, if that is said by a file's name.
    keys: Option<String>,
}

impl Source {
    fn has(&self, suite: &str) -> bool {
        self.suites.iter().any(|own| own == suite)
    }

    /// Whether it looks like one of Debian itself: others call suites of theirs by its names.
    fn is_debians(&self) -> bool {
        self.components.iter().any(|own| own == "main") && self.uri.trim_end_matches('/').ends_with("/debian")
    }
}

/// The source of bookworm itself.
fn debian(configured: &[Source]) -> Result<&Source> {
    configured
        .iter()
        .find(|source| source.has("bookworm") && source.is_debians())
        .or_else(|| configured.iter().find(|source| source.has("bookworm")))
        .context("no source of Debian 12 (bookworm) is configured in /etc/apt: add one, then run this again")
}

/// Where this machine has packages from, in the order in which apt reads that.
fn configured() -> Result<Vec<Source>> {
    let one_line = Path::new("/etc/apt/sources.list");
    let mut files = if one_line.exists() { vec![one_line.to_owned()] } else { Vec::new() };
    files.extend(parts()?);
    let mut sources = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        let is_deb822 = file.extension().is_some_and(|kind| kind == "sources");
        sources.extend(if is_deb822 { stanzas(&text) } else { lines(&text) });
    }
    Ok(sources)
}

/// The files of `/etc/apt/sources.list.d` that apt reads, sorted.
fn parts() -> Result<Vec<PathBuf>> {
    let mut files = entries(Path::new("/etc/apt/sources.list.d"))?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "list" || kind == "sources"));
    Ok(files)
}

/// The sources of a file of lines: sources.list(5).
fn lines(text: &str) -> Vec<Source> {
    let source = |line: &str| {
        let rest = line.trim_start().strip_prefix("deb")?;
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace().map(str::to_owned);
        let keys = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        Some(Source {
            uri: words.next()?,
            suites: vec![words.next()?],
            components: words.collect(),
            keys: keys.map(str::to_owned),
        })
    };
    text.lines().filter_map(source).collect()
}

/// The sources of a file of stanzas, of which each may have several suites: sources.list(5).
fn stanzas(text: &str) -> Vec<Source> {
    let source = |stanza: &str| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| {
                let (field, value) = line.split_once(':')?;
                field.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        if field("Enabled").is_some_and(|is_enabled| is_enabled.eq_ignore_ascii_case("no")) {
            return None;
        }
        let words = |name: &str| field(name).unwrap_or_default().split_whitespace().map(str::to_owned);
        Some(Source {
            uri: words("URIs").next()?,
            suites: words("Suites").collect(),
            components: words("Components").collect(),
            keys: field("Signed-By").filter(|keys| keys.starts_with('/')).map(str::to_owned),
        })
    };
    text.split("\n\n").filter_map(source).collect()
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

    fn of_debian(sources: &[Source]) -> Option<(&str, Option<&str>)> {
        debian(sources).ok().map(|source| (source.uri.as_str(), source.keys.as_deref()))
    }

    #[test]
    fn a_source_is_found_in_either_form() {
        let text = "# comment\ndeb [broken\ndeb http://other.example/x stable main\n\
                    deb\thttp://deb.example/debian\tbookworm\tmain\n";
        assert_eq!(of_debian(&lines(text)), Some(("http://deb.example/debian", None)));
        let keys = Some("/usr/share/keyrings/keys.gpg");
        let text = "deb [arch=amd64 signed-by=/usr/share/keyrings/keys.gpg] http://deb.example/debian bookworm main\n";
        assert_eq!(of_debian(&lines(text)), Some(("http://deb.example/debian", keys)));
        let text = "Types: deb\nURIs: http://sec.example/s\nSuites: bookworm-security\nComponents: main\n\n\
                    Types: deb\nURIs: http://deb.example/debian/\nSuites: bookworm bookworm-updates\n\
                    Components: main\nSigned-by: /usr/share/keyrings/keys.gpg\n";
        let sources = stanzas(text);
        assert_eq!(of_debian(&sources), Some(("http://deb.example/debian/", keys)));
        assert!(sources[1].has("bookworm-updates") && !sources[1].has("bookworm-backports"));
        let off =
            "Enabled: no\nTypes: deb\nSuites: bookworm\nURIs: http://a.example/debian\nComponents: main\n";
        assert_eq!(of_debian(&stanzas(off)), None);
        let text = "Types: deb\nSuites: sid\nURIs: http://a.example/debian\nComponents: main\n";
        assert_eq!(of_debian(&stanzas(text)), None);
    }

    #[test]
    fn others_call_their_suites_by_debians_names() {
        let text = "deb https://download.example/linux/debian bookworm stable\ndeb https://apt.example/x bookworm main\n";
        let mut sources = lines(text);
        assert_eq!(of_debian(&sources), Some(("https://download.example/linux/debian", None)));
        sources.extend(lines("deb http://deb.example/debian bookworm main contrib\n"));
        assert_eq!(of_debian(&sources), Some(("http://deb.example/debian", None)));
    }
}
