//! `fragwall import`

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Global, exit::Invalid, output};
use crate::{
    import::{self, Format, Input, MAX_SIZE, Warning},
    ruleset::Names,
};

/// Print a config that does what rules of iptables or nftables do.
///
/// It reads what `iptables-save`, `ip6tables-save`, `iptables -S`, `nft list ruleset` and `nft -j list ruleset` print, several
/// files together. Each of their lines stands as a comment above what has become of it. What can't be carried over is said
/// there and on standard error, with its line; and so is what those rules did to fragments.
#[derive(Args, Debug)]
pub(super) struct Import {
    /// What wrote the files; without it, what they hold tells.
    #[arg(long, value_enum, value_name = "TOOL")]
    from: Option<From>,
    /// The files; `-`, or none, is standard input.
    files: Vec<PathBuf>,
}

/// What wrote a file.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// iptables, and ip6tables where the rules tell.
    Iptables,
    /// ip6tables.
    Ip6tables,
    /// nftables.
    Nft,
}

#[derive(Serialize)]
struct Report<'a> {
    config: &'a str,
    warnings: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    file: Option<&'a str>,
    line: Option<usize>,
    part: Option<&'a str>,
    effect: &'static str,
    text: &'a str,
}

impl Import {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let inputs = self.inputs()?;
        let from = self.from.map(|from| match from {
            From::Iptables => Format::Iptables,
            From::Ip6tables => Format::Ip6tables,
            From::Nft => Format::Nft,
        });
        let imported =
            import::import(&inputs, from, Names::system()).map_err(|error| Invalid(error.to_string()))?;
        if global.json {
            let warnings = imported.warnings.iter().map(Said::of).collect();
            return output::json(&Report { config: &imported.config, warnings });
        }
        for warning in &imported.warnings {
            output::say(format_args!("{warning}"));
        }
        io::stdout().lock().write_all(imported.config.as_bytes()).context("writing to standard output")
    }

    fn inputs(&self) -> anyhow::Result<Vec<Input>> {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        if self.files.iter().filter(|path| is_stdin(path)).count() > 1 {
            bail!(Invalid("standard input, `-`, can be read once".to_owned()));
        }
        let read_file = |path: &PathBuf| {
            if is_stdin(path) {
                return read("standard input", io::stdin().lock());
            }
            let name = path.display().to_string();
            // No file is as good as one that isn't what it should be: the command line names it.
            let file = File::open(path).map_err(|error| Invalid(format!("{name}: {error}")))?;
            read(&name, file)
        };
        if self.files.is_empty() {
            return Ok(vec![read("standard input", io::stdin().lock())?]);
        }
        self.files.iter().map(read_file).collect()
    }
}

fn read(name: &str, from: impl Read) -> anyhow::Result<Input> {
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know, and nothing is read for ever.
    from.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| Invalid(format!("{name}: {error}")))?;
    if bytes.len() as u64 > MAX_SIZE {
        bail!(Invalid(format!("{name}: more than {} MB can't be rules", MAX_SIZE >> 20)));
    }
    Ok(Input { name: name.to_owned(), bytes })
}

impl<'a> Said<'a> {
    fn of(warning: &'a Warning) -> Self {
        let place = warning.place.as_ref();
        Self {
            file: place.map(|place| &*place.file),
            line: place.and_then(|place| place.line),
            part: place.and_then(|place| place.part.as_deref()),
            effect: warning.effect.word(),
            text: &warning.text,
        }
    }
}
