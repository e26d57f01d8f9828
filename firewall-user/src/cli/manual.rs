//! `fragwall manual`, by which packages make the manual pages.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap_mangen::Man;

use super::Global;

/// Write the manual pages into a folder: fragwall(8), and one for each command.
#[derive(Args, Debug)]
pub(super) struct Manual {
    /// The folder, which must be there.
    folder: PathBuf,
}

impl Manual {
    pub(super) fn run(&self, _: &Global) -> anyhow::Result<()> {
        for (name, page) in pages()? {
            let path = self.folder.join(name);
            fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

/// Each page, with its file's name.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut root = super::command().disable_help_subcommand(true);
    root.build();
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<clap::Command> = shown.map(of_its_own).collect();
    let mut pages = Vec::new();
    for command in [root].into_iter().chain(commands) {
        let man = Man::new(command).section("8").manual("Fragwall");
        let mut page = Vec::new();
        let name = man.get_filename();
        man.render(&mut page).with_context(|| format!("writing {name}"))?;
        pages.push((name, page));
    }
    Ok(pages)
}

/// A command as its own page has it. Its name there is fragwall-attach(8), as git has it; it's typed `fragwall attach`.
fn of_its_own(command: &clap::Command) -> clap::Command {
    command.clone().bin_name(format!("fragwall {}", command.get_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_each_of_its_options() {
        let pages = pages().unwrap();
        let text = |name: &str| {
            let page = &pages.iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("no {name}")).1;
            String::from_utf8(page.clone()).unwrap()
        };
        text("fragwall.8");
        let mut root = super::super::command();
        root.build();
        for command in
            root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
        {
            let page = text(&format!("fragwall-{}.8", command.get_name()));
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let Some(long) = argument.get_long() else { continue };
                let long = format!("\\-\\-{}", long.replace('-', "\\-"));
                assert!(page.contains(&long), "fragwall-{}.8: no {long}", command.get_name());
            }
        }
    }
}
