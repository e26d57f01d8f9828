//! `fragwall completions`

use std::io;

use anyhow::Context as _;
use clap::Args;
use clap_complete::{Shell, generate};

use super::Global;

/// Print what a shell completes the command line by.
///
/// For bash, `source <(fragwall completions bash)`. Packages have it for bash, zsh and fish where these look for it.
#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, _: &Global) -> anyhow::Result<()> {
        let mut text = Vec::new();
        generate(self.shell, &mut super::command(), "fragwall", &mut text);
        io::Write::write_all(&mut io::stdout(), &text).context("writing to standard output")
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            generate(*shell, &mut super::super::command(), "fragwall", &mut text);
            let text = String::from_utf8(text).unwrap();
            for command in super::super::command().get_subcommands().filter(|command| !command.is_hide_set())
            {
                assert!(text.contains(command.get_name()), "{shell}: no {}", command.get_name());
            }
        }
    }
}
